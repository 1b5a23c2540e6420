import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { Redacted } from "effect"
import { type Acts, connect } from "../Hub.ts"
import { Store } from "../store.ts"
import { chatId, noon, replyId, spentCall } from "../testing/fixture.ts"
import { TestHub, testToken } from "../testing/hub.ts"
import { seenIn } from "../testing/seen.ts"
import { liveText, openReply } from "./talk.ts"

let hub: TestHub
let store: Store
let acts: Acts | undefined

const id = chatId(1)
const reply = replyId(1001)

beforeEach(async () => {
  hub = new TestHub()
  hub.log.talk(id, noon, [["Hello?", "Hello."], ["Tell me a story"]])
  store = new Store({ interval: 0 })
  await hub.start()
})
afterEach(async () => {
  await acts?.close()
  acts = undefined
  await hub.stop()
})

const seen = seenIn(
  () => store,
  () => `; ${JSON.stringify(store.chats.talk)?.slice(0, 500)}`
)

const join = async (): Promise<Acts> => {
  acts = connect({ baseUrl: hub.url, token: Redacted.make(testToken), store, tell: () => {} })
  await seen("live", () => store.connection.state === "live")
  return acts
}
const text = (): string => {
  const talk = store.chats.talk
  const open = talk === undefined ? undefined : openReply(talk)
  return talk === undefined || open === undefined ? "" : liveText(talk, open)
}
const follow = async (conversationId = id): Promise<void> => {
  acts?.chats.follow({ conversationId, search: "" })
  await seen(
    "the conversation",
    () => store.chats.talk?.conversationId === conversationId && store.chats.talk.state === "live"
  )
  await seen("a follower", () => hub.chats.followed.includes(conversationId) || (store.ticker.touch(), false))
}
const messages = (): ReadonlyArray<string> =>
  (store.chats.talk?.entries ?? []).flatMap((entry) => ("text" in entry && entry.text !== "" ? [entry.text] : []))

describe("a conversation that is followed", () => {
  it("has the past, then events and text as they come, each once, however often they are sent", async () => {
    await join()
    await follow()
    expect(messages()).toEqual(["Hello?", "Hello.", "Tell me a story"])
    hub.chats.thinks(id, reply)
    await seen("thinking", () => store.chats.talk?.live?.thinking === true)
    hub.chats.says(id, reply, "Once ", 3)
    hub.chats.says(id, reply, "upon 👍", 2)
    await seen("the text", () => text() === "Once upon 👍")
    hub.log.chat(
      id,
      { _tag: "ReplyStepped", replyId: reply, step: 1, text: "Once upon 👍", calls: [], ...spentCall() },
      noon
    )
    hub.chats.says(id, reply, " a time")
    await seen("the text of the next step", () => text() === " a time")
    hub.log.chat(id, { _tag: "ReplyCompleted", replyId: reply, text: "a time.", stop: "end", ...spentCall() }, noon)
    await seen("the outcome", () => messages().at(-1) === "a time.")
    expect(store.chats.talk?.live).toBeUndefined()
    expect(store.chats.view(id)?.status).toBe("idle")
  })

  it("goes on after a break with nothing lost and nothing twice", async () => {
    await join()
    await follow()
    hub.chats.says(id, reply, "Once ")
    await seen("the text", () => text() === "Once ")
    for (let round = 0; round < 3; round++) {
      const port = await hub.drop()
      await seen("reconnecting", () => store.chats.talk?.state === "reconnecting")
      hub.chats.says(id, reply, `${round} `)
      hub.log.chat(id, { _tag: "ConversationRenamed", title: `Story ${round}` }, noon)
      await hub.start(port)
      await seen(
        "what came meanwhile",
        () => text().endsWith(`${round} `) && store.chats.view(id)?.title === `Story ${round}`
      )
    }
    expect(text()).toBe("Once 0 1 2 ")
    const versions = store.chats.talk?.events.map((event) => event.version)
    expect(versions).toEqual(versions?.map((_, i) => i + 1))
  })

  it("gives one who comes late the text from its beginning", async () => {
    hub.chats.says(id, reply, "What was said before. ")
    await join()
    await follow()
    await seen("the text", () => text() === "What was said before. ")
    hub.chats.says(id, reply, "And after.")
    await seen("all of it", () => text() === "What was said before. And after.")
  })

  it("is the one that was asked for last, however fast one moves", async () => {
    hub.log.talk(chatId(2), noon, [["The other", "one"]])
    const { chats } = await join()
    for (let i = 0; i < 20; i++) chats.follow({ conversationId: chatId(1 + (i % 2)), search: "" })
    await seen("the last", () => store.chats.talk?.state === "live")
    expect(messages()).toEqual(["The other", "one"])
    expect(
      hub.requests.filter((one) => one.path.endsWith("/events") && one.path.includes("conversations")).length
    ).toBeLessThanOrEqual(2)
    chats.follow(undefined)
    expect(store.chats.talk).toBeUndefined()
  })

  it("reads older pages down to the first event, and folds them as if they had been there", async () => {
    const long = chatId(3)
    hub.log.talk(
      long,
      noon,
      Array.from({ length: 150 }, (_, i) => [`Question ${i}`, `Answer ${i}`] as const)
    )
    const { chats } = await join()
    await follow(long)
    expect(store.chats.talk?.events).toHaveLength(200)
    expect(store.chats.talk?.more).toBe(true)
    await Promise.all([chats.older(long), chats.older(long)])
    await chats.older(long)
    await chats.older(long)
    expect(store.chats.talk?.more).toBe(false)
    expect(store.chats.talk?.events).toHaveLength(451)
    expect(messages()).toHaveLength(300)
    expect(messages()[0]).toBe("Question 0")
  })
})

describe("a reply of very many steps", () => {
  it("is followed from where it was asked for", async () => {
    for (let step = 1; step <= 450; step++)
      hub.log.chat(
        id,
        { _tag: "ReplyStepped", replyId: reply, step, text: `step ${step} `, calls: [], ...spentCall() },
        noon
      )
    await join()
    await follow()
    const open = store.chats.talk === undefined ? undefined : openReply(store.chats.talk)
    expect(open?.steps).toHaveLength(450)
    hub.chats.says(id, reply, (open?.steps ?? []).map((step) => step.text).join("") + "and now")
    await seen("the text", () => text() === "and now")
  })
})

describe("acts on conversations", () => {
  it("do what they say, and fail in the hub's own words", async () => {
    const { chats } = await join()
    await expect(chats.send(id, "more")).rejects.toThrow(
      "A reply is being written; wait for it or interrupt it, then go on."
    )
    await chats.interrupt(id)
    await seen("interrupting", () => store.chats.view(id)?.open?.interrupting === true)
    hub.log.chat(id, { _tag: "ReplyInterrupted", replyId: reply, text: "Once", ...spentCall() }, noon)
    await seen("idle", () => store.chats.view(id)?.status === "idle")
    await chats.send(id, "more")
    expect(store.chats.view(id)?.status).toBe("replying") // what an act made is in the copy when it is done
    const started = await chats.start("hi", "anthropic/claude-sonnet-4-5")
    expect(store.chats.view(started)).toMatchObject({ title: "hi", model: "anthropic/claude-sonnet-4-5" })
    expect(await chats.changeModel(started, "ollama/llama3")).toBe("ollama/llama3")
    await expect(chats.changeModel(started, "nothing")).rejects.toThrow(
      "No provider has a model nothing. See model list."
    )
    await chats.rename(started, "A title")
    await chats.archive(started, true)
    await seen(
      "archived",
      () => store.chats.view(started)?.archived === true && store.chats.view(started)?.title === "A title"
    )
    const forked = await chats.fork(id, 3)
    expect(store.chats.view(forked)?.forkOf).toEqual({ conversationId: id, version: 3 })
    await expect(chats.decide(id, "c9", true)).rejects.toThrow("No tool call c9 waits for a decision here.")
    const ids = hub.requests.flatMap((r) => (r.method === "POST" ? [(r.body as { commandId?: string }).commandId] : []))
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).not.toContain(undefined)
  })

  it("searches the full text when one has stopped typing, and fetches what it finds", async () => {
    const { chats } = await join()
    for (const search of ["s", "st", "sto", "story"]) chats.follow({ conversationId: undefined, search })
    await seen("the hits", () => store.chats.found?.state === "ready")
    expect(store.chats.found?.hits).toMatchObject([{ conversationId: id, excerpt: "Tell me a «story»" }])
    expect(hub.chats.searches).toBe(1)
    const model = store.chats.model("story", false)
    expect(model.list.rows.map((view) => view.conversationId)).toEqual([id])
    chats.follow({ conversationId: undefined, search: "" })
    expect(store.chats.found).toBeUndefined()
  })

  it("knows the models, and says why it does not", async () => {
    const { chats } = await join()
    chats.follow({ conversationId: undefined, search: "" })
    await seen("the models", () => store.chats.models.state === "ready")
    expect(store.chats.models.current).toBe("gemini/gemini-2.5-flash")
    await hub.drop()
    await chats.models(true)
    expect(store.chats.models).toMatchObject({ state: "failed", current: "gemini/gemini-2.5-flash" })
    expect(store.chats.models.problem).toContain("does not answer")
  })
})
