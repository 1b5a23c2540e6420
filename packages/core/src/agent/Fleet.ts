/**
 * Who the fleet is: the enrolled agents with what is known of their hosts, as plans see them.
 *
 * Owns: the interface. Does not own: enrolment, sockets, samples (the agents' room implements it), what selectors make of it.
 * Invariants: revoked agents are not in it; a host name is that of one member; what is not known is absent, never guessed.
 */
import { Context, Effect, Layer } from "effect"
import type { DbError } from "../postgres/Db.ts"
import type { AgentSample } from "./protocol.ts"

export interface FleetMember {
  readonly agentId: string
  /** Its name among people, unique in the fleet. */
  readonly host: string
  readonly tags: ReadonlyArray<string>
  /** As its agent told when it last connected; absent: it never did. */
  readonly facts?: {
    readonly os: string
    readonly kernel: string
    readonly arch: string
    readonly cpus: number
    readonly virtualization: string
  }
  /** The last heartbeat's; `at` by the hub's clock. */
  readonly sample?: typeof AgentSample.Type
  /** Milliseconds since 1970, by the hub's clock; null: never. */
  readonly lastSeen: number | null
  readonly online: boolean
  /** Opt-in actions that the host's owner allowed. */
  readonly allows: ReadonlyArray<string>
  /** What its agent can carry out; absent: not known. */
  readonly actions?: ReadonlyArray<string>
  /** What of ours runs on this machine, like "the hub": acts there are critical. */
  readonly vital?: string
}

export class Fleet extends Context.Service<
  Fleet,
  {
    /** By host name. */
    readonly members: Effect.Effect<ReadonlyArray<FleetMember>, DbError>
  }
>()("@signalbox/core/agent/Fleet") {
  /** Nobody: where no agents' room is wired. */
  static readonly empty: Layer.Layer<Fleet> = Layer.succeed(Fleet, { members: Effect.succeed([]) })
}
