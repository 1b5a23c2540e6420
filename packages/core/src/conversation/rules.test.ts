import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { makeHistory, recorded } from "../../../../test/support/talk.ts"
import { type ConversationCommand, decideConversation } from "./decider.ts"
import type { ConversationEvent } from "./events.ts"
import { evolveTranscript, type TranscriptEntry } from "./transcript.ts"
import { type ConversationView, ConversationView as View, evolveConversation } from "./view.ts"

const id = "chat-20261120-143022-abc123"
const reply = "11111111-1111-4111-8111-111111111111"
const second = "22222222-2222-4222-8222-222222222222"
const model = "openai/gpt-5"
const nothing = { model, usage: null, cost: null, firstTokenMs: null, latencyMs: 1 }

/** The view after commands, each of which must be accepted. */
const after = (...commands: ReadonlyArray<ConversationCommand>): ConversationView => {
  let view: ConversationView | undefined
  let version = 0
  for (const command of commands) {
    const decided = decideConversation(view, command)
    if (Result.isFailure(decided)) throw decided.failure
    for (const event of decided.success)
      view = evolveConversation(view, event, { at: "2026-11-20T14:30:22.000000Z", actor: "ana", version: ++version })
  }
  if (view === undefined) throw new Error("nothing began")
  return view
}
const tagsOf = (view: ConversationView | undefined, command: ConversationCommand): ReadonlyArray<string> | string => {
  const decided = decideConversation(view, command)
  return Result.isSuccess(decided) ? decided.success.map((event) => event._tag) : decided.failure.message
}

const start: ConversationCommand = { _tag: "Start", started: { conversationId: id, model, client: "ana", tools: true } }
const send: ConversationCommand = { _tag: "Send", text: "hello", replyId: reply }
const completed: ConversationCommand = {
  _tag: "RecordOutcome",
  event: { _tag: "ReplyCompleted", replyId: reply, text: "hi", stop: "end", ...nothing }
}
const stepped = (needsApproval: boolean): ConversationCommand => ({
  _tag: "RecordStep",
  event: {
    _tag: "ReplyStepped",
    replyId: reply,
    step: 1,
    text: "",
    calls: [{ callId: "c1", name: "task_create", args: {}, needsApproval }],
    ...nothing
  }
})

describe("what may happen to a conversation", () => {
  const idle = after(start)
  const open = after(start, send)
  const done = after(start, send, completed)
  const waiting = after(start, send, stepped(true))
  const table: ReadonlyArray<readonly [string, ConversationView | undefined, ConversationCommand, ReadonlyArray<string> | RegExp]> = [
    ["a start", undefined, start, ["ConversationStarted"]],
    ["a start with a message", undefined, { ...start, first: { text: "a", replyId: reply } }, ["ConversationStarted", "MessageSent", "ReplyRequested"]],
    ["a second start", idle, start, /already/],
    ["anything without a start", undefined, send, /no such conversation/],
    ["a message", idle, send, ["MessageSent", "ReplyRequested"]],
    ["a message with another model", idle, { ...send, model: "ollama/x" }, ["ModelChanged", "MessageSent", "ReplyRequested"]],
    ["a message to an archived one", after(start, { _tag: "Archive" }), send, ["ConversationUnarchived", "MessageSent", "ReplyRequested"]],
    ["a message while a reply is written", open, send, /being written/],
    ["a message while a call waits", waiting, send, /yes or no/],
    ["a new reply before any", idle, { _tag: "Regenerate", replyId: second }, /no reply yet/],
    ["a new reply", done, { _tag: "Regenerate", replyId: second }, ["ReplyRequested"]],
    ["a new reply with another model", done, { _tag: "Regenerate", replyId: second, model: "ollama/x" }, ["ModelChanged", "ReplyRequested"]],
    ["an interruption of nothing", idle, { _tag: "Interrupt" }, /nothing to interrupt/],
    ["an interruption", open, { _tag: "Interrupt" }, ["ReplyInterruptRequested"]],
    ["a second interruption", after(start, send, { _tag: "Interrupt" }), { _tag: "Interrupt" }, []],
    ["a yes", waiting, { _tag: "DecideCall", callId: "c1", approve: true }, ["ToolApproved"]],
    ["a no", waiting, { _tag: "DecideCall", callId: "c1", approve: false }, ["ToolRefused"]],
    ["a yes to nothing", waiting, { _tag: "DecideCall", callId: "c2", approve: true }, /No tool call c2/],
    ["a yes again", after(start, send, stepped(true), { _tag: "DecideCall", callId: "c1", approve: true }), { _tag: "DecideCall", callId: "c1", approve: true }, []],
    ["a no after a yes", after(start, send, stepped(true), { _tag: "DecideCall", callId: "c1", approve: true }), { _tag: "DecideCall", callId: "c1", approve: false }, /already/],
    ["the same model", idle, { _tag: "ChangeModel", model }, []],
    ["a summary while a reply is written", open, { _tag: "Summarize" }, /being written/],
    ["a summary twice", after(start, { _tag: "Summarize" }), { _tag: "Summarize" }, []],
    ["the outcome of a reply that is not open", done, completed, []],
    ["a step out of order", open, { ...stepped(true), event: { ...(stepped(true) as Extract<ConversationCommand, { _tag: "RecordStep" }>).event, step: 3 } } as ConversationCommand, []],
    ["an answer to no call", open, { _tag: "RecordAnswer", event: { _tag: "ToolAnswered", replyId: reply, callId: "c9", text: "", isError: false } }, []],
    ["an import into what is there", idle, { _tag: "Import", from: 1, events: [] }, /do not continue/]
  ] // prettier-ignore
  it.effect.each(table.map(([name], row) => ({ name, row })))("$name", ({ row }) =>
    Effect.sync(() => {
      const [name, view, command, expected] = table[row] ?? table[0]!
      const found = tagsOf(view, command)
      if (expected instanceof RegExp) assert.match(String(found), expected, name)
      else assert.deepStrictEqual(found, expected, name)
    })
  )

  it.effect("is bounded by what an import has not brought yet", () =>
    Effect.sync(() => {
      const imported = { conversationId: id, exportedAt: "", through: 3, was: [] }
      const first: ConversationEvent = {
        _tag: "ConversationStarted",
        conversationId: id,
        model,
        client: "ana",
        tools: true,
        imported
      }
      const message: ConversationEvent = { _tag: "MessageSent", text: "a" }
      const begun = after({ _tag: "Import", from: 1, events: [first, message] })
      assert.match(String(tagsOf(begun, send)), /being imported/)
      assert.deepStrictEqual(tagsOf(begun, { _tag: "Import", from: 1, events: [first, message] }), [])
      assert.match(String(tagsOf(begun, { _tag: "Import", from: 3, events: [message, message] })), /do not continue/)
      assert.deepStrictEqual(tagsOf(begun, { _tag: "Import", from: 3, events: [message] }), ["MessageSent"])
    })
  )
})

const transcript = (
  from: ReadonlyArray<TranscriptEntry>,
  events: ReadonlyArray<ConversationEvent>,
  offset: number
): ReadonlyArray<TranscriptEntry> =>
  events.reduce(
    (entries, event, at) =>
      evolveTranscript(entries, event, { version: offset + at + 1, at: `t${offset + at + 1}`, actor: "ana" }),
    from
  )

describe("the folds, over histories that could have happened", () => {
  it.effect.prop("a transcript in pieces is the whole one", [Schema.Int, Schema.Int], ([seed, cut]) =>
    Effect.sync(() => {
      const events = makeHistory(seed, id)
      const at = Math.abs(cut) % events.length
      const pieces = transcript(transcript([], events.slice(0, at), 0), events.slice(at), at)
      assert.deepStrictEqual(pieces, transcript([], events, 0))
    })
  )

  it.effect.prop("view and transcript agree, and the view survives its own JSON", [Schema.Int], ([seed]) =>
    Effect.sync(() => {
      const events = makeHistory(seed, id)
      const all = recorded(id, events)
      let view: ConversationView | undefined
      for (const [at, event] of events.entries()) view = evolveConversation(view, event, all[at]!)
      assert.isDefined(view)
      if (view === undefined) return
      const entries = transcript([], events, 0)
      const replies = entries.filter((entry) => entry.kind === "reply")
      assert.strictEqual(view.open?.replyId, replies.find((one) => one.status === "open")?.replyId)
      assert.isAtMost(replies.filter((one) => one.status === "open").length, 1)
      const said = entries.filter(
        (entry) =>
          entry.kind === "message" || entry.kind === "copied" || (entry.kind === "reply" && entry.status !== "open")
      )
      assert.strictEqual(view.messages, said.length)
      const calls = entries.flatMap((entry) =>
        entry.kind === "reply" ? entry.calls : entry.kind === "summary" ? [entry.call] : []
      )
      const failedSummaries = events.flatMap((event) => (event._tag === "SummaryFailed" ? [event] : []))
      const tokens = [...calls, ...failedSummaries].reduce((sum, call) => sum + (call.usage?.outputTokens ?? 0), 0)
      assert.strictEqual(view.outputTokens, tokens)
      assert.strictEqual(view.version, events.length)
      const codec = Schema.toCodecJson(View)
      const again = Schema.decodeUnknownSync(codec)(JSON.parse(JSON.stringify(Schema.encodeSync(codec)(view))))
      assert.deepStrictEqual(again, view)
    })
  )

  it.effect.prop("no event of any order breaks them", [Schema.Int], ([seed]) =>
    Effect.sync(() => {
      const events = makeHistory(seed, id).toReversed()
      let view: ConversationView | undefined
      for (const [at, event] of events.entries())
        view = evolveConversation(view, event, { at: "", actor: "", version: at + 1 })
      transcript([], events, 0)
      assert.isTrue(view === undefined || view.conversationId === id)
    })
  )
})
