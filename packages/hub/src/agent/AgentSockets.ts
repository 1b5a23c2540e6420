/**
 * The agents whose sockets this hub holds: their steps go out as the log says, their answers come into it.
 *
 * Owns: sessions, delivery, acknowledgments, the newest session of an agent being the one that counts. Does not own: frames (`wire.ts`),
 * grants (`commands.ts`), the rules of plans and agents (core), giving up what nobody answers (worker).
 * Invariants: an agent is sent only what was dispatched to it and only while it is not revoked: revocations and dispatches are heard in the
 * order of the log; a result is acknowledged only when its outcome is in the log; what was dispatched while nobody listened is sent when
 * the agent comes; nothing is kept here that the log does not have, so a hub may end at any moment.
 */
import { randomUUID } from "node:crypto"
import { Context, Deferred, Effect, FiberSet, Layer, Result, Schedule } from "effect"
import type { WebSocket } from "ws"
import { Agents } from "@signalbox/core/agent/Agents.ts"
import { agentEvents, agentIdOfStream } from "@signalbox/core/agent/events.ts"
import { closeCodes } from "@signalbox/core/agent/enrollment.ts"
import { type Beat, sessionBegins, sessionEnds } from "@signalbox/core/agent/presence.ts"
import { type AgentHello, type AgentMessage, type CommandResult, type Relapse } from "@signalbox/core/agent/protocol.ts"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { storableText } from "@signalbox/core/conversation/pieces.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { makeTypeTail } from "@signalbox/core/log/type-tail.ts"
import { planIdOf } from "@signalbox/core/plan/events.ts"
import { PlanOutcomes } from "@signalbox/core/plan/PlanOutcomes.ts"
import { effectOf } from "@signalbox/core/plan/risk.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { argsOf, type Dispatched, requestOf, type Sent, sentOf } from "./commands.ts"
import { Heartbeats } from "./Heartbeats.ts"
import { HubSelf } from "./HubSelf.ts"
import { commandOf, dispatchedIn, type Found, openCommands } from "./open-commands.ts"
import { makeWire, type Wire } from "./wire.ts"

/** How long an older socket with the same key has to show that it lives. */
const proofMillis = 3_000
/** An answer is tried to be recorded for so long; then its agent tells it again. */
const recordWithin = "20 seconds"
const helloBytes = 64 * 1_024

interface Session {
  readonly id: string
  readonly agentId: string
  readonly address: string
  readonly wire: Wire
  readonly sent: Map<string, Sent>
  /** Changes whose agent is being told that it need not restore them. */
  readonly guards: Map<string, Deferred.Deferred<void>>
  /** Of its AgentConnected in the agent's stream. */
  version: number | undefined
  /** Of the newest AgentConnected of another session that was heard of before `version` was known. */
  other: number
}

type Needs = Commands | Db | EventLog

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
      const needs = yield* Effect.context<Needs>()
      const agents = yield* Agents
      const beats = yield* Heartbeats
      const log = yield* EventLog
      const models = yield* ReadModels
      const outcomes = yield* PlanOutcomes
      const self = yield* HubSelf
      const live = new Map<string, Session>()
      const all = new Set<Session>()
      const run = yield* FiberSet.makeRuntime<never>()
      const runPromise = yield* FiberSet.makeRuntimePromise<never>()
      const within = <A, E>(effect: Effect.Effect<A, E, Needs>) => Effect.provideContext(effect, needs)

      // ---- out ----

      const send = (session: Session, planId: string, event: Dispatched, at: number) =>
        Effect.gen(function* () {
          if (session.sent.has(event.commandId)) return
          session.sent.set(event.commandId, sentOf(planId, event))
          const args = event.args ?? (yield* within(argsOf(planId, event)))
          if (args === undefined)
            return yield* Effect.logError(`${planId} dispatched ${event.commandId} without arguments`)
          if (live.get(session.agentId) === session) session.wire.send(requestOf(planId, event, args, at, self.key))
        }).pipe(
          Effect.catch((error) => {
            session.sent.delete(event.commandId)
            return Effect.logWarning(`${event.commandId} was not sent yet: ${error.message}`)
          })
        )
      const sendAll = (session: Session, found: ReadonlyArray<Found>) =>
        Effect.forEach(found, ({ planId, event, at }) => send(session, planId, event, at), { discard: true })

      /** What was dispatched before the log was followed for this session; the read model may still have to come up to that. */
      const catchUp = (session: Session) =>
        Effect.gen(function* () {
          const head = yield* log.head
          yield* sendAll(session, yield* within(openCommands(session.agentId)))
          if ((yield* models.position) >= head) return
          yield* models.waitFor(head)
          yield* sendAll(session, yield* within(openCommands(session.agentId)))
        }).pipe(
          Effect.tapError((error) => Effect.logWarning(`open commands of ${session.agentId}: ${error.message}`)),
          Effect.retry(Schedule.spaced("1 second")),
          Effect.ignore
        )

      const retire = (session: Session, newer: string) =>
        Effect.gen(function* () {
          if (live.get(session.agentId) === session) live.delete(session.agentId)
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
        const session = live.get(agentIdOfStream(recorded.stream))
        if (event === undefined || session === undefined) return
        if (event._tag === "AgentRevoked") {
          live.delete(session.agentId)
          session.wire.close(closeCodes.revoked, "this agent was revoked")
        }
        if (event._tag !== "AgentConnected" || event.session === session.id) return
        session.other = Math.max(session.other, recorded.version)
        if (session.version !== undefined && recorded.version > session.version) run(retire(session, event.session))
      }

      // ---- in ----

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
          case "guard_off": {
            const said = session.guards.get(message.commandId)
            return said === undefined ? Effect.void : Effect.asVoid(Deferred.succeed(said, undefined))
          }
          case "command_relapsed": {
            const { _tag: _, ...relapse } = message
            return relapsed(session, relapse)
          }
        }
      }
      const about = (session: Session, commandId: string) =>
        Effect.gen(function* () {
          const known = session.sent.get(commandId) ?? (yield* within(commandOf(session.agentId, commandId)))
          if (known !== undefined) return known
          // dispatched by others a moment ago: the read model is not that far yet
          yield* Effect.flatMap(log.head, models.waitFor)
          return yield* within(commandOf(session.agentId, commandId))
        })
      /** That a read has begun is not worth an event: its answer follows. */
      const accepted = (session: Session, commandId: string) =>
        Effect.gen(function* () {
          const sent = session.sent.get(commandId)
          if (sent === undefined || effectOf(sent.action) === "reads") return
          yield* outcomes.accepted(refOf(sent))
        }).pipe(
          Effect.timeout(recordWithin),
          Effect.catch((error) => Effect.logWarning(`${commandId} has begun, which was not recorded: ${error.message}`))
        )
      const ended = (session: Session, result: CommandResult) =>
        Effect.gen(function* () {
          const sent = yield* about(session, result.commandId)
          if (sent === undefined)
            yield* Effect.logWarning(
              `${session.agentId} answered a command that this log does not know (${result.commandId.slice(0, 60)}, ${result.outcome})`
            )
          else {
            // in this order: a hub that ends in between has at worst called off a restore of what is proven
            const held = sent.guardMillis !== undefined && result.outcome === "succeeded"
            if (held && !(yield* calledOff(session, result.commandId)))
              return yield* Effect.logWarning(
                `${result.commandId} may still be restored by itself: its agent tells it again, as it is then`
              )
            yield* outcomes.ended(refOf(sent), result).pipe(
              Effect.retry({
                schedule: Schedule.exponential("200 millis"),
                while: (e) => e._tag === "LogUnavailable"
              })
            )
          }
          session.sent.delete(result.commandId)
          session.wire.send({ _tag: "result_acknowledged", commandId: result.commandId })
        }).pipe(
          Effect.timeout(recordWithin),
          Effect.catch((error) =>
            Effect.logWarning(
              `the answer to ${result.commandId} was not recorded and will come again: ${error.message}`
            )
          )
        )
      const relapsed = (session: Session, relapse: Relapse) =>
        Effect.gen(function* () {
          const sent = yield* about(session, relapse.commandId)
          if (sent !== undefined) yield* outcomes.relapsed(refOf(sent), relapse)
          session.wire.send({ _tag: "relapse_acknowledged", commandId: relapse.commandId })
        }).pipe(
          Effect.timeout(recordWithin),
          Effect.catch((error) =>
            Effect.logWarning(
              `the relapse of ${relapse.commandId} was not recorded and will come again: ${error.message}`
            )
          )
        )
      /** The way to the agent and back is open after the act, and the agent has called its restore off. */
      const calledOff = (session: Session, commandId: string) =>
        Effect.gen(function* () {
          if (!(yield* Effect.promise(() => session.wire.answers(10_000)))) return false
          const said = session.guards.get(commandId) ?? Deferred.makeUnsafe<void>()
          session.guards.set(commandId, said)
          session.wire.send({ _tag: "guard_released", commandId })
          const off = yield* Effect.timeoutOption(Deferred.await(said), "8 seconds")
          session.guards.delete(commandId)
          return off._tag === "Some"
        })

      // ---- sessions ----

      const begin = (session: Session, hello: AgentHello) =>
        Effect.gen(function* () {
          const older = live.get(session.agentId)
          live.set(session.agentId, session)
          yield* within(sessionBegins(session.agentId, session.id, self.id))
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
            live.delete(session.agentId)
            return Effect.sync(() =>
              error._tag === "CommandRejected"
                ? session.wire.close(closeCodes.revoked, error.message)
                : session.wire.close(1013, "the hub cannot take connections now")
            ).pipe(Effect.andThen(Effect.logWarning(`${session.agentId} could not connect: ${error.message}`)))
          })
        )
      const finish = (session: Session, reason: string) =>
        Effect.gen(function* () {
          if (live.get(session.agentId) === session) live.delete(session.agentId)
          yield* within(sessionEnds(session.agentId, session.id))
          yield* agents.execute(session.agentId, { _tag: "Disconnect", session: session.id, reason }, byHub())
        }).pipe(
          Effect.retry({ schedule: Schedule.exponential("100 millis"), times: 4 }),
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
            return begun
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
            guards: new Map(),
            version: undefined,
            other: 0
          }
          all.add(session)
        })

      const tail = yield* makeTypeTail("agents", ["StepDispatched", "AgentConnected", "AgentRevoked"])
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
const refOf = ({ action: _a, guardMillis: _g, ...ref }: Sent) => ref

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
