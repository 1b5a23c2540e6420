/** Processes that are killed with SIGKILL around the transaction of a batch: nothing is lost and nothing happens twice. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { startChild } from "../../../../test/support/child.ts"
import { DbTest } from "../../../../test/support/database.ts"
import { actual, added, createTally, expected, reactor, tally } from "../../../../test/support/tally.ts"
import { EventLog } from "../log/EventLog.ts"
import { layer as logLayer } from "../log/EventLogLive.ts"
import { Db } from "../postgres/Db.ts"
import { layer as queueLayer } from "../queue/JobQueueLive.ts"
import { queue } from "../queue/Queue.ts"
import { Projections } from "./Projection.ts"
import { layer as projectionsLayer } from "./ProjectionsLive.ts"
import { jobId, Reactors } from "./Reactor.ts"
import { layer as reactorsLayer } from "./ReactorsLive.ts"

const Test = Layer.mergeAll(projectionsLayer([tally]), reactorsLayer([reactor()])).pipe(
  Layer.provideMerge(queueLayer([queue("sort", { concurrency: 4, heartbeatSeconds: 10 })])),
  Layer.provideMerge(logLayer),
  Layer.provideMerge(DbTest)
)
const POINTS = ["before", "inside", "after"] as const

const fill = Effect.gen(function* () {
  yield* createTally
  const log = yield* EventLog
  for (let i = 0; i < 10; i++) yield* log.append(added(`s-${i % 3}`, ...Array.from({ length: 50 }, (_, n) => n)))
  return yield* log.head
})

const killed = Effect.fnUntraced(function* (settings: Readonly<Record<string, unknown>>) {
  const db = yield* Db
  const child = yield* startChild("follower.ts", { url: db.url, ...settings })
  const end = yield* child.ended
  assert.strictEqual(end.how, "SIGKILL", end.said)
})

describe("a process that is killed", () => {
  it.live.each(POINTS)("%s a projection's batch leaves it exact", (point) =>
    Effect.gen(function* () {
      const head = yield* fill
      const projections = yield* Projections
      yield* killed({ role: "project", point, batch: 2 })
      const [status] = yield* projections.status
      assert.isAbove(status?.position ?? 0, 0)
      assert.isBelow(status?.position ?? head, head)
      const runner = yield* Effect.forkChild(projections.run)
      yield* projections.waitFor("tally", head)
      assert.deepStrictEqual(yield* actual, yield* expected)
      yield* Fiber.interrupt(runner)
    }).pipe(Effect.provide(Test))
  )

  it.live.each(POINTS)("%s a reactor's batch loses no job and makes none twice", (point) =>
    Effect.gen(function* () {
      const head = yield* fill
      const [db, reactors] = [yield* Db, yield* Reactors]
      yield* killed({ role: "react", point, batch: 2 })
      const runner = yield* Effect.forkChild(reactors.run)
      yield* reactors.waitFor("sorter", head)
      const rows = yield* db.query(
        "read the jobs",
        (sql) => sql<{ id: string }[]>`select id from pgboss.job where name = 'sort' order by id`
      )
      const events = yield* db.query(
        "read the events",
        (sql) => sql<{ position: number; stream: string }[]>`select position::float8 as position, stream from log.event`
      )
      const wanted = events.flatMap((event) => [jobId(event, "sorter"), jobId(event, "sorter", "again")])
      assert.deepStrictEqual(
        rows.map((row) => row.id),
        wanted.toSorted()
      )
      yield* Fiber.interrupt(runner)
    }).pipe(Effect.provide(Test))
  )

  it.live.each(POINTS)("%s a batch of a rebuild leaves the old rows serving, and the next rebuild ends well", (point) =>
    Effect.gen(function* () {
      const head = yield* fill
      const [log, projections] = [yield* EventLog, yield* Projections]
      const runner = yield* Effect.forkChild(projections.run)
      yield* projections.waitFor("tally", head)
      yield* killed({ role: "rebuild", point, batch: 2 })
      assert.deepStrictEqual(yield* actual, yield* expected)
      const { toPosition } = yield* log.append(added("s-1", 5))
      yield* projections.waitFor("tally", toPosition)
      assert.deepStrictEqual(yield* actual, yield* expected)
      const rebuilt = yield* projections.rebuild("tally")
      assert.strictEqual(rebuilt.position, toPosition)
      assert.deepStrictEqual(yield* actual, yield* expected)
      yield* Fiber.interrupt(runner)
    }).pipe(Effect.provide(Test))
  )
})
