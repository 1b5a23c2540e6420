import { assert, describe, it } from "@effect/vitest"
import type { ModelMessage } from "@signalbox/core/model/message.ts"
import { inputOf, nativeFrom } from "./responses-items.ts"
import { tidy } from "./tidy.ts"

const ref = "openai/gpt-5"
const thought = (id: string) => ({ type: "reasoning" as const, id, summary: [], encrypted_content: `sealed ${id}` })
const heardThought = (id: string) => ({ kind: "thought" as const, item: { ...thought(id), status: "completed" } })
const heardText = (text: string, phase?: string) => ({ kind: "message" as const, text, phase })
const heardCall = { kind: "call" as const, callId: "c1", name: "look", json: "{}" }
const call = { callId: "c1", name: "look", args: {} }

/** An answer of these parts, then carried on with that text and these calls, then sent again. */
const again = (
  heard: Parameters<typeof nativeFrom>[1],
  carried: { readonly text: string; readonly calls?: ReadonlyArray<typeof call>; readonly ref?: string }
): ReadonlyArray<object> => {
  const native = nativeFrom(ref, heard)
  const step: ModelMessage = {
    role: "assistant",
    text: carried.text,
    calls: carried.calls ?? [],
    ...(native === undefined ? {} : { native })
  }
  const [, ...rest] = inputOf(tidy([{ role: "user", text: "Hm?" }, step]), carried.ref ?? ref, true)
  return rest.filter((item) => item.type !== "function_call_output")
}
const look = { type: "function_call", call_id: "c1", name: "look", arguments: "{}" }
const words = (content: string, phase?: string) => ({
  role: "assistant",
  content,
  ...(phase === undefined ? {} : { phase })
})

describe("an answer that is sent again", () => {
  it("is as it was: thoughts, words and calls in their order", () => {
    const heard = [heardThought("a"), heardText("One.", "commentary"), heardThought("b"), heardText("Two."), heardCall]
    assert.deepStrictEqual(again(heard, { text: "One.\n\nTwo.", calls: [call] }), [
      thought("a"),
      words("One.", "commentary"),
      thought("b"),
      words("Two."),
      look
    ])
  })

  it("needs nothing private when words and calls say it all", () => {
    assert.isUndefined(nativeFrom(ref, [heardText("One."), heardCall]))
    assert.isUndefined(nativeFrom(ref, [heardText("One.", "a phase of tomorrow")]))
    assert.deepStrictEqual(again([heardText("One."), heardCall], { text: "One.", calls: [call] }), [
      words("One."),
      look
    ])
  })

  it("loses no word when its text is another by now", () => {
    const heard = [heardText("One.", "commentary"), heardThought("b"), heardText("Two.", "final_answer")]
    for (const text of ["One.", "One. (cut)", "One.\n\nTwo.\n\nAnd more.", "Something else entirely, and longer"]) {
      const told = again(heard, { text }).flatMap((item) => ("content" in item ? [item.content] : []))
      assert.deepStrictEqual(told, [text])
    }
  })

  it("loses no call that its private data does not know", () => {
    const twice = [call, { ...call, callId: "c2" }]
    assert.deepStrictEqual(again([heardThought("a"), heardCall], { text: "", calls: twice }), [
      thought("a"),
      look,
      { ...look, call_id: "c2" }
    ])
  })

  it("never ends with a thought, which OpenAI refuses", () => {
    assert.deepStrictEqual(again([heardText("One."), heardThought("a")], { text: "One." }), [words("One.")])
    // what it led to was not kept
    assert.deepStrictEqual(again([heardThought("a"), heardText("  ")], { text: "  " }), [])
  })

  it("keeps its thoughts from other models, and from servers that could not read them", () => {
    const heard = [heardThought("a"), heardText("One.")]
    assert.deepStrictEqual(again(heard, { text: "One.", ref: "openai/gpt-6-sol" }), [words("One.")])
    const open = {
      kind: "thought" as const,
      item: { type: "reasoning", id: "a", summary: [], encrypted_content: null }
    }
    assert.isUndefined(nativeFrom(ref, [open, heardText("One.")]))
  })
})
