/**
 * Commands on their way out: what the log says was dispatched to an agent goes over its socket, once a session.
 *
 * Owns: sending, and what was dispatched before the session began. Does not own: who the newest session is (`AgentSockets.ts`), grants
 * (`commands.ts`), giving up what nobody answers (worker).
 * Invariants: a command that cannot be read now is tried again until its deadline; what is known to be answered is not sent again.
 */
import { Effect, Option, Schedule } from "effect"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import type { Commands } from "@signalbox/core/log/Commands.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import type { Db } from "@signalbox/core/postgres/Db.ts"
import { argsOf, type Dispatched, requestOf, sentOf } from "./commands.ts"
import { HubSelf } from "./HubSelf.ts"
import { type Found, openCommands } from "./open-commands.ts"
import type { Session } from "./session.ts"

const patience = "2 seconds"

/** @param isNewest whether commands go over this session now */
export const makeDelivery = (isNewest: (session: Session) => boolean) =>
  Effect.gen(function* () {
    const needs = yield* Effect.context<Commands | Db | EventLog>()
    const log = yield* EventLog
    const models = yield* ReadModels
    const { key } = yield* HubSelf

    /** @param at when it was dispatched */
    const send = (session: Session, planId: string, event: Dispatched, at: number): Effect.Effect<void> =>
      Effect.gen(function* () {
        if (session.sent.has(event.commandId)) return
        session.sent.set(event.commandId, sentOf(planId, event))
        const args = yield* Effect.provideContext(argsOf(planId, event), needs).pipe(
          Effect.retry({
            schedule: Schedule.spaced("1 second"),
            while: (error) => error._tag === "LogUnavailable" && isNewest(session) && Date.now() < event.deadline
          })
        )
        if (args === undefined)
          return yield* Effect.logError(`${planId} dispatched ${event.commandId} without arguments`)
        if (isNewest(session)) session.wire.send(requestOf(planId, event, args, at, key))
      }).pipe(
        Effect.catch((error) => {
          session.sent.delete(event.commandId)
          return Effect.logWarning(`${event.commandId} was not sent: ${error.message}`)
        })
      )
    const sendOpen = (session: Session) =>
      Effect.flatMap(Effect.provideContext(openCommands(session.agentId), needs), (found: ReadonlyArray<Found>) =>
        Effect.forEach(found, ({ planId, event, at }) => send(session, planId, event, at), { discard: true })
      )
    /** What was dispatched before the log was followed for this session, once the read model knows that, and what was answered. */
    const catchUp = (session: Session): Effect.Effect<void> =>
      Effect.gen(function* () {
        const head = yield* log.head
        const known = yield* Effect.timeoutOption(models.waitFor(head), patience)
        yield* sendOpen(session)
        if (Option.isSome(known)) return
        yield* models.waitFor(head)
        yield* sendOpen(session)
      }).pipe(
        Effect.tapError((error) => Effect.logWarning(`open commands of ${session.agentId}: ${error.message}`)),
        Effect.retry({ schedule: Schedule.spaced("1 second"), while: () => isNewest(session) }),
        Effect.ignore
      )
    return { send, catchUp }
  })
