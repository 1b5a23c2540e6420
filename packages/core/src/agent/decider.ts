/**
 * What may happen to an agent: commands in, events or a rejection out. Pure.
 *
 * Owns: the rules of one agent's life: an invite works once and in time, revoked is for ever, the newest session is the one that counts.
 * Does not own: names being one of a kind (`Agents.ts`), proofs by keys (hub).
 */
import { Result, Schema } from "effect"
import type { AgentEvent } from "./events.ts"
import type { AgentHello } from "./protocol.ts"
import type { AgentView } from "./view.ts"

export class AgentRejection extends Schema.TaggedError<AgentRejection>()("AgentRejection", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

type Of<Tag extends AgentEvent["_tag"]> = Extract<AgentEvent, { readonly _tag: Tag }>
type Fields<Tag extends AgentEvent["_tag"]> = Omit<Of<Tag>, "_tag">

export type AgentCommand =
  | { readonly _tag: "Invite"; readonly invited: Fields<"AgentInvited"> }
  | {
      readonly _tag: "Enroll"
      readonly enrolled: Fields<"AgentEnrolled">
      readonly tokenHash: string
      readonly now: number
    }
  | {
      readonly _tag: "Connect"
      readonly connected: Omit<Fields<"AgentConnected">, "hello" | "instead">
      readonly hello: AgentHello
    }
  | { readonly _tag: "Disconnect"; readonly session: string; readonly reason: string }
  | { readonly _tag: "Double"; readonly doubled: Fields<"AgentDoubled"> }
  | { readonly _tag: "Change"; readonly change: Fields<"AgentChanged"> }
  | { readonly _tag: "Revoke"; readonly reason?: string }
  /** Another invite takes its place: revoked, as long as nobody has used it. */
  | { readonly _tag: "Withdraw"; readonly reason: string }

type Decision = Result.Result<ReadonlyArray<AgentEvent>, AgentRejection>
const events = (...list: ReadonlyArray<AgentEvent>): Decision => Result.succeed(list)
const reject = (reason: string): Decision => Result.fail(new AgentRejection({ reason }))

/** The same whether there is none, it was used, or it was made up: whoever guesses learns nothing. */
export const badInvite =
  "This invite does not hold: it was used, has expired, or was never given. Make a new one with signalbox agent invite."
const revoked = "This agent was revoked. Enroll its host anew with signalbox agent invite."

export const decideAgent = (view: AgentView | undefined, command: AgentCommand): Decision => {
  if (command._tag === "Invite")
    return view === undefined
      ? events({ _tag: "AgentInvited", ...command.invited })
      : reject("There is such an invite.")
  if (view === undefined) return reject(command._tag === "Enroll" ? badInvite : "There is no such agent.")
  switch (command._tag) {
    case "Enroll":
      return enroll(view, command)
    case "Connect":
      return connect(view, command)
    case "Disconnect":
      return view.session?.id === command.session
        ? events({ _tag: "AgentDisconnected", session: command.session, reason: command.reason })
        : events()
    case "Double":
      return events({ _tag: "AgentDoubled", ...command.doubled })
    case "Change":
      return change(view, command.change)
    case "Revoke":
      return view.status === "revoked"
        ? events()
        : events({ _tag: "AgentRevoked", ...(command.reason === undefined ? {} : { reason: command.reason }) })
    case "Withdraw":
      return view.status === "invited"
        ? events({ _tag: "AgentRevoked", reason: command.reason })
        : reject("This invite was used meanwhile.")
  }
}

const enroll = (view: AgentView, command: Extract<AgentCommand, { readonly _tag: "Enroll" }>): Decision => {
  if (view.tokenHash !== command.tokenHash) return reject(badInvite)
  // The answer was lost on its way, and the same host asks once more.
  if (view.status === "enrolled" && view.publicKey === command.enrolled.publicKey) return events()
  if (view.status !== "invited" || command.now >= Date.parse(view.expiresAt)) return reject(badInvite)
  return events({ _tag: "AgentEnrolled", ...command.enrolled })
}

const connect = (
  view: AgentView,
  { connected, hello }: Extract<AgentCommand, { readonly _tag: "Connect" }>
): Decision => {
  if (view.status !== "enrolled") return reject(revoked)
  if (view.session?.id === connected.session) return events()
  return events({
    _tag: "AgentConnected",
    ...connected,
    ...(view.hello !== undefined && same(view.hello, hello) ? {} : { hello }),
    ...(view.session === null ? {} : { instead: view.session.id })
  })
}

const change = (view: AgentView, wanted: Fields<"AgentChanged">): Decision => {
  if (view.status === "revoked") return reject(revoked)
  const { name, tags, allows } = wanted
  const differing = {
    ...(name === undefined || name === view.name ? {} : { name }),
    ...(tags === undefined || same(tags, view.tags) ? {} : { tags }),
    ...(allows === undefined || same(allows, view.allows) ? {} : { allows })
  }
  return Object.keys(differing).length === 0 ? events() : events({ _tag: "AgentChanged", ...differing })
}

/** Decoded by the same schema: the same order of fields. */
const same = (a: object, b: object): boolean => JSON.stringify(a) === JSON.stringify(b)
