import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { tokensOf } from "../model/tokens.ts"
import { contextOf, exchangesOf, fenced, type Memory, transcriptText } from "./context.ts"
import type { ConversationEvent } from "./events.ts"
import { evolveTalk, openReply, type Talk } from "./memory.ts"
import { cutAt, joined, ready, splitByBytes, storableJson, storableText } from "./pieces.ts"
import { fitting, partsOf, summaryCut } from "./summary.ts"
import { chatTools, decodeCall, needsApproval } from "./tools.ts"

const ref = "anthropic/claude-test"
const call = (inputTokens?: number) => ({
  model: ref,
  usage: inputTokens === undefined ? null : { inputTokens, outputTokens: 5 },
  cost: null,
  firstTokenMs: null,
  latencyMs: 1
})
const meta = (version: number) => ({ at: "2026-11-21T10:00:00.000000Z", actor: "person:ana", version })

const started: ConversationEvent = {
  _tag: "ConversationStarted",
  conversationId: "chat-20261121-100000-abcdef",
  model: ref,
  client: "person:ana",
  tools: true,
  system: "Be brief.",
  carried: [
    { conversationId: "chat-20261120-100000-abcdef", version: 9, at: "2026-11-20T10:00:00Z", text: "Ana has a dog." }
  ]
}
const sent = (text: string): ConversationEvent => ({ _tag: "MessageSent", text })
const asked = (replyId: string, regenerates?: string): ConversationEvent => ({
  _tag: "ReplyRequested",
  replyId,
  model: ref,
  ...(regenerates === undefined ? {} : { regenerates })
})
const completed = (replyId: string, text: string, inputTokens?: number): ConversationEvent => ({
  _tag: "ReplyCompleted",
  replyId,
  text,
  stop: "end",
  native: { provider: "anthropic", data: { signature: replyId } },
  ...call(inputTokens)
})
const exchange = (n: number, text = `message ${n}`): ReadonlyArray<ConversationEvent> => [
  sent(text),
  asked(`r${n}`),
  completed(`r${n}`, `answer ${n}`)
]

const fold = (events: ReadonlyArray<ConversationEvent>, from?: Talk, first = 1): Talk => {
  const talk = events.reduce<Talk | undefined>((one, event, i) => evolveTalk(one, event, meta(first + i)), from)
  if (talk === undefined) throw new Error("no conversation")
  return talk
}

describe("what a model is sent", () => {
  it("is the history; system text and carried summaries are in its system prompt, native data for its provider only", () => {
    const { memory } = fold([started, ...exchange(1), sent("and now?"), asked("r2")])
    const own = contextOf(memory, ref)
    assert.match(own.system, /^Be brief\.[\s\S]*Summary of 2026-11-20[\s\S]*Ana has a dog\.[\s\S]*call tools/u)
    assert.deepStrictEqual(own.messages, [
      { role: "user", text: "message 1" },
      { role: "assistant", text: "answer 1", calls: [], native: { provider: "anthropic", data: { signature: "r1" } } },
      { role: "user", text: "and now?" }
    ])
    assert.deepStrictEqual(contextOf(memory, "openai/other").messages[1], {
      role: "assistant",
      text: "answer 1",
      calls: []
    })
  })

  it("gives every tool call one honest result, also one that was refused or never carried out", () => {
    const step: ConversationEvent = {
      _tag: "ReplyStepped",
      replyId: "r1",
      step: 1,
      text: "",
      calls: ["a", "b", "c"].map((callId) => ({
        callId,
        name: "kill_task",
        args: { taskId: "t" },
        needsApproval: true
      })),
      ...call()
    }
    const { memory } = fold([
      started,
      sent("kill them"),
      asked("r1"),
      step,
      { _tag: "ToolApproved", replyId: "r1", callId: "a" },
      { _tag: "ToolAnswered", replyId: "r1", callId: "a", text: "done", isError: false },
      { _tag: "ToolRefused", replyId: "r1", callId: "b" },
      { _tag: "ReplyInterrupted", replyId: "r1", text: "", ...call() },
      sent("why?")
    ])
    const { messages } = contextOf(memory, ref)
    assert.deepStrictEqual(
      messages.map((one) => one.role),
      ["user", "assistant", "tool", "tool", "tool", "user"]
    )
    const texts = messages.flatMap((one) => (one.role === "tool" ? [`${one.isError} ${one.text}`] : []))
    assert.strictEqual(texts[0], "false done")
    assert.match(texts[1] ?? "", /^true The person refused/u)
    assert.match(texts[2] ?? "", /^true This call was not carried out: the reply was interrupted/u)
  })

  it("never has the same speaker twice in a row, whatever failed in between", () => {
    const failed: ConversationEvent = {
      _tag: "ReplyFailed",
      replyId: "r1",
      kind: "outage",
      message: "away",
      text: "",
      ...call()
    }
    const { memory } = fold([started, sent("one"), asked("r1"), failed, sent("two"), asked("r2")])
    assert.deepStrictEqual(contextOf(memory, ref).messages, [{ role: "user", text: "one\n\ntwo" }])
  })

  it("has the summary in place of what it stands for, and trusts no count from before it", () => {
    const events = [started, ...exchange(1, "x".repeat(4000)), ...exchange(2), sent("three"), asked("r3")]
    const before = fold(events.with(3, completed("r1", "answer 1", 900_000)))
    assert.isAbove(contextOf(before.memory, ref).tokens, 3_000)
    const summarized: ConversationEvent = {
      _tag: "ConversationSummarized",
      fromVersion: 1,
      throughVersion: 4,
      text: "They said x.",
      reason: "window",
      ...call()
    }
    const after = fold([summarized], before, events.length + 1)
    const context = contextOf(after.memory, ref)
    assert.isBelow(context.tokens, 500)
    const [first] = context.messages
    assert.match(first?.text ?? "", /^Summary of our conversation[\s\S]*They said x\.[\s\S]*message 2$/u)
    // read from the place of the cut it is the same
    const cold = fold([...events.slice(4), summarized], fold([started]), 5)
    assert.deepStrictEqual(contextOf(cold.memory, ref), context)
    assert.deepStrictEqual(openReply(cold), openReply(after))
  })

  it("is estimated by what the provider counted, within reason", () => {
    const memory = (counted: number) =>
      fold([started, sent("word ".repeat(1000)), asked("r1"), completed("r1", "yes", counted), sent("b")]).memory
    const plain = contextOf(fold([started, sent("word ".repeat(1000)), sent("b")]).memory, ref).tokens
    assert.isAbove(contextOf(memory(plain * 2), ref).tokens, plain * 1.8)
    assert.isAbove(contextOf(memory(1), ref).tokens, plain * 0.45)
    assert.isAbove(tokensOf("日本語の文章"), 5)
    assert.isBelow(tokensOf("plain English text"), 7)
  })

  it("fences what it cannot trust by more backticks than that has", () => {
    assert.strictEqual(fenced("A", "b\n```\nc"), "A:\n````\nb\n```\nc\n````")
  })
})

describe("cutting the past", () => {
  const long = (n: number): Memory =>
    fold([started, ...Array.from({ length: n }, (_, i) => exchange(i + 1, "word ".repeat(200))).flat()]).memory

  it("keeps the last four exchanges, fewer where they are long, and never cuts into one", () => {
    assert.strictEqual(summaryCut(long(10), { tokens: 1e9, bytes: 1e9 }), 19)
    assert.strictEqual(summaryCut(long(10), { tokens: 1e9, bytes: 7_000 }), 25)
    assert.strictEqual(summaryCut(long(10), { tokens: 10, bytes: 10 }), 28)
    assert.isUndefined(summaryCut(long(1), { tokens: 10, bytes: 10 }))
    assert.deepStrictEqual(
      exchangesOf(long(3).entries).map((one) => one.version),
      [2, 5, 8]
    )
  })

  it("loses no character of it in parts that fit", () => {
    const text = transcriptText(long(20).entries)
    const parts = partsOf(text, 500)
    assert.strictEqual(parts.join(""), text)
    assert.isTrue(parts.every((part) => tokensOf(part) <= 500))
    assert.isTrue(partsOf("🚂".repeat(3000), 300).every((part) => part.isWellFormed()))
  })

  it("sends the newest exchanges that fit when there is no summary", () => {
    const whole = contextOf(long(10), ref).tokens
    const some = fitting(long(10), ref, whole / 2)
    assert.isAtMost(some?.tokens ?? whole, whole / 2)
    assert.match(some?.messages[0]?.text ?? "", /left out here/u)
    assert.isUndefined(fitting(long(10), ref, 20))
  })
})

describe("pieces", () => {
  it("are storable, well-formed and dense", () => {
    assert.strictEqual(storableText("a\0\ud83db"), "a\ufffd\ufffdb")
    assert.deepStrictEqual(ready("a\ud83d"), { now: "a", later: "\ud83d" })
    assert.strictEqual(cutAt("a🚂b", 2), 1)
    const text = '🚂"\\\n'.repeat(5000)
    const parts = splitByBytes(text, 700)
    assert.strictEqual(parts.join(""), text)
    assert.isTrue(parts.every((part) => part.isWellFormed() && Buffer.byteLength(JSON.stringify(part)) <= 700))
    assert.strictEqual(joined("abc", { from: 2, text: "cde" }), "abcde")
    assert.isUndefined(joined("abc", { from: 4, text: "e" }))
    assert.deepStrictEqual(storableJson({ a: ["\0", 2 ** 60, { "\ud800": 1 }] }), {
      a: ["\ufffd", String(2 ** 60), { "\ufffd": 1 }]
    })
  })
})

describe("tools of a conversation", () => {
  it("have object schemas, and whatever acts asks a person", () => {
    assert.isTrue(chatTools.every((tool) => tool.schema["type"] === "object"))
    const acts = (name: string, args: { readonly [key: string]: string }) => needsApproval({ name, args })
    assert.isTrue(acts("start_task", { host: "local", tool: "shell", command: "true" }))
    assert.isTrue(acts("kill_task", { taskId: "t" }))
    assert.isTrue(acts("resume_task", { taskId: "t", text: "go on" }))
    assert.isFalse(acts("list_hosts", {}))
    assert.isFalse(acts("kill_task", { task: "t" }), "it cannot be carried out, so nobody is asked")
    assert.isTrue(Result.isFailure(decodeCall({ name: "start_task", args: { host: "local", env: {} } })))
    assert.isTrue(Result.isFailure(decodeCall({ name: "constructor", args: {} })))
  })
})
