/**
 * A process that follows the log, or works a queue, and can kill itself with SIGKILL at a named point.
 * Settings come as JSON in CHILD. What it does is seen in the database only.
 */
import { flushCompileCache } from "node:module"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer, Logger, Schema } from "effect"
import { layer as logLayer } from "@signalbox/core/log/EventLogLive.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { Projections } from "@signalbox/core/projection/Projection.ts"
import { layer as projectionsLayer } from "@signalbox/core/projection/ProjectionsLive.ts"
import { Reactors } from "@signalbox/core/projection/Reactor.ts"
import { layer as reactorsLayer } from "@signalbox/core/projection/ReactorsLive.ts"
import { layer as queueLayer } from "@signalbox/core/queue/JobQueueLive.ts"
import { jobHandler, JobQueue, queue } from "@signalbox/core/queue/Queue.ts"
import { reactor, tally } from "../tally.ts"

flushCompileCache() // of a child that is killed nothing is kept (`temporary.ts` says where)

const Settings = Schema.Struct({
  url: Schema.String,
  role: Schema.Literals(["project", "react", "rebuild", "work"]),
  /** Around the n-th batch: before its statements, after them and before the commit, after the commit. */
  point: Schema.optionalKey(Schema.Literals(["before", "inside", "after"])),
  batch: Schema.optionalKey(Schema.Int),
  name: Schema.optionalKey(Schema.String)
})
const settings = Schema.decodeUnknownSync(Schema.fromJsonString(Settings))(process.env["CHILD"])

const die = Effect.sync(() => process.kill(process.pid, "SIGKILL")).pipe(Effect.andThen(Effect.never))
let batches = 0
const around = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const n = ++batches
    const wanted = settings.batch ?? 1
    if (settings.point === "before" && n === wanted) return die
    if (settings.point === "after" && n === wanted + 1) return die
    if (settings.point === "inside" && n === wanted) return Effect.tap(effect, () => die)
    return effect
  })

export const queues = [queue("sort", { concurrency: 4, heartbeatSeconds: 10 })]

const Watched = Layer.effect(
  JobQueue,
  Effect.map(JobQueue, (inner) => JobQueue.of({ ...inner, enqueue: (jobs) => around(inner.enqueue(jobs)) }))
).pipe(Layer.provide(queueLayer(queues)))

const work = Effect.gen(function* () {
  const [db, jobs] = [yield* Db, yield* JobQueue]
  const handler = jobHandler({
    queue: "sort",
    data: Schema.Struct({ position: Schema.Int }),
    run: (_, job) =>
      Effect.gen(function* () {
        yield* db.query(
          "note a run",
          (sql) => sql`insert into run (id, attempt, worker) values (${job.id}, ${job.attempt}, ${settings.name ?? ""})`
        )
        yield* Effect.sleep("25 millis")
        yield* db.query("take effect", (sql) => sql`insert into effect (id) values (${job.id}) on conflict do nothing`)
      })
  })
  return yield* jobs.work([handler])
})

const main = Effect.gen(function* () {
  switch (settings.role) {
    case "project":
      return yield* (yield* Projections).run
    case "rebuild":
      return yield* (yield* Projections).rebuild("tally")
    case "react":
      return yield* (yield* Reactors).run
    case "work":
      return yield* work
  }
})

const Watching = projectionsLayer([{ ...tally, apply: (events) => around(tally.apply(events)) }])
main.pipe(
  Effect.provide(
    Layer.mergeAll(Watching, reactorsLayer([reactor()])).pipe(
      Layer.provideMerge(Watched),
      Layer.provideMerge(logLayer),
      Layer.provideMerge(Db.layer(settings.url)),
      Layer.provideMerge(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)]))
    )
  ),
  NodeRuntime.runMain
)
