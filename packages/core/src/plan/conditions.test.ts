/** Whether a step is done: true, false, or nobody can tell. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { member } from "../../../../test/support/fleet.ts"
import { type Answers, evaluate, freezeCondition, questionKey, questionsOf } from "./conditions.ts"
import { type Reading, readingOf } from "./facts.ts"
import { Condition } from "./plan.ts"

const cpu = (is: ">" | "<", value: number, host?: string): Condition => ({
  _tag: "Fact",
  fact: "cpu",
  is,
  value,
  ...(host === undefined ? {} : { host })
})
const running = (unit: string, state: "active" | "inactive" | "failed" = "active", host?: string): Condition => ({
  _tag: "Unit",
  unit,
  state,
  ...(host === undefined ? {} : { host })
})

const answers = (told: Readonly<Record<string, Reading>>, online: Readonly<Record<string, boolean>> = {}): Answers => ({
  target: "web1",
  reading: ({ host, action, args }) =>
    told[`${host ?? "web1"} ${action} ${Object.values(args).join("")}`.trimEnd()] ?? { unknown: "it did not answer" },
  online: (host) => online[host]
})

describe("a condition", () => {
  const told = {
    "web1 system.usage": { cpu: 85, memory: 40, uptime: 100 },
    "web1 system.info": { os: "Debian GNU/Linux 12 (bookworm)" },
    "web1 service.status nginx.service": { active: "active" },
    "web1 service.status slow.service": { active: "activating" },
    "db1 service.status postgresql.service": { active: "failed" }
  }
  const rows: ReadonlyArray<readonly [string, Condition, "true" | "false" | "unknown"]> = [
    ["holds by a fresh number", cpu(">", 80), "true"],
    ["does not hold by a fresh number", cpu(">", 85), "false"],
    ["holds by the system", { _tag: "Fact", fact: "os", is: "=", value: "Debian 12" }, "true"],
    ["knows the name without asking", { _tag: "Fact", fact: "name", is: "=", value: "web1" }, "true"],
    ["holds by the state of a unit", running("nginx.service"), "true"],
    ["a unit on its way is not there yet", running("slow.service"), "false"],
    ["nor has it stopped", running("slow.service", "inactive"), "false"],
    ["asks another host", running("postgresql.service", "failed", "db1"), "true"],
    ["is unknown where a host did not answer", cpu(">", 80, "db1"), "unknown"],
    ["is unknown where the answer lacks it", { _tag: "Fact", fact: "disk", is: ">", value: 1 }, "unknown"],
    ["knows who is online", { _tag: "Online", host: "db1" }, "true"],
    ["knows who is not", { _tag: "Online", host: "db2" }, "false"],
    ["is unknown for a host that is not there", { _tag: "Online", host: "db3" }, "unknown"],
    [
      "is false when one part is, whatever is unknown",
      { _tag: "And", of: [cpu(">", 80, "db1"), cpu("<", 10)] },
      "false"
    ],
    [
      "is unknown when a part is and nothing is false",
      { _tag: "And", of: [cpu(">", 80, "db1"), cpu(">", 10)] },
      "unknown"
    ],
    ["is true when one of several is", { _tag: "Or", of: [cpu(">", 80, "db1"), cpu(">", 10)] }, "true"],
    ["unknown is no less unknown when it is denied", { _tag: "Not", of: cpu(">", 80, "db1") }, "unknown"],
    ["is denied", { _tag: "Not", of: running("nginx.service") }, "false"]
  ]
  it.each(rows)("%s", (_what, condition, expected) =>
    assert.strictEqual(evaluate(condition, answers(told, { db1: true, db2: false })).answer, expected)
  )

  it("tells of each question what was found, and why it cannot be said", () => {
    const verdict = evaluate(
      { _tag: "And", of: [cpu(">", 80), running("nginx.service", "inactive"), cpu("<", 5, "db1")] },
      answers(told)
    )
    assert.deepStrictEqual(verdict.findings, [
      { asked: "cpu > 80 %", answer: "true", found: "85" },
      { asked: "nginx.service is inactive", answer: "false", found: "active" },
      { asked: "cpu < 5 % on db1", answer: "unknown", found: "it did not answer" }
    ])
    const unsure = evaluate({ _tag: "Or", of: [cpu("<", 5, "db1"), cpu("<", 5)] }, answers(told))
    assert.deepStrictEqual(unsure.why, ["it did not answer"])
  })

  it("asks each question once", () => {
    const questions = questionsOf({
      _tag: "And",
      of: [cpu(">", 80), cpu("<", 99), running("a.service"), running("a.service", "failed"), cpu(">", 1, "db1")]
    })
    assert.deepStrictEqual(questions.map(questionKey), [
      '[null,"system.usage",{}]',
      '[null,"service.status",{"unit":"a.service"}]',
      '["db1","system.usage",{}]'
    ])
  })

  it.effect.prop("is never true or false out of nothing, and answers whatever is asked", [Condition], ([condition]) =>
    Effect.sync(() => {
      const { answer, findings, why } = evaluate(condition, {
        target: "web1",
        reading: () => ({ unknown: "silence" }),
        online: () => undefined
      })
      assert.isAbove(findings.length, 0)
      if (findings.every((one) => one.answer === "unknown")) assert.strictEqual(answer, "unknown")
      if (answer === "unknown") assert.isAbove(why.length, 0)
    })
  )

  it("takes only what it knows out of an answer", () => {
    assert.deepStrictEqual(readingOf("system.usage", { cpu: 3, memory: "x".repeat(1_000), evil: { a: 1 } }), { cpu: 3 })
    assert.deepStrictEqual(readingOf("system.usage", { load: [1.5, 2, 3], cpu: Number.NaN, disk: [] }), { load: 1.5 })
    assert.deepStrictEqual(readingOf("service.status", { active: "active", log: ["…"] }), { active: "active" })
    for (const data of [null, [], "text", 3, { __proto__: { cpu: 3 } }])
      assert.deepStrictEqual(readingOf("system.usage", data), {})
    assert.deepStrictEqual(readingOf("file.read", { cpu: 3 }), {})
  })

  const fleet = [member("web1"), member("db1"), member("db2")]
  it("is frozen with the exact names of the hosts that it asks", () => {
    const frozen = Result.getOrThrow(freezeCondition({ _tag: "Not", of: { _tag: "Online", host: "DB1" } }, fleet))
    assert.deepStrictEqual(frozen, {
      when: { _tag: "Not", of: { _tag: "Online", host: "db1" } },
      asks: [{ agentId: "agent-db1", host: "db1" }]
    })
  })

  it.each([
    [{ _tag: "Online", host: "db*" }, /asks one host, and db\* is 2: db1, db2/],
    [{ _tag: "Online", host: "primary" }, /there is no such host/],
    [{ _tag: "Unit", unit: "nginx", state: "active" }, /cannot be asked.*systemd unit/],
    [{ _tag: "Fact", fact: "cpu", is: ">", value: "high" }, /cpu is a number/]
  ] as ReadonlyArray<readonly [Condition, RegExp]>)("that cannot be asked is refused: %j", (condition, why) => {
    const frozen = freezeCondition(condition, fleet)
    assert.match(Result.isFailure(frozen) ? frozen.failure : "", why)
  })
})
