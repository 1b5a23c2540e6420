/**
 * What one connection remembers, and what follows from it.
 *
 * Does not own: what is done with it (`session.ts`, `chat.ts`).
 */
import { randomUUID } from "node:crypto"
import { Context, Effect } from "effect"
import { actorOf, clientOf, mayUse, type Peer } from "./Peer.ts"
import type { Wire } from "./wire.ts"

export interface BridgeTimes {
  /** Without a line for so long, the connection ends. */
  readonly idleMs: number
  /** The same for who must sign in first. */
  readonly signInMs: number
}
export const BridgeTimes = Context.Reference<BridgeTimes>("@signalbox/hub/bridge/BridgeTimes", {
  defaultValue: () => ({ idleMs: 30 * 60_000, signInMs: 60_000 })
})

export interface Session {
  readonly wire: Wire
  peer: Peer
  /** Of this connection's talk, once it has begun. */
  conversationId: string | undefined
  /** For a talk that has not begun; undefined: what new conversations begin with. */
  model: string | undefined
  /** As CHATS numbered them last. */
  listed: ReadonlyArray<string>
  refusedTokens: number
}

/** How long the next line may take. */
export const patience = (session: Session): Effect.Effect<number> =>
  Effect.map(BridgeTimes, (times) => (mayUse(session.peer, "local") ? times.idleMs : times.signInMs))

/** Who does it, by a command of its own. */
export const by = (session: Session) => ({
  commandId: randomUUID(),
  actor: actorOf(session.peer),
  client: clientOf(session.peer)
})
