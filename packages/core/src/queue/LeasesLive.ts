/**
 * Leases on rows of `queue.lease`.
 *
 * Owns: the statements, and the renewing fiber of `withLease`. Does not own: the contract (`Lease.ts`).
 * Invariants: every statement decides alone, by the database's clock; a renewal that cannot reach Postgres counts as lost before
 * the lease can have expired there, measured from the moment the last good renewal was SENT.
 */
import { Clock, Duration, Effect, Exit, Layer } from "effect"
import { Db, type DbError } from "../postgres/Db.ts"
import { type Lease, LeaseHeld, LeaseLost, type LeaseRow, Leases } from "./Lease.ts"

/** @param holder unique per process: "worker:HOST:PID:RANDOM" */
export const layer = (holder: string): Layer.Layer<Leases, never, Db> =>
  Layer.effect(
    Leases,
    Effect.gen(function* () {
      const db = yield* Db

      const acquire = Effect.fn("Leases.acquire")(function* (name: string, ttl: Duration.Input) {
        const [row] = yield* db.query(
          "acquire a lease",
          (sql) => sql<{ holder: string; epoch: number }[]>`
            insert into queue.lease as l (name, holder, epoch, expires_at)
            values (${name}, ${holder}, 1, now() + ${Duration.toMillis(ttl)} * interval '1 millisecond')
            on conflict (name) do update
              set holder = excluded.holder, expires_at = excluded.expires_at,
                epoch = case when l.holder = excluded.holder and l.expires_at > now() then l.epoch else l.epoch + 1 end
              where l.holder = excluded.holder or l.expires_at <= now()
            returning holder, epoch::float8 as epoch`
        )
        if (row !== undefined) return { name, ...row } satisfies Lease
        const [other] = yield* db.query(
          "read a lease",
          (sql) => sql<{ holder: string }[]>`select holder from queue.lease where name = ${name}`
        )
        return yield* new LeaseHeld({ name, holder: other?.holder ?? "somebody" })
      })

      const renew = Effect.fn("Leases.renew")(function* (lease: Lease, ttl: Duration.Input) {
        const renewed = yield* db.query(
          "renew a lease",
          (sql) => sql`update queue.lease set expires_at = now() + ${Duration.toMillis(ttl)} * interval '1 millisecond'
            where name = ${lease.name} and holder = ${lease.holder} and epoch = ${lease.epoch} and expires_at > now()`
        )
        if (renewed.count === 0) return yield* new LeaseLost({ ...lease, reason: "it expired or was taken over" })
      })

      /** The row stays, expired: the epoch must go on growing. */
      const release = Effect.fn("Leases.release")(function* (lease: Lease) {
        yield* db.query(
          "release a lease",
          (sql) => sql`update queue.lease set expires_at = '-infinity'
            where name = ${lease.name} and holder = ${lease.holder} and epoch = ${lease.epoch}`
        )
      })

      const keep = (
        lease: Lease,
        since: number,
        options: { readonly ttl: Duration.Input; readonly renewEvery: Duration.Input }
      ): Effect.Effect<never, LeaseLost> =>
        Effect.gen(function* () {
          let good = since
          // one renewal interval of margin, for clocks that do not run alike
          const safe = Math.max(Duration.toMillis(options.ttl) - Duration.toMillis(options.renewEvery) / 2, 1)
          let pause = Duration.toMillis(options.renewEvery)
          for (;;) {
            yield* Effect.sleep(pause)
            const sent = yield* Clock.currentTimeMillis
            const left = good + safe - sent
            if (left <= 0) return yield* new LeaseLost({ ...lease, reason: "it could not be renewed in time" })
            const renewed = yield* renew(lease, options.ttl).pipe(
              Effect.timeout(left),
              Effect.as(true),
              Effect.catchTag(["DbError", "TimeoutError"], () => Effect.succeed(false))
            )
            if (renewed) good = sent
            pause = renewed
              ? Duration.toMillis(options.renewEvery)
              : Math.min(200, Math.max(good + safe - (yield* Clock.currentTimeMillis), 0))
          }
        })

      const under: Leases["Service"]["under"] = (take, options, effect) =>
        Effect.acquireUseRelease(
          Effect.flatMap(Clock.currentTimeMillis, (since) => Effect.map(take, (lease) => ({ lease, since }))),
          ({ lease, since }) => Effect.raceFirst(effect(lease), keep(lease, since, options)),
          ({ lease }, exit) =>
            isLost(exit) ? Effect.void : Effect.ignore(Effect.timeoutOption(release(lease), "2 seconds"))
        )

      return Leases.of({
        holder,
        acquire,
        renew,
        release,
        under,
        withLease: (name, options, effect) => under(acquire(name, options.ttl), options, effect),
        holders: (prefix): Effect.Effect<ReadonlyArray<LeaseRow>, DbError> =>
          db.query(
            "list leases",
            (sql) => sql<LeaseRow[]>`select name, holder, epoch::float8 as epoch, expires_at as "expiresAt",
                expires_at <= now() as expired
              from queue.lease where starts_with(name, ${prefix}) and expires_at > '-infinity' order by name`
          )
      })
    })
  )

const isLost = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && exit.cause.reasons.some((one) => one._tag === "Fail" && one.error instanceof LeaseLost)
