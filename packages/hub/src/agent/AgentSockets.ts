/**
 * The agents whose sockets this hub holds: their steps go out as the log says, their answers come into it.
 *
 * Owns: sessions, and the newest one of an agent being the one that counts. Does not own: frames (`wire.ts`), what goes out
 * (`delivery.ts`) and comes in (`answers.ts`), the rules of plans and agents (core), giving up what nobody answers (worker).
 * Invariants: an agent is sent only what was dispatched to it and only while it is not revoked: revocations and dispatches are heard in the
 * order of the log; a result is acknowledged only when its outcome is in the log; what was dispatched while nobody listened is sent when
 * the agent comes; nothing is kept here that the log does not have, so a hub may end at any moment.
 */
import { randomUUID } from "node:crypto"
import { Context, Effect, FiberSet, Layer, Result, Schedule } from "effect"
import type { WebSocket } from "ws"
import { Agents } from "@signalbox/core/agent/Agents.ts"
import { agentEvents, agentIdOfStream } from "@signalbox/core/agent/events.ts"
import { closeCodes } from "@signalbox/core/agent/enrollment.ts"
import { type Beat, sessionBegins, sessionEnds } from "@signalbox/core/agent/presence.ts"
import type { AgentHello, AgentMessage } from "@signalbox/core/agent/protocol.ts"
import type { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { storableText } from "@signalbox/core/conversation/pieces.ts"
import type { Commands } from "@signalbox/core/log/Commands.ts"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import type { EventLog } from "@signalbox/core/log/EventLog.ts"
import { makeTypeTail } from "@signalbox/core/log/type-tail.ts"
import { planIdOf } from "@signalbox/core/plan/events.ts"
import type { PlanOutcomes } from "@signalbox/core/plan/PlanOutcomes.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { makeAnswers } from "./answers.ts"
import { makeDelivery } from "./delivery.ts"
import { Heartbeats } from "./Heartbeats.ts"
import { HubSelf } from "./HubSelf.ts"
import { dispatchedIn } from "./open-commands.ts"
import type { Session } from "./session.ts"
import { makeWire } from "./wire.ts"

/** How long an older socket with the same key has to show that it lives. */
const proofMillis = 3_000
const helloBytes = 64 * 1_024
/** Of writing down that a session has ended. */
const patience = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")])

export class AgentSockets extends Context.Service<
  AgentSockets,
  {
    /** Takes over a socket that was opened by this agent; succeeds when it has ended and that was recorded. */
    readonly serve: (socket: WebSocket, agentId: string, address: string) => Effect.Effect<void>
    /** Ends all of them, and waits until that was recorded. */
    readonly close: (reason: string) => Effect.Effect<void>
    readonly count: Effect.Effect<number>
  }
>()("@signalbox/hub/agent/AgentSockets") {
  static readonly layer: Layer.Layer<
    AgentSockets,
    never,
    Agents | Commands | Db | EventLog | Heartbeats | HubSelf | PlanOutcomes | ReadModels
  > = Layer.effect(
    AgentSockets,
    Effect.gen(function* () {
      const db = yield* Db
      const agents = yield* Agents
      const beats = yield* Heartbeats
      const self = yield* HubSelf
      const live = new Map<string, Session>()
      const all = new Set<Session>()
      const run = yield* FiberSet.makeRuntime<never>()
      const runPromise = yield* FiberSet.makeRuntimePromise<never>()
      const within = Effect.provideService(Db, db)

      const isNewest = (session: Session): boolean => live.get(session.agentId) === session
      const { send, catchUp } = yield* makeDelivery(isNewest)
      const { accepted, ended, relapsed } = yield* makeAnswers

      const retire = (session: Session, newer: string) =>
        Effect.gen(function* () {
          if (isNewest(session)) live.delete(session.agentId)
          if (yield* Effect.promise(() => session.wire.answers(proofMillis))) {
            yield* Effect.logWarning(`two live sockets have the key of ${session.agentId}; the newer one stays`)
            yield* agents.execute(
              session.agentId,
              { _tag: "Double", doubled: { session: newer, ended: session.id, address: session.address } },
              byHub()
            )
          }
          session.wire.close(closeCodes.clone, "a newer connection has the same key")
        }).pipe(Effect.catch((error) => Effect.logWarning(`an older connection was not recorded: ${error.message}`)))

      const hear = (recorded: RecordedEvent): void => {
        const dispatched = recorded.type === "StepDispatched" ? dispatchedIn(recorded) : undefined
        if (dispatched !== undefined) {
          const session = live.get(dispatched.agentId)
          if (session !== undefined)
            run(send(session, planIdOf(recorded.stream), dispatched, Math.floor(Date.parse(recorded.at))))
          return
        }
        const event = Result.getOrUndefined(agentEvents.decode(recorded))
        const agentId = agentIdOfStream(recorded.stream)
        if (event?._tag === "AgentRevoked") {
          live.delete(agentId)
          for (const one of all)
            if (one.agentId === agentId) one.wire.close(closeCodes.revoked, "this agent was revoked")
        }
        const session = live.get(agentId)
        if (event === undefined || session === undefined) return
        // another hub took this one for dead and said that it has ended: it begins anew, so that the log is right
        if (event._tag === "AgentDisconnected" && event.session === session.id)
          session.wire.close(1012, "the hub was taken for dead")
        if (event._tag !== "AgentConnected" || event.session === session.id) return
        session.other = Math.max(session.other, recorded.version)
        if (session.version !== undefined && recorded.version > session.version) run(retire(session, event.session))
      }

      const received = (session: Session, message: Exclude<AgentMessage, { readonly _tag: "hello" }>) => {
        switch (message._tag) {
          case "agent_heartbeat":
            return beats.told({ agentId: session.agentId, session: session.id, sample: message.sample } satisfies Beat)
          case "command_accepted":
            return accepted(session, message.commandId)
          case "command_result": {
            const { _tag: _, ...result } = message
            return ended(session, result)
          }
          case "guard_off":
            return Effect.sync(() => session.guards.get(message.commandId)?.(true))
          case "command_relapsed": {
            const { _tag: _, ...relapse } = message
            return relapsed(session, relapse)
          }
        }
      }

      const begin = (session: Session, hello: AgentHello) =>
        Effect.gen(function* () {
          const older = live.get(session.agentId)
          live.set(session.agentId, session)
          yield* sessionBegins(session.agentId, session.id, self.id).pipe(within)
          const { agent } = yield* agents.execute(
            session.agentId,
            {
              _tag: "Connect",
              connected: { session: session.id, hub: self.id, address: session.address },
              hello
            },
            byHub()
          )
          if (older !== undefined) run(retire(older, session.id))
          session.version = agent?.version ?? 0
          if (agent?.status !== "enrolled") return session.wire.close(closeCodes.revoked, "this agent was revoked")
          if (session.other > session.version) return yield* retire(session, "")
          run(catchUp(session))
        }).pipe(
          Effect.catch((error) => {
            if (isNewest(session)) live.delete(session.agentId)
            // nothing has become of this one, so the one before it goes on
            const before = [...all].findLast((one) => one.agentId === session.agentId && one.version !== undefined)
            if (error._tag !== "CommandRejected" && !live.has(session.agentId) && before !== undefined)
              live.set(session.agentId, before)
            return Effect.sync(() =>
              error._tag === "CommandRejected"
                ? session.wire.close(closeCodes.revoked, error.message)
                : session.wire.close(1013, "the hub cannot take connections now")
            ).pipe(Effect.andThen(Effect.logWarning(`${session.agentId} could not connect: ${error.message}`)))
          })
        )
      const finish = (session: Session, reason: string) =>
        Effect.gen(function* () {
          if (isNewest(session)) live.delete(session.agentId)
          yield* sessionEnds(session.agentId, session.id).pipe(within)
          yield* agents.execute(session.agentId, { _tag: "Disconnect", session: session.id, reason }, byHub())
        }).pipe(
          Effect.retry({
            schedule: patience,
            while: (error) => error._tag === "LogUnavailable" || error._tag === "DbError"
          }),
          Effect.catch((error) => Effect.logDebug(`the end of a connection was not recorded: ${error.message}`)),
          Effect.ensuring(Effect.sync(() => void all.delete(session)))
        )

      const serve: AgentSockets["Service"]["serve"] = (socket, agentId, address) =>
        Effect.callback<void>((resume) => {
          let begun = Promise.resolve()
          const hears = async (message: AgentMessage): Promise<void> => {
            if (message._tag !== "hello") {
              await begun // an answer is nobody's before it is known who answers
              return runPromise(received(session, message))
            }
            const { _tag: _, ...hello } = message
            if (JSON.stringify(hello).length > helloBytes) return session.wire.close(1008, "its hello is too long")
            begun = runPromise(begin(session, storableHello(hello)))
            return begun.catch(() => session.wire.close(1011, "the hub could not begin this session"))
          }
          const session: Session = {
            id: randomUUID(),
            agentId,
            address,
            wire: makeWire(socket, hears, (reason) => {
              run(
                Effect.ensuring(
                  finish(session, reason),
                  Effect.sync(() => resume(Effect.void))
                )
              )
            }),
            sent: new Map(),
            recording: new Map(),
            guards: new Map(),
            strange: 0,
            version: undefined,
            other: 0
          }
          all.add(session)
        })

      const tail = yield* makeTypeTail("agents", [
        "StepDispatched",
        "AgentConnected",
        "AgentDisconnected",
        "AgentRevoked"
      ])
      yield* tail.watchAll(hear)
      return AgentSockets.of({
        serve,
        close: (reason) =>
          Effect.gen(function* () {
            for (const session of all) session.wire.close(1001, reason)
            yield* Effect.sync(() => all.size).pipe(
              Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: (left) => left === 0 }),
              Effect.timeoutOption("4 seconds")
            )
          }),
        count: Effect.sync(() => live.size)
      })
    })
  )
}

const byHub = () => ({ commandId: randomUUID(), actor: "hub" })

const storableHello = (hello: AgentHello): AgentHello => ({
  ...hello,
  version: storableText(hello.version),
  hostname: storableText(hello.hostname),
  machineId: storableText(hello.machineId),
  bootId: storableText(hello.bootId),
  os: storableText(hello.os),
  kernel: storableText(hello.kernel),
  arch: storableText(hello.arch),
  virtualization: storableText(hello.virtualization),
  allows: hello.allows.map(storableText),
  actions: hello.actions.map(storableText)
})
