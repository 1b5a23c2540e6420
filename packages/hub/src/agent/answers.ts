/**
 * Answers on their way in: what an agent says of its commands becomes the outcome in the log, and then it may forget.
 *
 * Owns: whose answer it is, releasing guards, acknowledgments. Does not own: the rules of plans (`PlanOutcomes`), frames (`wire.ts`).
 * Invariants: only what was dispatched to this very agent is recorded, and only the first answer; a result is acknowledged when its
 * outcome is in the log; the success of a guarded act is recorded only when its guard was released for certain, because else the
 * agent restores by itself and says so.
 */
import { Deferred, Effect, Schedule } from "effect"
import { signRelease } from "@signalbox/core/agent/grant.ts"
import type { CommandResult, Relapse } from "@signalbox/core/agent/protocol.ts"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { PlanOutcomes } from "@signalbox/core/plan/PlanOutcomes.ts"
import { effectOf } from "@signalbox/core/action/told.ts"
import type { Db } from "@signalbox/core/postgres/Db.ts"
import { refOf, type Sent } from "./commands.ts"
import { HubSelf } from "./HubSelf.ts"
import { commandOf } from "./open-commands.ts"
import type { Session } from "./session.ts"

/** An answer is tried to be recorded for so long; then its agent tells it again. */
const recordWithin = "20 seconds"
/** One way to the agent and back, while a guard is released. */
const answersMillis = 7_000
/** Of one session: who tells more than that is not written about. */
const mostStrange = 10

export const makeAnswers = Effect.gen(function* () {
  const needs = yield* Effect.context<Db | EventLog>()
  const log = yield* EventLog
  const models = yield* ReadModels
  const outcomes = yield* PlanOutcomes
  const { key } = yield* HubSelf

  /** That a read has begun is not worth an event: its answer follows. */
  const accepted = (session: Session, commandId: string): Effect.Effect<void> =>
    Effect.gen(function* () {
      const sent = session.sent.get(commandId)
      if (sent === undefined || effectOf(sent.action) === "reads") return
      yield* outcomes.accepted(refOf(sent))
    }).pipe(
      Effect.timeout(recordWithin),
      Effect.catch((error) => Effect.logWarning(`${commandId} has begun, which was not recorded: ${error.message}`))
    )

  /** @returns undefined: nobody gave it that; `over`: it has answered that already */
  const about = (session: Session, commandId: string) =>
    Effect.gen(function* () {
      const sent = session.sent.get(commandId)
      if (sent !== undefined) return { sent, over: false }
      // of another session: dispatched, or answered, a moment ago, so the read model shall be that far
      yield* Effect.flatMap(log.head, models.waitFor)
      return yield* Effect.provideContext(commandOf(session.agentId, commandId), needs)
    })

  /** The way to the agent and back is open after the act, and root's part of it has called the restore off: it can have come too late. */
  const release = (session: Session, commandId: string): Effect.Effect<boolean> =>
    Effect.gen(function* () {
      if (!(yield* Effect.promise(() => session.wire.answers(answersMillis)))) return false
      const off = yield* Effect.callback<boolean>((resume) => {
        session.guards.set(commandId, (so) => resume(Effect.succeed(so)))
        const signature = signRelease({ agentId: session.agentId, commandId }, key)
        session.wire.send({ _tag: "guard_released", commandId, signature })
        return Effect.sync(() => void session.guards.delete(commandId))
      }).pipe(Effect.timeoutOption(answersMillis))
      session.guards.delete(commandId)
      return off._tag === "Some" && off.value
    })

  const record = (session: Session, sent: Sent, result: CommandResult) =>
    Effect.gen(function* () {
      if (
        sent.guardMillis !== undefined &&
        result.outcome === "succeeded" &&
        !(yield* release(session, result.commandId))
      ) {
        yield* Effect.logWarning(
          `the guard of ${result.commandId} was not released for certain, so its end is still open`
        )
        return false
      }
      yield* outcomes
        .ended(refOf(sent), result)
        .pipe(Effect.retry({ schedule: Schedule.exponential("200 millis"), while: (e) => e._tag === "LogUnavailable" }))
      return true
    })

  const heard = (session: Session, result: CommandResult) =>
    Effect.gen(function* () {
      const found = yield* about(session, result.commandId)
      if (found?.over === true) return true
      if (found !== undefined) return yield* record(session, found.sent, result)
      if (++session.strange <= mostStrange)
        yield* Effect.logWarning(
          `${session.agentId} answered a command that it was not given (${result.commandId}, ${result.outcome})`
        )
      return true
    }).pipe(
      Effect.timeout(recordWithin),
      Effect.catchCause((cause) =>
        Effect.as(
          Effect.logWarning(`the answer to ${result.commandId} was not recorded and will come again`, cause),
          false
        )
      )
    )

  const ended = (session: Session, result: CommandResult): Effect.Effect<void> =>
    Effect.suspend(() => {
      const { commandId } = result
      const acknowledge = (known: boolean): void => {
        if (known) session.wire.send({ _tag: "result_acknowledged", commandId })
      }
      const first = session.recording.get(commandId)
      if (first !== undefined) {
        const other = result.outcome !== "succeeded" // what was held was restored meanwhile
        if (other) session.guards.get(commandId)?.(false)
        return Effect.flatMap(Deferred.await(first), (known) =>
          known || !other ? Effect.sync(() => acknowledge(known)) : ended(session, result)
        )
      }
      const done = Deferred.makeUnsafe<boolean>()
      session.recording.set(commandId, done)
      return heard(session, result).pipe(
        Effect.onExit((exit) =>
          Effect.suspend(() => {
            const known = exit._tag === "Success" && exit.value
            session.recording.delete(commandId)
            if (known) session.sent.delete(commandId)
            return Deferred.succeed(done, known)
          })
        ),
        Effect.map(acknowledge)
      )
    })

  /** What it did was well and fell over. Acknowledged when that is in the log, or is nothing to record. */
  const relapsed = (session: Session, relapse: Relapse): Effect.Effect<void> =>
    Effect.gen(function* () {
      const found = yield* about(session, relapse.commandId)
      if (found !== undefined) yield* outcomes.relapsed(refOf(found.sent), relapse)
      session.wire.send({ _tag: "relapse_acknowledged", commandId: relapse.commandId })
    }).pipe(
      Effect.timeout(recordWithin),
      Effect.catch((error) =>
        Effect.logWarning(`the relapse of ${relapse.commandId} was not recorded and will come again: ${error.message}`)
      )
    )

  return { accepted, ended, relapsed }
})
