/**
 * The terminal's way to the hub where conversations are concerned.
 *
 * Owns: the calls, which conversation and which search are followed. Does not own: the contract (core), the copy
 * (`ChatStore.ts`), how failures are worded (`Hub.ts`).
 * Invariants: one conversation is followed at a time; acts are never repeated by themselves; what an act made is in the copy
 * before the act is done.
 */
import { randomUUID } from "node:crypto"
import { Effect, Fiber, type ManagedRuntime, type Redacted } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import type { Store } from "../store.ts"
import { followTalk, pageSize } from "./follow.ts"
import { firstVersion, talkPage } from "./talk.ts"

export interface ChatActs {
  /** A new conversation with its first message. */
  readonly start: (text: string, model?: string) => Promise<string>
  readonly send: (conversationId: string, text: string) => Promise<void>
  readonly regenerate: (conversationId: string) => Promise<void>
  readonly interrupt: (conversationId: string) => Promise<void>
  readonly decide: (conversationId: string, callId: string, approve: boolean) => Promise<void>
  /** The model's whole name. */
  readonly changeModel: (conversationId: string, model: string) => Promise<string>
  readonly rename: (conversationId: string, title: string) => Promise<void>
  readonly archive: (conversationId: string, archived: boolean) => Promise<void>
  readonly fork: (conversationId: string, version?: number) => Promise<string>
  readonly summarize: (conversationId: string) => Promise<void>
  readonly models: (refresh: boolean) => Promise<void>
  readonly older: (conversationId: string) => Promise<void>
  /** Resolves when the conversation that is followed has its last page, or has failed to get it, or another one is followed. */
  readonly read: (conversationId: string) => Promise<void>
  /** What is on the screen; undefined: nothing of conversations is. */
  readonly follow: (
    wanted: { readonly conversationId: string | undefined; readonly search: string } | undefined
  ) => void
}

export interface ChatHubOptions {
  readonly baseUrl: string
  readonly token: Redacted.Redacted
  readonly store: Store
  readonly runtime: ManagedRuntime.ManagedRuntime<HubClient, never>
  readonly act: <A>(effect: Effect.Effect<A, unknown, HubClient>) => Promise<A>
  readonly sentence: (error: unknown) => string
}

export const chatActs = (options: ChatHubOptions): ChatActs & { readonly close: () => Promise<void> } => {
  const { store, runtime, act } = options
  const { chats } = store
  let reading: { readonly conversationId: string; readonly fiber: Fiber.Fiber<void> } | undefined
  let searching: { readonly query: string; readonly fiber: Fiber.Fiber<void> } | undefined
  let older: string | undefined

  /** The answer says where in the log it is; the screen goes there when it has followed so far. */
  const reached = <A extends { readonly position: number }>(answer: A): Promise<A> =>
    store.reached(answer.position).then(() => answer)
  const one = (conversationId: string) => ({ params: { conversationId } })
  const fetched = (conversationId: string): Promise<void> =>
    act(HubClient.use((hub) => hub.conversations.get(one(conversationId)))).then(
      ({ conversation }) => chats.put(conversation),
      () => {} // gone meanwhile: the list simply does not show it
    )
  chats.onUnknown = (conversationId) => void fetched(conversationId)

  const models = (refresh: boolean): Promise<void> => {
    if (chats.models.state === "loading") return Promise.resolve()
    const { problem: _, ...before } = chats.models
    chats.setModels({ ...before, state: "loading" })
    return act(HubClient.use((hub) => hub.models.list({ query: refresh ? { refresh: "true" } : {} }))).then(
      ({ providers, current }) => chats.setModels({ state: "ready", providers, current }),
      (error: unknown) =>
        chats.setModels({ ...before, state: "failed", problem: error instanceof Error ? error.message : String(error) })
    )
  }

  const read = (conversationId: string | undefined): void => {
    if (reading?.conversationId === conversationId) return
    if (reading !== undefined) runtime.runFork(Fiber.interrupt(reading.fiber))
    reading = undefined
    if (conversationId === undefined) return chats.setTalk(undefined)
    reading = { conversationId, fiber: runtime.runFork(followTalk({ ...options, conversationId })) }
  }

  const search = (query: string): void => {
    if ((searching?.query ?? "") === query) return
    if (searching !== undefined) runtime.runFork(Fiber.interrupt(searching.fiber))
    searching = undefined
    if (query === "") return chats.setFound(undefined)
    chats.setFound({ query, hits: [], state: "searching" })
    // While one is typing nothing is asked.
    const asked = Effect.sleep("250 millis").pipe(
      Effect.andThen(
        HubClient.use((hub) => hub.conversations.search({ query: { q: query.slice(0, 500), limit: 50 } }))
      ),
      Effect.tap(({ hits }) =>
        Effect.promise(() =>
          Promise.all(
            [...new Set(hits.map((hit) => hit.conversationId))]
              .filter((id) => chats.view(id) === undefined)
              .map((id) => fetched(id))
          )
        )
      ),
      Effect.match({
        onSuccess: ({ hits }) => chats.setFound({ query, hits, state: "ready" }),
        onFailure: () => chats.setFound({ query, hits: [], state: "failed" })
      })
    )
    searching = { query, fiber: runtime.runFork(asked) }
  }

  return {
    start: async (text, model) => {
      const payload = { ...id(), first: { text }, ...(model === undefined ? {} : { model }) }
      const said = await act(HubClient.use((hub) => hub.conversations.start({ payload }))).then(reached)
      return said.conversationId
    },
    send: (conversationId, text) =>
      act(HubClient.use((hub) => hub.conversations.send({ ...one(conversationId), payload: { ...id(), text } })))
        .then(reached)
        .then(() => {}),
    regenerate: (conversationId) =>
      act(HubClient.use((hub) => hub.conversations.regenerate({ ...one(conversationId), payload: id() }))).then(
        () => {}
      ),
    interrupt: (conversationId) =>
      act(HubClient.use((hub) => hub.conversations.interrupt({ ...one(conversationId), payload: id() }))).then(
        () => {}
      ),
    decide: (conversationId, callId, approve) =>
      act(
        HubClient.use((hub) =>
          hub.conversations.decideCall({ params: { conversationId, callId }, payload: { ...id(), approve } })
        )
      ).then(() => {}),
    changeModel: (conversationId, model) =>
      act(
        HubClient.use((hub) => hub.conversations.changeModel({ ...one(conversationId), payload: { ...id(), model } }))
      ).then((answer) => answer.model),
    rename: (conversationId, title) =>
      act(
        HubClient.use((hub) => hub.conversations.rename({ ...one(conversationId), payload: { ...id(), title } }))
      ).then(() => {}),
    archive: (conversationId, archived) =>
      act(
        HubClient.use((hub) => hub.conversations.archive({ ...one(conversationId), payload: { ...id(), archived } }))
      ).then(() => {}),
    fork: (conversationId, version) =>
      act(
        HubClient.use((hub) =>
          hub.conversations.fork({
            ...one(conversationId),
            payload: { ...id(), ...(version === undefined ? {} : { version }) }
          })
        )
      )
        .then(reached)
        .then((said) => said.conversationId),
    summarize: (conversationId) =>
      act(HubClient.use((hub) => hub.conversations.summarize({ ...one(conversationId), payload: id() }))).then(
        () => {}
      ),
    models,
    older: (conversationId) => {
      const { talk } = chats
      const before = talk === undefined ? undefined : firstVersion(talk)
      const page = `${conversationId} ${before}`
      if (before === undefined || talk?.conversationId !== conversationId || !talk.more || older === page)
        return Promise.resolve()
      older = page
      return act(
        HubClient.use((hub) => hub.conversations.events({ ...one(conversationId), query: { before, limit: pageSize } }))
      )
        .then(({ events, more }) => chats.changeTalk(conversationId, (now) => talkPage(now, events, more)))
        .finally(() => {
          older = undefined
        })
    },
    read: (conversationId) =>
      new Promise((resolve) => {
        const look = (): void => {
          const { talk } = chats
          if (talk?.conversationId === conversationId && talk.state === "loading") return
          leave()
          resolve()
        }
        const leave = store.ticker.subscribe(look)
        look()
      }),
    follow: (wanted) => {
      read(wanted?.conversationId)
      search(wanted?.search ?? "")
      if (wanted !== undefined && chats.models.state === "unknown") void models(false)
    },
    close: async () => {
      chats.onUnknown = () => {}
      const fibers = [reading?.fiber, searching?.fiber].filter((fiber) => fiber !== undefined)
      await runtime.runPromise(Fiber.interruptAll(fibers))
    }
  }
}

const id = (): { readonly commandId: string } => ({ commandId: randomUUID() })
