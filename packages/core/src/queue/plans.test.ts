/** The queries that run all day long, explained on tables that are large enough for a bad plan to show. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type postgres from "postgres"
import { DbTest } from "../../../../test/support/database.ts"
import { Db, type Sql } from "../postgres/Db.ts"
import { heldQuery } from "../projection/checkpoint.ts"
import { firstParkedQuery } from "../projection/parked.ts"
import { layer } from "./JobQueueLive.ts"
import { queue } from "./Queue.ts"
import { readyQuery } from "./worker.ts"

const fill = `
  insert into pgboss.job (name, state, start_after, completed_on)
    select 'sort', case when n % 50 = 0 then 'created' else 'completed' end::pgboss.job_state, now(), now()
    from generate_series(1, 60000) n;
  insert into derived.checkpoint (name, target, version, position)
    select 'p' || n, 'read', 1, 0 from generate_series(1, 20) n;
  insert into derived.parked (name, target, position, stream, type)
    select 'p' || (n % 19), 'read', n, 's-' || n % 1000, 'T' from generate_series(20, 40000) n where n % 19 > 0;
  analyze;`

const explained = Effect.fnUntraced(function* <Row extends object>(query: (sql: Sql) => postgres.PendingQuery<Row[]>) {
  const db = yield* Db
  const rows = yield* db.query("explain", (sql) => sql`explain (format json) ${query(sql)}`)
  return JSON.stringify(rows)
})

describe("the hot queries of queue and followers", () => {
  it.live("walk indexes", () =>
    Effect.gen(function* () {
      const db = yield* Db
      yield* db.query("fill", (sql) => sql.unsafe(fill).simple())
      const plans = {
        ready: yield* explained((sql) => readyQuery(sql, ["sort", "sort.dead"])),
        held: yield* explained((sql) => heldQuery(sql, "p20", "read")),
        first: yield* explained((sql) => firstParkedQuery(sql, "p3", "read", "s-7"))
      }
      for (const [name, plan] of Object.entries(plans)) {
        assert.notMatch(plan, /"Node Type":"Seq Scan"/, `${name}: ${plan}`)
        assert.match(plan, /Index (Only )?Scan/, `${name}: ${plan}`)
      }
    }).pipe(Effect.provide(layer([queue("sort")]).pipe(Layer.provideMerge(DbTest))))
  )
})
