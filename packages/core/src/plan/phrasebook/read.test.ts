import { assert, describe, it } from "@effect/vitest"
import { endless, fleet, fleetOf, named, noAction, restart, understood } from "../../../../../test/support/phrasings.ts"
import { actionNames } from "../../action/catalog.ts"
import type { Batch, Draft, DraftStep } from "../plan.ts"
import { phrases } from "./phrases.ts"
import { read, readInstruction } from "./read.ts"
import { mostSteps } from "./sentence.ts"

const draftOf = (steps: ReadonlyArray<DraftStep> | DraftStep, batch: Batch | undefined): Draft => ({
  steps: "action" in steps ? [steps] : steps,
  ...(batch === undefined ? {} : { batch })
})

describe("the phrasebook", () => {
  for (const [text, steps, batch] of understood)
    it(`understands: ${text}`, () => {
      assert.deepStrictEqual(readInstruction(text, fleet), { _tag: "Understood", draft: draftOf(steps, batch) })
    })
  for (const text of noAction)
    it(`makes no plan of: ${JSON.stringify(text.slice(0, 60))}`, () => {
      assert.notStrictEqual(readInstruction(text, fleet)._tag, "Understood")
    })
  it("has 120 phrasings and more, and 40 that must come to nothing", () => {
    assert.isAtLeast(understood.length, 120)
    assert.isAtLeast(noAction.length, 40)
  })
  it("has a phrase for every action but ending a process and replacing a file, which need exact facts", () => {
    const spoken = new Set(phrases.map((phrase) => phrase.action))
    assert.deepStrictEqual(
      actionNames.filter((name) => !spoken.has(name)),
      ["config.write", "process.signal"]
    )
  })
  it("asks which one is meant when a group is a tag and the beginning of other names", () => {
    const reading = readInstruction("restart nginx on the cache servers", fleet)
    assert.strictEqual(reading._tag, "Unclear")
    assert.lengthOf(reading._tag === "Unclear" ? reading.readings : [], 2)
  })
  it("says which host is not there", () => {
    const reading = readInstruction("restart nginx on web9", fleet)
    assert.match(reading._tag === "Unclear" ? reading.question : "", /no host web9/u)
  })
  it("asks where, unless there is one host only", () => {
    const reading = readInstruction("restart nginx", fleet)
    assert.match(reading._tag === "Unclear" ? reading.question : "", /On which hosts/u)
    assert.deepStrictEqual(readInstruction("restart nginx", { hosts: [{ name: "solo", tags: [] }] }), {
      _tag: "Understood",
      draft: { steps: [restart(named("solo"))] }
    })
  })
  it("does not take a host for a service", () => {
    const reading = readInstruction("stop web1", fleet)
    assert.notStrictEqual(reading._tag, "Understood")
  })
  it("reads the longest list of hosts that an instruction has room for", () => {
    const names = Array.from({ length: 39 }, (_, n) => `app-${n}`)
    const { reading } = read(`restart nginx on ${names.join(", ")}`, fleetOf(500))
    const of = names.map(named)
    assert.deepStrictEqual(reading, { _tag: "Understood", draft: { steps: [restart({ _tag: "Or", of })] } })
  })
  it("says that it does not read what is longer than a routine", () => {
    const long = { _tag: "NotUnderstood", long: true } as const
    assert.deepStrictEqual(readInstruction(`restart nginx on ${"web1, ".repeat(60)}web1`, fleet), long)
    assert.deepStrictEqual(readInstruction("x".repeat(601), fleet), long)
    assert.deepStrictEqual(readInstruction("x".repeat(600), fleet), { _tag: "NotUnderstood" })
  })
  it("names the hosts that are not there, also two of them, and not those that are", () => {
    const asked = (text: string) => {
      const reading = readInstruction(text, fleet)
      return reading._tag === "Unclear" ? reading.question : reading._tag
    }
    assert.match(asked("restart nginx on web1, web8 and web9"), /^There are no hosts web8 and web9 here/u)
    assert.match(asked("restart nginx on prod and web servers"), /^There is no host prod here/u)
    assert.match(asked("restart nginx on web1 only if db9 is online"), /^There is no host db9 here/u)
  })
})

describe("the work of reading", () => {
  const sentences = [...understood.map(([text]) => text), ...noAction, ...endless]
  it("has a bound, and a routine phrasing is far below it", () => {
    for (const text of sentences) assert.isAtMost(read(text, fleetOf(500)).steps, mostSteps * 2.1, text.slice(0, 80))
    for (const [text] of understood) assert.isBelow(read(text, fleetOf(500)).steps, mostSteps / 5, text)
  })
  it("does not grow with the fleet", () => {
    for (const text of sentences)
      assert.strictEqual(read(text, fleetOf(5_000)).steps, read(text, fleetOf(50)).steps, text.slice(0, 80))
  })
  it("grows with a list at most as its length times itself, not as two to that power", () => {
    const steps = (many: number) => read(`restart nginx on ${"web1, ".repeat(many)}web1`, fleet).steps
    assert.isBelow(steps(36), steps(9) * 20)
    const riddle = (many: number) => read(`restart nginx on ${"cache servers, ".repeat(many)}web1`, fleet).reading
    for (const many of [1, 2, 5, 20]) assert.notStrictEqual(riddle(many)._tag, "Understood")
  })
})
