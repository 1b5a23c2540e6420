/**
 * The events of an agent: one stream `agent/<id>` from the invite to the end.
 *
 * Owns: payload schemas, ids and their making. Does not own: when they happen (`decider.ts`), heartbeats and samples, which are no events
 * (`presence.ts`), what commands did (plan room).
 * Invariants: an invite's token is nowhere, only its hash; an agent's id follows from its token, so nobody has to look it up.
 */
import { createHash, randomBytes } from "node:crypto"
import { Schema } from "effect"
import { HostName } from "../host/config.ts"
import { makeEventTypes } from "../log/Event.ts"
import { PublicKey } from "./enrollment.ts"
import { AgentHello } from "./protocol.ts"

const text = (most: number) => Schema.String.check(Schema.isMaxLength(most))

export const AgentTag = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._=:/-]{0,62}$/u, {
    expected: "a tag of letters, digits and . _ = : / -, at most 63 of them"
  })
)
export const Tags = Schema.Array(AgentTag).check(Schema.isMaxLength(50))
/** Names of opt-in actions. */
export const Allows = Schema.Array(text(64)).check(Schema.isMaxLength(100))

export const AgentEvent = Schema.TaggedUnion({
  AgentInvited: {
    tokenHash: Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/u, { expected: "a SHA-256" })),
    /** Absent: as the host calls itself. */
    name: Schema.optionalKey(HostName),
    tags: Tags,
    allows: Allows,
    /** ISO 8601. */
    expiresAt: Schema.String
  },
  AgentEnrolled: {
    publicKey: PublicKey,
    name: HostName,
    hostname: text(255),
    machineId: text(100),
    version: text(50)
  },
  AgentConnected: {
    session: Schema.String,
    /** The hub that holds the socket. */
    hub: text(200),
    address: text(100),
    /** Absent: as it told the last time. */
    hello: Schema.optionalKey(AgentHello),
    /** A session that had not ended: this one has taken its place. */
    instead: Schema.optionalKey(Schema.String)
  },
  AgentDisconnected: { session: Schema.String, reason: text(500) },
  /** Two sockets with the same key were alive at once: this machine was copied, or its key was. The newer session stayed. */
  AgentDoubled: { session: Schema.String, ended: Schema.String, address: text(100) },
  AgentChanged: {
    name: Schema.optionalKey(HostName),
    tags: Schema.optionalKey(Tags),
    allows: Schema.optionalKey(Allows)
  },
  AgentRevoked: { reason: Schema.optionalKey(text(500)) }
})
export type AgentEvent = typeof AgentEvent.Type

export const agentEvents = makeEventTypes<AgentEvent>({
  schema: AgentEvent,
  types: [
    "AgentInvited",
    "AgentEnrolled",
    "AgentConnected",
    "AgentDisconnected",
    "AgentDoubled",
    "AgentChanged",
    "AgentRevoked"
  ]
})

export const agentStream = (agentId: string): string => `agent/${agentId}`
export const agentIdOfStream = (stream: string): string => stream.slice("agent/".length)

export const makeInviteToken = (): string => `sbx_${randomBytes(32).toString("base64url")}`
export const tokenHashOf = (token: string): string => createHash("sha256").update(token).digest("hex")

const letters = "0123456789abcdefghjkmnpqrstvwxyz"

/** a-7q2fxk0c9d3m: of the token's hash, which nobody can go back from. */
export const agentIdOf = (token: string): string => {
  const bytes = createHash("sha256").update(`signalbox agent ${token}`).digest().subarray(0, 12)
  return `a-${Array.from(bytes, (byte) => letters[byte % 32]).join("")}`
}
