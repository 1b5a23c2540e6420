/**
 * An agent as lists and decisions see it: the fold of its events.
 *
 * Owns: `AgentView`, `evolveAgent`, what of it others may see. Does not own: whether it is there at this moment (`presence.ts`).
 * Invariants: pure; a session that is not the newest one changes nothing when it ends.
 */
import { Schema } from "effect"
import type { AgentEvent } from "./events.ts"
import { AgentHello, AgentSample } from "./protocol.ts"

export const agentStatuses = ["invited", "enrolled", "revoked"] as const

const Session = Schema.Struct({ id: Schema.String, hub: Schema.String, address: Schema.String, since: Schema.String })

const shown = {
  agentId: Schema.String,
  status: Schema.Literals(agentStatuses),
  /** What its host is called in selectors; null: its invite leaves that to the host. */
  name: Schema.NullOr(Schema.String),
  tags: Schema.Array(Schema.String),
  /** Opt-in actions that people allowed here. The host's own configuration must allow them, too. */
  allows: Schema.Array(Schema.String),
  /** Of the invite. */
  expiresAt: Schema.String,
  invitedBy: Schema.String,
  publicKey: Schema.optionalKey(Schema.String),
  hostname: Schema.optionalKey(Schema.String),
  machineId: Schema.optionalKey(Schema.String),
  /** As it told when it last connected. */
  hello: Schema.optionalKey(AgentHello),
  session: Schema.NullOr(Session),
  enrolledAt: Schema.optionalKey(Schema.String),
  disconnectedAt: Schema.optionalKey(Schema.String),
  disconnectReason: Schema.optionalKey(Schema.String),
  /** When two live sockets with its key were seen last. */
  doubledAt: Schema.optionalKey(Schema.String),
  revokedAt: Schema.optionalKey(Schema.String),
  createdAt: Schema.String,
  version: Schema.Int,
  updatedAt: Schema.String
}

export const AgentView = Schema.Struct({ ...shown, tokenHash: Schema.String })
export type AgentView = typeof AgentView.Type

interface Meta {
  readonly at: string
  readonly actor: string
  readonly version: number
}

export const evolveAgent = (
  view: AgentView | undefined,
  event: AgentEvent,
  meta: Meta,
  agentId: string
): AgentView | undefined => {
  if (event._tag === "AgentInvited")
    return (
      view ?? {
        agentId,
        status: "invited",
        name: event.name ?? null,
        tags: event.tags,
        allows: event.allows,
        expiresAt: event.expiresAt,
        invitedBy: meta.actor,
        tokenHash: event.tokenHash,
        session: null,
        createdAt: meta.at,
        version: meta.version,
        updatedAt: meta.at
      }
    )
  if (view === undefined) return undefined
  return { ...changed(view, event, meta), version: meta.version, updatedAt: meta.at }
}

const changed = (
  view: AgentView,
  event: Exclude<AgentEvent, { readonly _tag: "AgentInvited" }>,
  { at }: Meta
): AgentView => {
  switch (event._tag) {
    case "AgentEnrolled": {
      const { publicKey, name, hostname, machineId } = event
      return { ...view, status: "enrolled", publicKey, name, hostname, machineId, enrolledAt: at }
    }
    case "AgentConnected": {
      const { session, hub, address, hello } = event
      return {
        ...view,
        session: { id: session, hub, address, since: at },
        ...(hello === undefined ? {} : { hello, machineId: hello.machineId })
      }
    }
    case "AgentDisconnected":
      return view.session?.id === event.session
        ? { ...view, session: null, disconnectedAt: at, disconnectReason: event.reason }
        : view
    case "AgentDoubled":
      return { ...view, doubledAt: at }
    case "AgentChanged": {
      const { name = view.name, tags = view.tags, allows = view.allows } = event
      return { ...view, name, tags, allows }
    }
    case "AgentRevoked":
      return { ...view, status: "revoked", revokedAt: at, session: null }
  }
}

/** With what is true at this moment. */
export const AgentInfo = Schema.Struct({
  ...shown,
  online: Schema.Boolean,
  /** ISO 8601; null: never. */
  lastSeenAt: Schema.NullOr(Schema.String),
  /** The last heartbeat's. */
  sample: Schema.NullOr(
    Schema.Struct({
      cpu: Schema.Finite,
      memory: Schema.Finite,
      disk: Schema.Finite,
      relay: AgentSample.fields.relay
    })
  )
}).annotate({ identifier: "Agent" })
export type AgentInfo = typeof AgentInfo.Type

export const infoOf = (
  { tokenHash: _secret, ...view }: AgentView,
  now: Pick<AgentInfo, "online" | "lastSeenAt" | "sample">
): AgentInfo => ({ ...view, ...now })
