/**
 * Slots on rows of `queue.slot`.
 *
 * Owns: the statements, the choice of numbers. Does not own: the contract (`Slots.ts`).
 * Invariant: grants for one host come one after another (an advisory lock), so that free numbers are found and taken in one go.
 */
import { Effect, Layer } from "effect"
import { Db, type Sql } from "../postgres/Db.ts"
import { type OccupiedSlot, type SlotRequest, Slots } from "./Slots.ts"

/** First key of the advisory lock; the second is the host. */
const LOCK = 0x51671

export const layer: Layer.Layer<Slots, never, Db> = Layer.effect(
  Slots,
  Effect.gen(function* () {
    const db = yield* Db
    const grant = Effect.fn("Slots.grant")(function* (host: string, wanted: ReadonlyArray<SlotRequest>) {
      if (wanted.length === 0) return new Set<string>()
      return yield* db.transaction(
        Effect.gen(function* () {
          // sent together; the second statement begins after the first and sees what the lock's last holder committed
          const [, taken] = yield* Effect.all(
            [
              db.query(
                "lock a host's slots",
                (sql) => sql`select pg_advisory_xact_lock(${LOCK}::int, hashtext(${host}))`
              ),
              db.query(
                "read a host's slots",
                (sql) =>
                  sql<SlotRow[]>`select task_id, host, tool, host_slot, tool_slot from queue.slot where host = ${host}`
              )
            ],
            { concurrency: "unbounded" }
          )
          const { granted, rows } = assign(host, taken, wanted)
          if (rows.length > 0) yield* db.query("grant slots", (sql) => sql`insert into queue.slot ${sql([...rows])}`)
          return granted
        })
      )
    })
    return Slots.of({
      grant,
      take: (host, wanted) =>
        Effect.map(
          db.query("take a slot", (sql) => takeQuery(sql, host, wanted)),
          (rows) => rows.length > 0
        ),
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

/**
 * Without waiting: where a grant is at work it is not asked, and a grant waits for the end of this one. The statement may not see
 * what the lock's last holder has just committed; then the number is taken, and this one gets none. Nor does it wait for the
 * disk: what makes use of the slot is an event that is flushed after it, and a crash takes both away or none, or the slot alone.
 */
const takeQuery = (sql: Sql, host: string, { taskId, tool, hostLimit, toolLimit }: SlotRequest) => sql<{ n: number }[]>`
  with locked as materialized (select pg_try_advisory_xact_lock(${LOCK}::int, hashtext(${host})) as ok),
    taken as (select tool, host_slot, tool_slot from queue.slot where host = ${host}),
    here as (select count(*)::int as n from taken),
    same as (select count(*)::int as n from taken where tool = ${tool})
  insert into queue.slot (task_id, host, tool, sent_at, host_slot, tool_slot)
  select ${taskId}, ${host}, ${tool}, now(),
    (select min(n) from generate_series(1, here.n + 1) n where n not in (select host_slot from taken)),
    (select min(n) from generate_series(1, same.n + 1) n where n not in (select tool_slot from taken where tool = ${tool}))
  from locked, here, same where set_config('synchronous_commit', 'off', true) = 'off' and locked.ok and here.n < ${hostLimit} and same.n < ${toolLimit}
  on conflict do nothing returning 1 as n`

interface SlotRow {
  readonly task_id: string
  readonly host: string
  readonly tool: string
  readonly host_slot: number
  readonly tool_slot: number
}

/** The lowest free numbers, to whoever asks first. */
const assign = (host: string, taken: ReadonlyArray<SlotRow>, wanted: ReadonlyArray<SlotRequest>) => {
  const granted = new Set<string>()
  const rows: Array<SlotRow> = []
  const holders = new Set(taken.map((row) => row.task_id))
  const ofHost = new Set(taken.map((row) => row.host_slot))
  const byTool = Map.groupBy(taken, (row) => row.tool)
  const ofTools = new Map([...byTool].map(([tool, list]) => [tool, new Set(list.map((row) => row.tool_slot))]))
  for (const { taskId, tool, hostLimit, toolLimit } of wanted) {
    const ofTool = ofTools.get(tool) ?? new Set<number>()
    if (!holders.has(taskId)) {
      if (ofHost.size >= hostLimit || ofTool.size >= toolLimit) continue
      const row = { task_id: taskId, host, tool, host_slot: lowestFree(ofHost), tool_slot: lowestFree(ofTool) }
      rows.push(row)
      holders.add(taskId)
      ofHost.add(row.host_slot)
      ofTools.set(tool, ofTool.add(row.tool_slot))
    }
    granted.add(taskId)
  }
  return { granted, rows }
}

const lowestFree = (used: ReadonlySet<number>): number => {
  let n = 1
  while (used.has(n)) n++
  return n
}
