/**
 * Leases: a named thing that one process at a time may do, with takeover when its holder dies.
 *
 * Owns: the rows of `queue.lease`. Does not own: what is done under a lease.
 * Invariants: times are the database's; `epoch` grows with every change of hands, so whoever writes under a lease passes it and an
 * older one can be refused; an effect under `withLease` is interrupted before anybody else can hold the lease, as far as the
 * process runs at all.
 */
import { Context, type Duration, type Effect, Schema } from "effect"
import type { DbError } from "../postgres/Db.ts"

export interface Lease {
  readonly name: string
  readonly holder: string
  readonly epoch: number
}
export interface LeaseRow extends Lease {
  readonly expiresAt: Date
  readonly expired: boolean
}

/** Somebody else holds it. */
export class LeaseHeld extends Schema.TaggedError<LeaseHeld>()("LeaseHeld", {
  name: Schema.String,
  holder: Schema.String
}) {
  override get message(): string {
    return `${this.name} is held by ${this.holder}`
  }
}
/** It was held and is not any more: the work under it has been stopped. */
export class LeaseLost extends Schema.TaggedError<LeaseLost>()("LeaseLost", {
  name: Schema.String,
  holder: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.holder} lost ${this.name}: ${this.reason}`
  }
}

export class Leases extends Context.Service<
  Leases,
  {
    /** Takes a free or expired lease; the holder's own is prolonged under the same epoch. */
    readonly acquire: (name: string, ttl: Duration.Input) => Effect.Effect<Lease, LeaseHeld | DbError>
    readonly renew: (lease: Lease, ttl: Duration.Input) => Effect.Effect<void, LeaseLost | DbError>
    readonly release: (lease: Lease) => Effect.Effect<void, DbError>
    /** Runs `effect` while the lease is held and renewed, and interrupts it when it is lost. */
    readonly withLease: <A, E, R>(
      name: string,
      options: { readonly ttl: Duration.Input; readonly renewEvery: Duration.Input },
      effect: (lease: Lease) => Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | LeaseHeld | LeaseLost | DbError, R>
    /** The same for a lease that is taken by a statement of the caller's, together with something else. */
    readonly under: <E0, R0, A, E, R>(
      take: Effect.Effect<Lease, E0, R0>,
      options: { readonly ttl: Duration.Input; readonly renewEvery: Duration.Input },
      effect: (lease: Lease) => Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E0 | E | LeaseLost, R0 | R>
    readonly holders: (prefix: string) => Effect.Effect<ReadonlyArray<LeaseRow>, DbError>
    /** The name under which this process holds leases. */
    readonly holder: string
  }
>()("@signalbox/core/queue/Leases") {}
