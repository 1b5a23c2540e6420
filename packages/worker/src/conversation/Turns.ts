/**
 * One job at a time goes on with a conversation, over all workers.
 *
 * Owns: waiting for one's turn. Does not own: leases (queue room), what is done in a turn.
 * Invariants: a turn is held by one fiber of one process; who waits looks every so often whether there is still anything to do, and
 * a turn of a worker that died is free when its lease has run out.
 */
import { Context, Duration, Effect, Layer, Semaphore } from "effect"
import { Db, type DbError, type Sql } from "@signalbox/core/postgres/Db.ts"
import { LeaseHeld, type LeaseLost, Leases } from "@signalbox/core/queue/Lease.ts"

const lease = { ttl: "15 seconds", renewEvery: "4 seconds" } as const
const lookEvery = "500 millis"

export class Turns extends Context.Service<
  Turns,
  {
    /** Runs `effect` when it is its turn; not at all once `over` says that there is nothing left to do. */
    readonly take: <E, R, E2, R2>(
      conversationId: string,
      over: Effect.Effect<boolean, E2, R2>,
      effect: Effect.Effect<void, E, R>
    ) => Effect.Effect<void, E | E2 | LeaseLost | DbError, R | R2>
    /** Takes a turn that is free and claims the reply's first step, both in one statement. Fails where it is somebody else's turn. */
    readonly begin: <E, R>(
      conversationId: string,
      replyId: string,
      effect: (claimed: boolean) => Effect.Effect<void, E, R>
    ) => Effect.Effect<void, E | LeaseHeld | LeaseLost | DbError, R>
  }
>()("@signalbox/worker/conversation/Turns") {
  static readonly layer: Layer.Layer<Turns, never, Db | Leases> = Layer.effect(
    Turns,
    Effect.gen(function* () {
      const leases = yield* Leases
      const db = yield* Db
      const lines = new Map<string, { readonly turn: Semaphore.Semaphore; waiting: number }>()
      const inLine = <A, E, R>(name: string, self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            const line = lines.get(name) ?? { turn: Semaphore.makeUnsafe(1), waiting: 0 }
            line.waiting++
            lines.set(name, line)
            return line
          }),
          (line) => Semaphore.withPermits(line.turn, 1)(self),
          (line) =>
            Effect.sync(() => {
              line.waiting--
              if (line.waiting === 0) lines.delete(name)
            })
        )
      return Turns.of({
        begin: (conversationId, replyId, effect) => {
          const name = turnOf(conversationId)
          const { holder } = leases
          return inLine(
            name,
            Effect.suspend(() => {
              let claimed = false
              const take = Effect.gen(function* () {
                const [row] = yield* db.query("begin a reply", (sql) =>
                  beginQuery(sql, { name, holder, replyId, conversationId })
                )
                const epoch = row?.epoch ?? null
                if (row === undefined || epoch === null) return yield* new LeaseHeld({ name, holder: "another worker" })
                claimed = row.claims > 0
                return { name, holder, epoch }
              })
              return leases.under(take, lease, () => effect(claimed))
            })
          )
        },
        take: <E, R, E2, R2>(
          conversationId: string,
          over: Effect.Effect<boolean, E2, R2>,
          effect: Effect.Effect<void, E, R>
        ) => {
          const name = turnOf(conversationId)
          const attempt: Effect.Effect<void, E | E2 | LeaseLost | DbError, R | R2> = leases
            .withLease(name, lease, () => effect)
            .pipe(
              Effect.catchTag("LeaseHeld", () =>
                Effect.gen(function* () {
                  yield* Effect.sleep(lookEvery)
                  if (!(yield* over)) yield* attempt
                })
              )
            )
          return inLine(name, attempt)
        }
      })
    })
  )
}

const turnOf = (conversationId: string): string => `reply/${conversationId}`

/** The lease as `Leases.acquire` takes it, and the claim only with it. */
export const beginQuery = (
  sql: Sql,
  one: { readonly name: string; readonly holder: string; readonly replyId: string; readonly conversationId: string }
) => sql<{ epoch: number | null; claims: number }[]>`
  with turn as (
    insert into queue.lease as l (name, holder, epoch, expires_at)
    values (${one.name}, ${one.holder}, 1, now() + ${Duration.toMillis(lease.ttl)} * interval '1 millisecond')
    on conflict (name) do update
      set holder = excluded.holder, expires_at = excluded.expires_at,
        epoch = case when l.holder = excluded.holder and l.expires_at > now() then l.epoch else l.epoch + 1 end
      where l.holder = excluded.holder or l.expires_at <= now()
    returning l.epoch),
  claimed as (
    insert into live.claim (reply_id, step, conversation_id)
    select ${one.replyId}, 1, ${one.conversationId} from turn on conflict do nothing returning 1)
  select (select epoch::float8 from turn) as epoch, (select count(*)::int from claimed) as claims`
