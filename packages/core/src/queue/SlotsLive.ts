/**
 * Slots on rows of `queue.slot`.
 *
 * Owns: the statements. Does not own: the contract (`Slots.ts`).
 * Invariant: grants for one host come one after another (an advisory lock), so that a free number is found and taken in one go.
 */
import { Effect, Layer } from "effect"
import { Db } from "../postgres/Db.ts"
import { type OccupiedSlot, type SlotRequest, Slots } from "./Slots.ts"

/** First key of the advisory lock; the second is the host. */
const LOCK = 0x51671

export const layer: Layer.Layer<Slots, never, Db> = Layer.effect(
  Slots,
  Effect.gen(function* () {
    const db = yield* Db
    const grant = Effect.fn("Slots.grant")(function* (request: SlotRequest) {
      return yield* db.transaction(
        Effect.gen(function* () {
          yield* db.query(
            "lock a host's slots",
            (sql) => sql`select pg_advisory_xact_lock(${LOCK}::int, hashtext(${request.host}))`
          )
          // a second statement: it sees what the lock's last holder committed
          const [row] = yield* db.query(
            "grant a slot",
            (sql) => sql<{ granted: boolean }[]>`with granted as (
                insert into queue.slot (task_id, host, tool, host_slot, tool_slot)
                select ${request.taskId}, ${request.host}, ${request.tool}, h.n, t.n
                from (select n from generate_series(1, ${request.hostLimit}::int) n
                      where n not in (select host_slot from queue.slot where host = ${request.host}) order by n limit 1) h,
                     (select n from generate_series(1, ${request.toolLimit}::int) n
                      where n not in (select tool_slot from queue.slot where host = ${request.host} and tool = ${request.tool})
                      order by n limit 1) t
                where (select count(*) from queue.slot where host = ${request.host}) < ${request.hostLimit}
                  and (select count(*) from queue.slot where host = ${request.host} and tool = ${request.tool}) < ${request.toolLimit}
                  and not exists (select 1 from queue.slot where task_id = ${request.taskId})
                returning 1)
              select exists (select 1 from granted)
                or exists (select 1 from queue.slot where task_id = ${request.taskId}) as granted`
          )
          return row?.granted === true
        })
      )
    })
    return Slots.of({
      grant,
      release: (taskId) =>
        Effect.asVoid(db.query("release a slot", (sql) => sql`delete from queue.slot where task_id = ${taskId}`)),
      occupied: db.query(
        "list slots",
        (sql) => sql<OccupiedSlot[]>`select task_id as "taskId", host, tool, granted_at as since
          from queue.slot order by host, tool, granted_at`
      )
    })
  })
)
