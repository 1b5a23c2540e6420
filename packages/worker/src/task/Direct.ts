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
    readonly start: (
      taskId: string,
      launch: (decided: Effect.Effect<void>) => Effect.Effect<void>
    ) => Effect.Effect<void>
    /** Until it is decided whether this process starts the task directly. */
    readonly decided: (taskId: string) => Effect.Effect<void>
    /** Until this process is not, or no longer, starting the task directly. */
    readonly over: (taskId: string) => Effect.Effect<void>
    /** Gives what is under way some time to end, and stops the rest. */
    readonly drain: Effect.Effect<void>
  }
>()("@signalbox/worker/task/Direct") {
  static readonly layer: Layer.Layer<Direct> = Layer.effect(
    Direct,
    Effect.gen(function* () {
      const fibers = yield* FiberMap.make<string, void, never>()
      const ways = new Map<string, Way>()
      const wait = (taskId: string, of: keyof Way): Effect.Effect<void> =>
        Effect.suspend(() => {
          const way = ways.get(taskId)
          return way === undefined ? Effect.void : Deferred.await(way[of])
        })
      return Direct.of({
        start: (taskId, launch) =>
          Effect.suspend(() => {
            if (ways.size >= most || ways.has(taskId)) return Effect.void
            const way: Way = { decided: Deferred.makeUnsafe(), over: Deferred.makeUnsafe() }
            ways.set(taskId, way)
            const decided = Effect.asVoid(Deferred.succeed(way.decided, undefined))
            const ended = Effect.sync(() => {
              ways.delete(taskId)
              Deferred.doneUnsafe(way.decided, Effect.void)
              Deferred.doneUnsafe(way.over, Effect.void)
            })
            return Effect.asVoid(FiberMap.run(fibers, taskId, Effect.ensuring(launch(decided), ended)))
          }),
        decided: (taskId) => wait(taskId, "decided"),
        over: (taskId) => wait(taskId, "over"),
        drain: FiberMap.awaitEmpty(fibers).pipe(Effect.timeoutOption(grace), Effect.andThen(FiberMap.clear(fibers)))
      })
    })
  )
}

interface Way {
  readonly decided: Deferred.Deferred<void>
  readonly over: Deferred.Deferred<void>
}

const most = 16
const grace = "10 seconds"
