/**
 * Tasks that are being started directly in this process.
 *
 * Owns: which, how many at most, and waiting for them. Does not own: how (`direct-launch.ts`), the jobs, which make sure.
 * Invariants: a task is in it once at a time; beyond the limit there is no line: its jobs start the task.
 */
import { Context, Deferred, Effect, FiberMap, Layer } from "effect"

export class Direct extends Context.Service<
  Direct,
  {
    /** Returns at once. */
    readonly start: (taskId: string, launch: Effect.Effect<void>) => Effect.Effect<void>
    /** Until this process is not, or no longer, starting the task. */
    readonly over: (taskId: string) => Effect.Effect<void>
    /** Gives what is under way some time to end, and stops the rest. */
    readonly drain: Effect.Effect<void>
  }
>()("@signalbox/worker/task/Direct") {
  static readonly layer: Layer.Layer<Direct> = Layer.effect(
    Direct,
    Effect.gen(function* () {
      const fibers = yield* FiberMap.make<string, void>()
      const ends = new Map<string, Deferred.Deferred<void>>()
      return Direct.of({
        start: (taskId, launch) =>
          Effect.suspend(() => {
            if (ends.size >= most || ends.has(taskId)) return Effect.void
            const end = Deferred.makeUnsafe<void>()
            ends.set(taskId, end)
            const ended = Effect.suspend(() => {
              ends.delete(taskId)
              return Deferred.succeed(end, undefined)
            })
            return Effect.asVoid(FiberMap.run(fibers, taskId, Effect.ensuring(launch, ended)))
          }),
        over: (taskId) =>
          Effect.suspend(() => {
            const end = ends.get(taskId)
            return end === undefined ? Effect.void : Deferred.await(end)
          }),
        drain: FiberMap.awaitEmpty(fibers).pipe(
          Effect.ignore,
          Effect.timeoutOption(grace),
          Effect.andThen(FiberMap.clear(fibers))
        )
      })
    })
  )
}

const most = 16
const grace = "10 seconds"
