/**
 * One dispatcher a plan, over all workers.
 *
 * Owns: which plans this process carries out, the lease of each, taking over. Does not own: the loop (`run.ts`), leases (queue room).
 * Invariants: the lease saves work and is no interlock: two dispatchers of one plan would still dispatch nothing twice; a plan of a worker
 * that died is taken over when its lease has run out; a worker that stops hands its plans back at once.
 */
import { Context, Deferred, Effect, FiberMap, Layer, Result } from "effect"
import { Fleet } from "@signalbox/core/agent/Fleet.ts"
import type { ExecuteError } from "@signalbox/core/log/Commands.ts"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { planEvents, planIdOf } from "@signalbox/core/plan/events.ts"
import { evolvePlan } from "@signalbox/core/plan/evolve.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import { PlanTail } from "@signalbox/core/plan/PlanTail.ts"
import { isRunning, isSettledPlan } from "@signalbox/core/plan/progress.ts"
import type { Db, DbError } from "@signalbox/core/postgres/Db.ts"
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
  static readonly layer: Layer.Layer<PlanRuns, never, Db | Fleet | Leases | PlanCommands | PlanTail> = Layer.effect(
    PlanRuns,
    Effect.gen(function* () {
      const context = yield* Effect.context<Db | Fleet | PlanCommands | PlanTail>()
      const commands = yield* PlanCommands
      const leases = yield* Leases
      const fibers = yield* FiberMap.make<string, void>()
      const here = new Map<string, Deferred.Deferred<void>>()

      /** Plans that were heard of from their beginning on, the last ones: what is approved now was most often proposed just before. */
      const recent = new Map<string, PlanView>()
      yield* (yield* PlanTail).watchAll((recorded) => hear(recent, recorded))

      const underLease = (planId: string, heard?: PlanView): Effect.Effect<void, RunError | LeaseHeld> =>
        Effect.gen(function* () {
          const held = yield* Deferred.make<void, LeaseHeld | LeaseLost | DbError>()
          const hold = leases
            .withLease(`plan/${planId}`, lease, () => Effect.andThen(Deferred.succeed(held, undefined), Effect.never))
            .pipe(Effect.tapError((error) => Deferred.fail(held, error)))
          const ready = Deferred.await(held)
          yield* Effect.raceFirst(carryOut(planId, heard === undefined ? { ready } : { ready, heard }), hold)
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
          const run = Effect.catchCause(alone(planId, underLease(planId, recent.get(planId))), (cause) =>
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

const mostRecent = 32

const hear = (recent: Map<string, PlanView>, recorded: RecordedEvent): void => {
  const planId = planIdOf(recorded.stream)
  const known = recent.get(planId)
  recent.delete(planId)
  const event = Result.getOrUndefined(planEvents.decode(recorded))
  const view =
    event === undefined || recorded.version !== (known?.version ?? 0) + 1
      ? undefined
      : evolvePlan(known, event, recorded)
  if (view === undefined || isSettledPlan(view)) return
  recent.set(planId, view)
  for (const oldest of recent.keys()) {
    if (recent.size <= mostRecent) break
    recent.delete(oldest)
  }
}
