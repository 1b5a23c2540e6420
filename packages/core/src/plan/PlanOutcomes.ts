/**
 * What agents say about their commands, on its way into the log.
 *
 * Owns: gathering what is said of one plan while an append is under way, so that many hosts that answer at once cost few appends.
 * Does not own: sockets (hub), the rules (`decider.ts`), where results lie (`results.ts`).
 * Invariants: when an effect here succeeds its fact is in the log, or was already; a fact that comes twice is recorded once; one plan's
 * trouble holds up no other.
 */
import { randomUUID } from "node:crypto"
import { Context, Deferred, Effect, Exit, Layer, type Scope } from "effect"
import type { CommandResult, Relapse } from "../agent/protocol.ts"
import { Commands, type ExecuteError } from "../log/Commands.ts"
import { Db, type DbError } from "../postgres/Db.ts"
import type { Said } from "./decider.ts"
import { planEvents, planStream } from "./events.ts"
import { type CommandRef, endedBy, relapsedBy } from "./results.ts"
import { planDecider } from "./room.ts"

/** Of one append. */
const most = 200

interface Line {
  waiting: Array<{ readonly said: Said; readonly done: Deferred.Deferred<void, ExecuteError> }>
}

export class PlanOutcomes extends Context.Service<
  PlanOutcomes,
  {
    readonly accepted: (of: CommandRef) => Effect.Effect<void, ExecuteError>
    readonly ended: (of: CommandRef, result: CommandResult) => Effect.Effect<void, ExecuteError | DbError>
    /** What it did was well and fell over later. */
    readonly relapsed: (of: CommandRef, relapse: Relapse) => Effect.Effect<void, ExecuteError>
  }
>()("@signalbox/core/plan/PlanOutcomes") {
  /** @param actor who records it: "hub" */
  static readonly layer = (actor: string): Layer.Layer<PlanOutcomes, never, Commands | Db> =>
    Layer.effect(
      PlanOutcomes,
      Effect.gen(function* () {
        const commands = yield* Commands
        const db = yield* Db
        const scope = yield* Effect.scope
        const lines = new Map<string, Line>()

        const record = (planId: string, said: ReadonlyArray<Said>) =>
          commands.execute({
            decider: planDecider,
            types: planEvents,
            stream: planStream(planId),
            command: { _tag: "Hear", said },
            // a repeat is told by the state: what is known already is no event
            commandId: randomUUID(),
            actor
          })
        const work = (planId: string, line: Line): Effect.Effect<void> =>
          Effect.gen(function* () {
            while (line.waiting.length > 0) {
              const batch = line.waiting.splice(0, most)
              const exit = yield* Effect.exit(
                record(
                  planId,
                  batch.map((one) => one.said)
                )
              )
              for (const { done } of batch) yield* Deferred.done(done, Exit.asVoid(exit))
            }
            lines.delete(planId)
          })
        const hear = (planId: string, said: Said): Effect.Effect<void, ExecuteError> =>
          Effect.suspend(() => {
            const done = Deferred.makeUnsafe<void, ExecuteError>()
            const line = lines.get(planId)
            if (line !== undefined) {
              line.waiting.push({ said, done })
              return Deferred.await(done)
            }
            const begun: Line = { waiting: [{ said, done }] }
            lines.set(planId, begun)
            return Effect.andThen(forked(work(planId, begun), scope), Deferred.await(done))
          })
        return PlanOutcomes.of({
          accepted: ({ planId, ...command }) => hear(planId, { _tag: "StepAccepted", ...command }),
          ended: (of, result) =>
            Effect.flatMap(Effect.provideService(endedBy(of, result), Db, db), (said) => hear(of.planId, said)),
          relapsed: (of, relapse) => hear(of.planId, relapsedBy(of, relapse))
        })
      })
    )
}

const forked = (work: Effect.Effect<void>, scope: Scope.Scope) => Effect.forkIn(work, scope)
