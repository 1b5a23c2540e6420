/** One socket of an agent, as this hub knows it while it lasts. */
import type { Deferred } from "effect"
import type { Sent } from "./commands.ts"
import type { Wire } from "./wire.ts"

export interface Session {
  readonly id: string
  readonly agentId: string
  readonly address: string
  readonly wire: Wire
  readonly sent: Map<string, Sent>
  /** Answers that are being recorded, each with whether that succeeded: the same one again waits for it. */
  readonly recording: Map<string, Deferred.Deferred<boolean>>
  /** Guarded changes whose agent was told that it need not restore them: called when it says that it will not, or that it has. */
  readonly guards: Map<string, (off: boolean) => void>
  /** Answers to commands that the log does not know. */
  strange: number
  /** Of its AgentConnected in the agent's stream. */
  version: number | undefined
  /** Of the newest AgentConnected of another session that was heard of before `version` was known. */
  other: number
}
