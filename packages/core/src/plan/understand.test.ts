import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { Instruction, SaidInstruction, longestInstruction } from "./events.ts"
import { understand } from "./understand.ts"

const members = [{ host: "web1", tags: ["web"] }]
const reasonOf = (text: string, model?: string): string => {
  const meaning = understand({ text, model }, members, () => 0)
  return "reason" in meaning ? meaning.reason : "ask" in meaning ? `asks ${meaning.model}` : "understood"
}

describe("what an instruction means", () => {
  it("is read by the phrasebook first, and by a model where that does not know", () => {
    assert.strictEqual(reasonOf("restart nginx on web1", "fake/model"), "understood")
    assert.strictEqual(reasonOf("make it nice", "fake/model"), "asks fake/model")
    assert.strictEqual(reasonOf("make it nice ".repeat(100), "fake/model"), "asks fake/model")
  })
  it("without a model it is said what is wrong: not known, too long, a command without quotes", () => {
    assert.match(reasonOf("make it nice"), /does not know this.*Say what is to be done/u)
    assert.match(
      reasonOf("make it nice ".repeat(100)),
      /longer than the phrasebook reads \(600 characters, 80 words\)/u
    )
    assert.match(reasonOf("run apt-get clean on web1"), /A command stands in quotes/u)
  })
  it("that are none cost no question to a model, and the hub does not take them", () => {
    for (const blank of ["", "   ", " \n\t "]) {
      assert.match(reasonOf(blank, "fake/model"), /^An instruction cannot be empty\. Say what/u)
      const decoded = Schema.decodeUnknownResult(SaidInstruction)(blank)
      assert.isTrue(Result.isFailure(decoded))
      if (Result.isFailure(decoded)) assert.match(decoded.failure.message, /An instruction cannot be empty/u)
    }
    assert.isTrue(Result.isSuccess(Schema.decodeUnknownResult(Instruction)("  ")), "what a log of before holds is read")
  })
  it("longer than an instruction may be, nobody is asked, and the hub's interface says so too", () => {
    const long = "x".repeat(longestInstruction + 1)
    assert.match(reasonOf(long, "fake/model"), /at most 10,000 characters, and this has 10001/u)
    assert.strictEqual(reasonOf(long.slice(1), "fake/model"), "asks fake/model")
    const decoded = Schema.decodeUnknownResult(Schema.Struct({ text: Instruction }))({ text: long })
    assert.isTrue(Result.isFailure(decoded))
    if (Result.isFailure(decoded))
      assert.match(decoded.failure.message, /An instruction has at most 10,000 characters/u)
  })
})
