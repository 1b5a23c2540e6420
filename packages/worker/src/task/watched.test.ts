/** What is asked all day long about tasks that may run, explained on a table that is large enough for a bad plan to show. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { explain } from "../../../../test/support/explain.ts"
import { Db, type Sql } from "@signalbox/core/postgres/Db.ts"
import {
  isWatched,
  isWatchedQuery,
  overdueHosts,
  overdueHostsQuery,
  releaseQuery,
  releaseSettled,
  watchedHosts,
  watchedHostsQuery,
  watchedTasks,
  watchedTasksQuery
} from "./watched.ts"

/** 40,000 tasks on ten hosts, nearly all of them over; some run, and some became unknown an hour or two days ago. */
const fill = `
  insert into read.task (id, version, view, brief)
    select 't' || n, 1, json_build_object('host', 'h' || n % 10, 'tool', 'shell', 'status', s.status, 'priority', 0,
      'createdAt', '2026-11-01T00:00:00.000000Z', 'startedAt', null, 'updatedAt', now() - s.ago), '{}'
    from generate_series(1, 40000) n,
      lateral (select case when n % 1000 = 7 then 'running' when n % 1000 in (8, 9) then 'unknown' else 'succeeded' end as status,
        case when n % 1000 = 8 then interval '1 hour' else interval '2 days' end as ago) s;
  insert into queue.slot (task_id, host, tool, host_slot, tool_slot)
    select id, host, tool, n, n from (select id, host, tool, row_number() over (order by id) as n
      from read.task where status in ('running', 'unknown')) t;
  analyze;`

const questions: Readonly<Record<string, (sql: Sql) => PromiseLike<unknown>>> = {
  watchedTasks: (sql) => watchedTasksQuery(sql, "h7"),
  isWatched: (sql) => isWatchedQuery(sql, "h3"),
  watchedHosts: (sql) => watchedHostsQuery(sql),
  overdueHosts: (sql) => overdueHostsQuery(sql),
  release: (sql) => releaseQuery(sql, "h9")
}

describe("tasks that may run", () => {
  it.live(
    "are found by the index of open tasks or their key, also by a plan that knows no parameter",
    () =>
      Effect.gen(function* () {
        const db = yield* Db
        yield* db.query("fill", (sql) => sql.unsafe(fill).simple())
        for (const [name, question] of Object.entries(questions))
          for (const generic of [false, true]) {
            const plan = yield* explain(question, { generic })
            assert.notMatch(plan, /Seq Scan on task|Rows Removed by Filter: \d{4}/, `${name}: ${plan}`)
            assert.match(plan, /task_open|task_pkey/, `${name}: ${plan}`)
          }
      }).pipe(Effect.provide(DbTest)),
    300_000
  )

  it.live("are watched, and keep their slot, while they run or became unknown within a day", () =>
    Effect.gen(function* () {
      const db = yield* Db
      yield* db.query("fill", (sql) => sql.unsafe(fill).simple())
      assert.deepStrictEqual((yield* watchedHosts).toSorted(), ["h7", "h8"])
      assert.lengthOf(yield* watchedTasks("h8"), 40)
      assert.deepStrictEqual(
        [yield* isWatched("h8"), yield* isWatched("h9"), yield* isWatched("h1")],
        [true, false, false]
      )
      assert.deepStrictEqual(yield* overdueHosts, ["h9"])
      const slots = (host: string) =>
        db.query("count", (sql) => sql<{ n: number }[]>`select count(*)::int as n from queue.slot where host = ${host}`)
      for (const host of ["h7", "h8", "h9"]) yield* releaseSettled(host)
      assert.deepStrictEqual(yield* Effect.forEach(["h7", "h8", "h9"], slots), [[{ n: 40 }], [{ n: 40 }], [{ n: 0 }]])
      assert.deepStrictEqual(yield* overdueHosts, [])
    }).pipe(Effect.provide(DbTest))
  )
})
