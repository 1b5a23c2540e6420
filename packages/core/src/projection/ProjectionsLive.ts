/**
 * The service that runs, watches, mends and rebuilds projections.
 *
 * Owns: the list of projections of this program, and the rebuild of those whose version has grown.
 * Does not own: how (`follow.ts`, `parked.ts`, `rebuild.ts`).
 */
import { Effect, Layer } from "effect"
import { type EventLog, LogUnavailable } from "../log/EventLog.ts"
import { Db } from "../postgres/Db.ts"
import { readCheckpoint } from "./checkpoint.ts"
import { followForever, patience } from "./follow.ts"
import { awaitPosition, followerStatus, listParked, makeProgress, retryStream } from "./parked.ts"
import { ALL, type Projection, Projections, UnknownProjection } from "./Projection.ts"
import { followerOf, rebuild } from "./rebuild.ts"
import { makeTail } from "./tail.ts"

export const layer = (projections: ReadonlyArray<Projection>): Layer.Layer<Projections, never, Db | EventLog> =>
  Layer.effect(
    Projections,
    Effect.gen(function* () {
      const context = yield* Effect.context<Db | EventLog>()
      const progress = makeProgress()
      const names = projections.map((one) => one.name)
      const named = (name: string): Effect.Effect<Projection, UnknownProjection> => {
        const found = projections.find((one) => one.name === name)
        return found === undefined ? Effect.fail(new UnknownProjection({ name, known: names })) : Effect.succeed(found)
      }
      const run = Effect.gen(function* () {
        const tail = yield* makeTail
        for (const projection of projections) {
          const reached = (position: number) => progress.note(projection.name, position)
          yield* Effect.forkScoped(followForever(followerOf(projection, "read"), tail, reached))
        }
        yield* Effect.forEach(projections, rebuildWhenOutdated, { discard: true })
        return yield* Effect.never
      })
      return Projections.of({
        run: run.pipe(Effect.scoped, Effect.provide(context)),
        waitFor: (name, position) =>
          (name === ALL ? Effect.succeed(names) : Effect.map(named(name), (one) => [one.name])).pipe(
            Effect.flatMap((wanted) => awaitPosition(wanted, "read", position, progress)),
            Effect.provide(context)
          ),
        status: Effect.provide(followerStatus(["read", "read_next"]), context),
        parked: Effect.provide(listParked, context),
        retry: (name, stream) =>
          named(name).pipe(
            Effect.flatMap((projection) => retryStream(followerOf(projection, "read"), stream)),
            Effect.catchTag("UnknownQueue", (e) => Effect.fail(new LogUnavailable({ reason: e.message }))),
            Effect.provide(context)
          ),
        rebuild: (name, progress = () => Effect.void) =>
          named(name).pipe(
            Effect.flatMap((projection) => rebuild(projection, progress)),
            Effect.provide(context)
          )
      })
    })
  )

/** A raised version means that the rows were made by rules that hold no more. Whoever comes second waits for the first. */
const rebuildWhenOutdated = (projection: Projection): Effect.Effect<void, never, Db | EventLog> =>
  Effect.gen(function* () {
    for (;;) {
      const at = yield* readCheckpoint(projection.name, "read")
      if (at === undefined || at.version >= projection.version) return
      const db = yield* Db
      const [other] = yield* db.query(
        "look for another rebuild",
        (sql) => sql<{ n: number }[]>`select 1 as n from derived.checkpoint
          where name = ${projection.name} and target = 'read_next' and updated_at > now() - interval '20 seconds'`
      )
      if (other === undefined) {
        yield* Effect.logInfo(`${projection.name} is rebuilt: version ${at.version} became ${projection.version}`)
        yield* rebuild(projection, () => Effect.void)
      } else yield* Effect.sleep("5 seconds")
    }
  }).pipe(
    Effect.tapError((error) => Effect.logWarning(`the rebuild of ${projection.name} is tried again: ${error.message}`)),
    Effect.retry(patience),
    Effect.ignore
  )
