/**
 * The items of OpenAI's Responses API: what a conversation is sent as, and what of an answer is kept to send it again as it was.
 *
 * Nothing is stored at OpenAI, so thoughts come back encrypted and are handed back before the calls that they led to. A text may be
 * several messages (what is said between thoughts, and the answer), which the model wants back as they were marked.
 *
 * Owns: turns as input items, the order of an answer's items as provider-private data. Does not own: the stream, the request's rest.
 * Invariants: thoughts go back only within the turn they belong to, to the model that had them, and never last; items carry no ids
 * of their own except thoughts, for the API pairs by id and would miss what is left out; without private data nothing is lost but
 * thoughts and marks.
 */
import type OpenAI from "openai"
import { Option, Schema } from "effect"
import type { Native, ToolCall } from "@signalbox/core/model/message.ts"
import { modelOf, providerOf } from "@signalbox/core/model/ref.ts"
import { type Assistant, nativeOf, type Turn, wireId } from "./tidy.ts"

type Input = OpenAI.Responses.ResponseInputItem

const Thought = Schema.Struct({
  type: Schema.Literal("reasoning"),
  id: Schema.String,
  summary: Schema.Array(Schema.Struct({ type: Schema.Literal("summary_text"), text: Schema.String })),
  encrypted_content: Schema.String
})
type Thought = typeof Thought.Type
const Phase = Schema.Literals(["commentary", "final_answer"])
/** Texts and calls stand in the message itself; here is only where they begin and end. */
const Kept = Schema.Union([
  Thought,
  Schema.Struct({ type: Schema.Literal("message"), length: Schema.Int, phase: Schema.optionalKey(Phase) }),
  Schema.Struct({ type: Schema.Literal("function_call") })
])
type Kept = typeof Kept.Type
const decodeKept = Schema.decodeUnknownOption(Schema.Struct({ items: Schema.Array(Kept) }))
const decodeThought = Schema.decodeUnknownOption(Thought)
const isPhase = Schema.is(Phase)

/** An item of an answer, as it was heard. */
export type Heard =
  | { readonly kind: "message"; text: string; phase: string | undefined }
  | { readonly kind: "call"; callId: string; name: string; json: string }
  /** As it came, complete or not. */
  | { readonly kind: "thought"; item: unknown }

/** Between the messages of one answer. */
export const BETWEEN = "\n\n"

/** Undefined: the text and the calls say it all. */
export const nativeFrom = (ref: string, heard: ReadonlyArray<Heard>): Native | undefined => {
  const items = heard.flatMap((one): ReadonlyArray<Kept> => {
    switch (one.kind) {
      case "thought":
        return Option.toArray(decodeThought(one.item))
      case "call":
        return [{ type: "function_call" }]
      case "message":
        return one.text === ""
          ? []
          : [{ type: "message", length: one.text.length, ...(isPhase(one.phase) ? { phase: one.phase } : {}) }]
    }
  })
  const messages = items.filter((item) => item.type === "message")
  const telling =
    messages.length > 1 || items.some((item) => item.type === "reasoning" || ("phase" in item && item.phase))
  if (!telling) return undefined
  return { provider: providerOf(ref), data: { model: modelOf(ref), items: items.map((item) => plain(item)) } }
}

/** As JSON, which knows no absent keys and no readonly. */
const plain = (item: Kept): Native["data"] =>
  item.type === "reasoning" ? { ...item, summary: item.summary.map((part) => ({ ...part })) } : { ...item }

/** @param native false: the model refused to have its thoughts back */
export const inputOf = (turns: ReadonlyArray<Turn>, ref: string, native: boolean): Array<Input> => {
  const lastWord = turns.findLastIndex((turn) => turn.role === "user")
  return turns.flatMap((turn, index): ReadonlyArray<Input> => {
    switch (turn.role) {
      case "user":
        return [{ role: "user", content: turn.texts.join("\n\n") }]
      case "tool":
        return turn.results.map((result) => ({
          type: "function_call_output",
          call_id: wireId(result.callId),
          output: result.isError ? `Error: ${result.text}` : result.text
        }))
      case "assistant":
        return said(turn.message, ref, native && index > lastWord)
    }
  })
}

const said = (message: Assistant, ref: string, thoughts: boolean): ReadonlyArray<Input> => {
  const read = decodeKept(nativeOf(message, ref))
  const kept = Option.isSome(read) ? read.value.items : []
  const texts = cut(message.text, kept)
  const calls = message.calls.map(callOf)
  const items = kept.flatMap((item): ReadonlyArray<Input> => {
    if (item.type === "function_call") return calls.splice(0, 1)
    if (item.type === "reasoning")
      return thoughts ? [{ ...item, summary: item.summary.map((part) => ({ ...part })) }] : []
    const text = texts.shift() ?? ""
    return text.trim() === "" ? [] : [wordsOf(text, item.phase)]
  })
  // what the private data did not tell of
  items.push(...texts.filter((text) => text.trim() !== "").map((text) => wordsOf(text, undefined)), ...calls)
  // a thought that leads to nothing is refused
  return items.slice(0, items.findLastIndex((item) => item.type !== "reasoning") + 1)
}

/** The messages that the text was put together from; when it is not the same text any more, it is one. */
const cut = (text: string, kept: ReadonlyArray<Kept>): Array<string> => {
  const lengths = kept.flatMap((item) => (item.type === "message" ? [item.length] : []))
  const texts: Array<string> = []
  let at = 0
  for (const length of lengths) {
    texts.push(text.slice(at, at + length))
    at += length + BETWEEN.length
  }
  return texts.length > 1 && texts.join(BETWEEN) === text ? texts : [text]
}

const wordsOf = (text: string, phase: typeof Phase.Type | undefined): Input => ({
  role: "assistant",
  content: text,
  ...(phase === undefined ? {} : { phase })
})

const callOf = ({ callId, name, args }: ToolCall): Input => ({
  type: "function_call",
  call_id: wireId(callId),
  name,
  arguments: JSON.stringify(args)
})
