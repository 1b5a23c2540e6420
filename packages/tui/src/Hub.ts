/**
 * The terminal's way to the hub: snapshot, events with resume, output, and the acts of a person.
 *
 * Owns: the calls, and turning every failure into one sentence. Does not own: the contract (core), the copy (`store.ts`).
 * Invariants: the first snapshot and the stream overlap and never leave a gap; a broken line is tried again with growing pauses
 * and said so; acts are never repeated by themselves.
 */
import { randomUUID } from "node:crypto"
import { Effect, Exit, Fiber, Layer, ManagedRuntime, Redacted, Result, Schedule, Schema, Stream } from "effect"
import type { HostRequest, TaskRequest } from "@signalbox/core/api/contract.ts"
import { streams } from "@signalbox/core/api/contract.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { pinnedFetch } from "@signalbox/core/api/pin.ts"
import { follow } from "@signalbox/core/api/sse.ts"
import { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { FetchHttpClient } from "effect/http"
import { type AgentActs, agentActs } from "./agent/AgentHub.ts"
import { type ChatActs, chatActs } from "./conversation/ChatHub.ts"
import { type PlanActs, planActs } from "./plan/PlanHub.ts"
import type { Snapshot, Store } from "./store.ts"
import { followLog } from "./log/follow.ts"
import { parseOf } from "./log/parse.ts"

/** What a person can do to the world from the terminal. Every promise rejects with an Error whose message is for people. */
export interface Acts {
  readonly kill: (taskId: string) => Promise<void>
  readonly retry: (taskId: string) => Promise<string>
  /** Types into the terminal of an interactive task. */
  readonly say: (taskId: string, text: string) => Promise<void>
  /** A new task that continues its agent's session. */
  readonly message: (taskId: string, text: string) => Promise<string>
  readonly create: (request: TaskRequest) => Promise<string>
  readonly addHost: (request: HostRequest, acceptNew: boolean) => Promise<void>
  readonly checkHost: (name: string) => Promise<void>
  readonly removeHost: (name: string) => Promise<void>
  readonly olderEvents: () => Promise<boolean>
  /** Follows the output of this task, and of no other. */
  readonly readLog: (taskId: string | undefined) => void
  readonly chats: ChatActs
  readonly plans: PlanActs
  readonly agents: AgentActs
  readonly close: () => Promise<void>
}

const decodeFrame = Schema.decodeUnknownResult(Schema.fromJsonString(RecordedEvent))
const page = 500

export interface HubOptions {
  readonly baseUrl: string
  readonly token: Redacted.Redacted
  /** Of the hub's certificate: nothing is sent to another. */
  readonly fingerprint?: string | undefined
  readonly store: Store
  /** Something that a person should read and that no act of theirs caused. */
  readonly tell: (sentence: string) => void
}

export const connect = (options: HubOptions): Acts => {
  const { store, baseUrl, token, fingerprint } = options
  const pinned =
    fingerprint === undefined ? Layer.empty : Layer.succeed(FetchHttpClient.Fetch, pinnedFetch(fingerprint))
  const runtime = ManagedRuntime.make(HubClient.layer(baseUrl, token).pipe(Layer.provideMerge(pinned)))
  const act = <A>(effect: Effect.Effect<A, unknown, HubClient>): Promise<A> =>
    runtime.runPromiseExit(effect).then((exit) => {
      if (Exit.isSuccess(exit)) return exit.value
      throw new Error(sentence(exit.cause.reasons.find((r) => r._tag === "Fail")?.error, baseUrl))
    })
  const following = runtime.runFork(followEvents(options))
  const chats = chatActs({ baseUrl, token, store, runtime, act, sentence: (error) => sentence(error, baseUrl) })
  const plans = planActs({ store, act })
  const agents = agentActs({ store, act })
  let reading: { readonly taskId: string; readonly fiber: Fiber.Fiber<unknown, unknown> } | undefined

  store.onUnknownTask = (taskId) => {
    void act(HubClient.use((hub) => hub.tasks.get({ params: { taskId } }))).then(
      ({ task }) => store.putTask(task),
      () => {} // gone meanwhile: the list simply does not show it
    )
  }

  return {
    kill: (taskId) => act(HubClient.use((hub) => hub.tasks.kill({ params: { taskId }, payload: id() }))).then(() => {}),
    retry: (taskId) =>
      act(HubClient.use((hub) => hub.tasks.retry({ params: { taskId }, payload: id() }))).then((a) => a.taskId),
    say: (taskId, text) =>
      act(HubClient.use((hub) => hub.tasks.message({ params: { taskId }, payload: { ...id(), text } }))).then(() => {}),
    message: (taskId, text) =>
      act(HubClient.use((hub) => hub.tasks.resume({ params: { taskId }, payload: { ...id(), text } }))).then(
        (a) => a.taskId
      ),
    create: (request) =>
      act(HubClient.use((hub) => hub.tasks.create({ payload: { ...request, ...id() } }))).then((a) => a.taskId),
    addHost: (request, acceptNew) =>
      act(HubClient.use((hub) => hub.hosts.add({ payload: { ...request, ...id(), acceptNew } }))).then(() => {}),
    checkHost: (name) => {
      store.checking.add(name)
      store.ticker.flush()
      return act(HubClient.use((hub) => hub.hosts.check({ params: { name }, payload: id() })))
        .then(({ host }) => store.putHost(host))
        .finally(() => {
          store.checking.delete(name)
          store.ticker.flush()
        })
    },
    removeHost: (name) => act(HubClient.use((hub) => hub.hosts.remove({ params: { name } }))).then(() => {}),
    olderEvents: () => {
      const before = store.oldestEvent
      if (before === undefined || !store.mayLoadOlder) return Promise.resolve(false)
      return act(HubClient.use((hub) => hub.log.page({ query: { before, limit: page } }))).then(({ events }) => {
        store.prepend(events)
        return events.length > 0
      })
    },
    readLog: (taskId) => {
      if (reading?.taskId === taskId) return
      if (reading !== undefined) void runtime.runPromise(Fiber.interrupt(reading.fiber))
      reading = undefined
      if (taskId === undefined) return store.setLog(undefined)
      const task = store.task(taskId)
      const parse = parseOf(store.tool(task?.tool ?? "")?.format, task?.params)
      reading = {
        taskId,
        fiber: runtime.runFork(followLog({ baseUrl, token, taskId, store, ...(parse ? { parse } : {}) }))
      }
    },
    chats,
    plans,
    agents,
    close: async () => {
      store.onUnknownTask = () => {}
      plans.close()
      agents.close()
      await chats.close()
      await runtime.runPromise(Fiber.interruptAll([following, ...(reading === undefined ? [] : [reading.fiber])]))
      await runtime.dispose()
      store.ticker.stop()
    }
  }
}

const id = (): { readonly commandId: string } => ({ commandId: randomUUID() })

/** The parts are read at slightly different moments: what follows the earliest of them is folded, and folding twice does nothing. */
const snapshot: Effect.Effect<Snapshot, unknown, HubClient> = Effect.gen(function* () {
  const hub = yield* HubClient
  const { head } = yield* hub.log.page({ query: { limit: 1 } })
  const [newest, open, hosts, tools, chats, plans, openPlans, agents, log] = yield* Effect.all(
    [
      hub.tasks.list({ query: { limit: 500 } }),
      hub.tasks.list({ query: { status: ["queued", "starting", "running", "waiting"], limit: 1000 } }),
      hub.hosts.list(),
      hub.tools.list(),
      hub.conversations.list({ query: { archived: "all", limit: 1000 } }),
      hub.plans.list({ query: { limit: 300 } }),
      hub.plans.list({ query: { status: ["asked", "proposed", "approved", "running"], limit: 300 } }),
      hub.agents.list(),
      hub.log.page({ query: { before: head + 1, limit: page } })
    ],
    { concurrency: "unbounded" }
  )
  return {
    tasks: [...newest.tasks, ...open.tasks],
    hosts: hosts.hosts,
    tools: tools.tools,
    chats: chats.conversations,
    plans: [...plans.plans, ...openPlans.plans],
    agents: agents.agents,
    events: log.events,
    position: Math.min(
      head,
      newest.position,
      open.position,
      hosts.position,
      chats.position,
      plans.position,
      openPlans.position
    )
  }
})

const followEvents = (options: HubOptions): Effect.Effect<void, never, HubClient> => {
  const { store, baseUrl, token, tell } = options
  const down = (reason: string) =>
    Effect.sync(() => {
      const since = store.connection.state === "reconnecting" ? store.connection.since : Date.now()
      store.connected({ state: "reconnecting", reason, since })
    })
  const load = snapshot.pipe(
    Effect.tapError((error) => {
      const reason = sentence(error, baseUrl)
      if (store.connection.state === "connecting") tell(reason)
      return down(reason)
    }),
    Effect.retry({ schedule: backoff, while: (error) => !refuses(error) }),
    Effect.tap((loaded) => Effect.sync(() => store.load(loaded)))
  )
  const events = Effect.suspend(() =>
    follow({ url: new URL(streams.events, baseUrl).href, token, lastId: String(store.position) }).pipe(
      Stream.runForEach((line) => {
        if (line._tag === "Down") return down(line.reason)
        if (line._tag === "Up") return Effect.sync(() => store.connected({ state: "live" }))
        if (line.frame.id === undefined || line.frame.event === "caught-up") return Effect.void
        const decoded = decodeFrame(line.frame.data)
        return Effect.sync(() => {
          if (Result.isSuccess(decoded)) store.apply(decoded.success)
          else store.undecodable++
        })
      })
    )
  )
  // The hub has another log than the one we know (a new database): everything is read anew.
  const other = Effect.sync(() => {
    store.clear()
    tell("The hub has another log now. Everything was read anew.")
  })
  return load.pipe(
    Effect.andThen(events),
    Effect.tapError((error) => (isOtherLog(error) ? other : Effect.void)),
    Effect.retry({ schedule: backoff, while: isOtherLog }),
    Effect.catch((error) =>
      Effect.andThen(
        down("refused"),
        Effect.sync(() => tell(sentence(error, baseUrl)))
      )
    )
  )
}

const backoff = Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("3 seconds")]).pipe(Schedule.jittered)

const isOtherLog = (error: unknown): boolean =>
  tagOf(error) === "StreamRefused" &&
  typeof error === "object" &&
  error !== null &&
  "status" in error &&
  error.status === 422

const refuses = (error: unknown): boolean => tagOf(error) === "Unauthorized" || tagOf(error) === "SchemaError"

const tagOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : ""

/** What happened and the mend, for whatever went wrong between here and the hub. */
export const sentence = (error: unknown, baseUrl: string): string => {
  if (
    typeof error === "object" &&
    error !== null &&
    "detail" in error &&
    typeof error.detail === "string" &&
    error.detail !== ""
  )
    return error.detail
  switch (tagOf(error)) {
    case "Unauthorized":
      return "The hub refused the token. Sign in again with signalbox, or give the right token."
    case "StreamRefused":
      return error instanceof Error ? error.message : "The hub refused the stream."
    case "HttpClientError":
      return `The hub at ${baseUrl} does not answer. Start it with signalbox up; this screen connects by itself.`
    case "SchemaError":
      return `The hub at ${baseUrl} answered something that this version does not understand. Use the same version on both sides.`
    default:
      return error instanceof Error && error.message !== ""
        ? error.message
        : `The hub at ${baseUrl} failed without a reason.`
  }
}
