/**
 * The conversation routes of the test hub: the contract's paths over the fixture log, and the live stream with its deltas.
 *
 * Owns: conversations and models over HTTP. Does not own: the server (`hub.ts`), providers and replies: a test says what the model
 * says.
 * Invariants: decisions are the real decider's; a late follower gets the text of the open reply from 0, after its
 * ReplyRequested, and the outcome after the text, as the contract has it.
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import { Result } from "effect"
import { type ConversationCommand, decideConversation } from "@signalbox/core/conversation/decider.ts"
import { conversationIdOf } from "@signalbox/core/conversation/events.ts"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { chatId, type FixtureLog, replyId } from "./fixture.ts"
import { models } from "./world.ts"

interface Follower {
  readonly response: ServerResponse
  readonly conversationId: string
}

interface Answers {
  readonly json: (status: number, value: unknown) => void
  readonly problem: (status: number, type: string, detail: string, more?: object) => void
}

export class TestChats {
  log: FixtureLog
  /** The text of open replies. */
  private readonly texts = new Map<string, string>()
  private readonly followers = new Set<Follower>()
  private next = 500
  models: unknown = models
  searches = 0

  constructor(log: FixtureLog) {
    this.log = log
  }

  get followed(): ReadonlyArray<string> {
    return [...this.followers].map((one) => one.conversationId)
  }

  onEvent(event: RecordedEvent): void {
    for (const { response, conversationId } of this.followers)
      if (conversationIdOf(event.stream) === conversationId) response.write(eventFrame(event))
  }

  /** What the model says in an open reply; told to followers `times` over, as a healed gap may be. */
  says(conversationId: string, reply: string, text: string, times = 1): void {
    const known = this.texts.get(reply) ?? ""
    this.texts.set(reply, known + text)
    for (let i = 0; i < times; i++)
      for (const follower of this.followers)
        if (follower.conversationId === conversationId) follower.response.write(deltaFrame(reply, known.length, text))
  }

  thinks(conversationId: string, reply: string): void {
    for (const follower of this.followers)
      if (follower.conversationId === conversationId)
        follower.response.write(`event: thinking\ndata: ${JSON.stringify({ replyId: reply })}\n\n`)
  }

  answer(request: IncomingMessage, response: ServerResponse, url: URL, body: unknown, answers: Answers): void {
    const { json, problem } = answers
    const [, , , room, name = "", verb = "", last = ""] = url.pathname.split("/")
    const method = request.method ?? "GET"
    const position = this.log.head
    if (room === "models") return json(200, this.models)
    if (name === "" && method === "GET")
      return json(200, { conversations: [...this.log.chats.values()].toReversed(), position })
    if (name === "search") return json(200, { hits: this.search(url.searchParams.get("q") ?? "") })
    const given = (body ?? {}) as Record<string, unknown>
    if (name === "") {
      const id = chatId(this.next++)
      const reply = replyId(this.next)
      const model = typeof given["model"] === "string" ? given["model"] : "gemini/gemini-2.5-flash"
      const first = given["first"] as { readonly text: string } | undefined
      return this.decide(
        id,
        {
          _tag: "Start",
          started: { conversationId: id, model, client: "ana", tools: true },
          ...(first === undefined ? {} : { first: { text: first.text, replyId: reply, model } })
        },
        reply,
        answers
      )
    }
    const view = this.log.chats.get(name)
    if (view === undefined) return problem(404, "not-found", `There is no conversation ${name}.`, { what: name })
    if (verb === "") return json(200, { conversation: view, position })
    const all = this.log.chatEvents(name)
    if (verb === "events") {
      const before = Number(url.searchParams.get("before") ?? all.length + 1)
      const from = Math.max(0, before - 1 - Number(url.searchParams.get("limit") ?? 100))
      return json(200, { events: all.slice(from, before - 1), more: from > 0 })
    }
    if (verb === "live") return this.follow(request, response, name, url)
    const reply = replyId(this.next++)
    switch (verb) {
      case "messages":
        return this.decide(name, { _tag: "Send", text: String(given["text"]), replyId: reply }, reply, answers)
      case "regenerate":
        return this.decide(name, { _tag: "Regenerate", replyId: reply }, reply, answers)
      case "interrupt":
        return this.decide(name, { _tag: "Interrupt" }, null, answers)
      case "calls":
        return this.decide(
          name,
          { _tag: "DecideCall", callId: last, approve: given["approve"] === true },
          null,
          answers
        )
      case "model": {
        const model = String(given["model"])
        if (!model.includes("/")) return problem(422, "invalid", `No provider has a model ${model}. See model list.`)
        return this.decide(name, { _tag: "ChangeModel", model }, null, answers, { model })
      }
      case "rename":
        return this.decide(name, { _tag: "Rename", title: String(given["title"]) }, null, answers)
      case "archive":
        return this.decide(name, { _tag: given["archived"] === true ? "Archive" : "Unarchive" }, null, answers)
      case "summarize":
        return this.decide(name, { _tag: "Summarize" }, null, answers)
      case "fork": {
        const id = chatId(this.next++)
        const version = Number(given["version"] ?? view.version)
        const started = {
          conversationId: id,
          model: view.model,
          client: "ana",
          tools: true,
          forkOf: { conversationId: name, version }
        }
        return this.decide(id, { _tag: "Start", started }, null, answers)
      }
      default:
        return problem(404, "not-found", "No such thing.", { what: url.pathname })
    }
  }

  private decide(id: string, command: ConversationCommand, reply: string | null, answers: Answers, more = {}): void {
    const decided = decideConversation(this.log.chats.get(id), command)
    if (Result.isFailure(decided)) return answers.problem(409, "rejected", decided.failure.message)
    for (const event of decided.success) this.log.chat(id, event, Date.now())
    const version = this.log.chats.get(id)?.version ?? 0
    const created = command._tag === "Start" || command._tag === "Send" || command._tag === "Regenerate"
    answers.json(created ? 201 : 200, {
      position: this.log.head,
      ...(created ? { conversationId: id, replyId: reply, version } : {}),
      ...more
    })
  }

  private search(q: string): ReadonlyArray<unknown> {
    this.searches++
    return this.log.events.flatMap((event) => {
      const data = event.data as { readonly text?: unknown }
      if (!event.stream.startsWith("conversation/") || typeof data.text !== "string") return []
      const at = data.text.indexOf(q)
      if (at < 0) return []
      const conversationId = conversationIdOf(event.stream)
      const excerpt = `${data.text.slice(Math.max(0, at - 20), at)}«${q}»${data.text.slice(at + q.length, at + q.length + 20)}`
      const role = event.type === "MessageSent" ? "user" : "assistant"
      const title = this.log.chats.get(conversationId)?.title ?? ""
      return [{ conversationId, title, version: event.version, role, at: event.at, excerpt }]
    })
  }

  private follow(request: IncomingMessage, response: ServerResponse, conversationId: string, url: URL): void {
    const from = Number(request.headers["last-event-id"] ?? Number(url.searchParams.get("from") ?? 1) - 1) + 1
    response.writeHead(200, { "content-type": "text/event-stream" })
    response.write(": hello\n\n")
    for (const event of this.log.chatEvents(conversationId).slice(from - 1)) response.write(eventFrame(event))
    const open = this.log.chats.get(conversationId)?.open?.replyId
    const text = open === undefined ? undefined : this.texts.get(open)
    if (open !== undefined && text !== undefined) response.write(deltaFrame(open, 0, text))
    const follower = { response, conversationId }
    this.followers.add(follower)
    response.on("close", () => this.followers.delete(follower))
  }
}

const eventFrame = (event: RecordedEvent): string =>
  `id: ${event.version}\nevent: event\ndata: ${JSON.stringify(event)}\n\n`
const deltaFrame = (reply: string, from: number, text: string): string =>
  `event: delta\ndata: ${JSON.stringify({ replyId: reply, from, text })}\n\n`
