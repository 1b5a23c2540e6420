/**
 * One dispatcher a plan, over all workers.
 *
 * Owns: which plans this process carries out, the lease of each, taking over. Does not own: the loop (`run.ts`), leases (queue room).
 * Invariants: the lease saves work and is no interlock: two dispatchers of one plan would still dispatch nothing twice; a plan of a worker
 * that died is taken over when its lease has run out; a worker that stops hands its plans back at once.
 */
import { Context, Deferred, Effect, FiberMap, Layer } from "effect"
import { Fleet } from "@signalbox/core/agent/Fleet.ts"
import type { ExecuteError } from "@signalbox/core/log/Commands.ts"
import { PlanTail } from "@signalbox/core/plan/PlanTail.ts"
import { isRunning } from "@signalbox/core/plan/progress.ts"
import type { DbError } from "@signalbox/core/postgres/Db.ts"
import { type LeaseHeld, type LeaseLost, Leases } from "@signalbox/core/queue/Lease.ts"
import { PlanCommands } from "./PlanCommands.ts"
import { carryOut } from "./run.ts"

const lease = { ttl: "8 seconds", renewEvery: "2 seconds" } as const
const lookEvery = "500 millis"
/** Begun eagerly at once; what is more waits for its job. */
const most = 64

type RunError = ExecuteError | DbError | LeaseLost

export class PlanRuns extends Context.Service<
  PlanRuns,
  {
    /** A head start: returns at once, and what does not come of it is left to the job. */
    readonly begin: (planId: string) => Effect.Effect<void>
    /** Until the plan is over, whoever carries it out. */
    readonly finish: (planId: string) => Effect.Effect<void, RunError>
    /** Nothing further begins. */
    readonly giveUp: (planId: string, reason: string) => Effect.Effect<void, ExecuteError>
  }
>()("@signalbox/worker/plan/PlanRuns") {
  static readonly layer: Layer.Layer<PlanRuns, never, Fleet | Leases | PlanCommands | PlanTail> = Layer.effect(
    PlanRuns,
    Effect.gen(function* () {
      const context = yield* Effect.context<Fleet | PlanCommands | PlanTail>()
      const commands = yield* PlanCommands
      const leases = yield* Leases
      const fibers = yield* FiberMap.make<string, void>()
      const here = new Map<string, Deferred.Deferred<void>>()

      const underLease = (planId: string): Effect.Effect<void, RunError | LeaseHeld> =>
        Effect.gen(function* () {
          const held = yield* Deferred.make<void, LeaseHeld | LeaseLost | DbError>()
          const hold = leases
            .withLease(`plan/${planId}`, lease, () => Effect.andThen(Deferred.succeed(held, undefined), Effect.never))
            .pipe(Effect.tapError((error) => Deferred.fail(held, error)))
          yield* Effect.raceFirst(carryOut(planId, Deferred.await(held)), hold)
        }).pipe(Effect.provideContext(context))

      /** Not at all where this process is at it already. */
      const alone = <E>(planId: string, self: Effect.Effect<void, E>): Effect.Effect<void, E> =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            const end = Deferred.makeUnsafe<void>()
            here.set(planId, end)
            return end
          }),
          () => self,
          (end) =>
            Effect.suspend(() => {
              here.delete(planId)
              return Deferred.succeed(end, undefined)
            })
        )

      const begin = (planId: string) =>
        Effect.suspend(() => {
          if (here.has(planId) || here.size >= most) return Effect.void
          const run = Effect.catchCause(alone(planId, underLease(planId)), (cause) =>
            Effect.logDebug(`${planId} is left to its job`, cause)
          )
          return Effect.asVoid(FiberMap.run(fibers, planId, run, { startImmediately: true }))
        })

      const finish = (planId: string): Effect.Effect<void, RunError> =>
        Effect.gen(function* () {
          for (;;) {
            const end = here.get(planId)
            if (end !== undefined) yield* Deferred.await(end)
            const view = yield* commands.load(planId)
            if (view === undefined || !isRunning(view)) return
            if (here.has(planId)) continue
            yield* alone(planId, underLease(planId)).pipe(Effect.catchTag("LeaseHeld", () => Effect.sleep(lookEvery)))
          }
        })
      const giveUp = (planId: string, reason: string) =>
        Effect.asVoid(commands.run(planId, { _tag: "Cancel", by: "policy", reason }))
      return PlanRuns.of({ begin, finish, giveUp })
    })
  )
}
