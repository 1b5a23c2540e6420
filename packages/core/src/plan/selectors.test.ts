/** Which hosts are meant, and which nobody can tell. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { member } from "../../../../test/support/fleet.ts"
import type { FleetMember } from "../agent/Fleet.ts"
import { Selector } from "./plan.ts"
import { globMatches, judge, resolve, selectorFault } from "./selectors.ts"

const now = Date.now()
const sample = (more: Partial<NonNullable<FleetMember["sample"]>>) => ({
  sample: { at: now, cpu: 10, memory: 40, disk: 50, load: 0.2, uptime: 86_400, ...more }
})
const os = (name: string) => ({
  facts: { os: name, kernel: "6.1.0-18-amd64", arch: "x86_64", cpus: 4, virtualization: "kvm" }
})
const { facts: _facts, sample: _sample, ...never } = member("new1", { online: false, lastSeen: null })
const fleet: ReadonlyArray<FleetMember> = [
  member("app1", { tags: ["app"], ...os("Ubuntu 24.04.1 LTS") }),
  member("db-1", { tags: ["db", "prod"], ...sample({ cpu: 95 }) }),
  member("db-2", { tags: ["db"], ...sample({ cpu: 91, at: now - 120_000 }) }),
  member("gone1", {
    tags: ["web"],
    online: false,
    lastSeen: now - 3_600_000,
    ...sample({ cpu: 99, at: now - 3_600_000 })
  }),
  never,
  member("web1", { tags: ["web", "prod"], ...os("Debian GNU/Linux 13 (trixie)") }),
  member("web10", { tags: ["web"], ...os("Debian GNU/Linux 12 (bookworm)"), ...sample({ cpu: 80 }) })
]
const name = (glob: string): Selector => ({ _tag: "Name", glob })
const tag = (one: string): Selector => ({ _tag: "Tag", tag: one })
const fact = (
  one: "cpu" | "os" | "kernel" | "arch" | "cpus" | "uptime" | "name",
  is: "=" | "!=" | ">" | ">=" | "<" | "<=" | "~",
  value: string | number
): Selector => ({ _tag: "Fact", fact: one, is, value })
const and = (...of: ReadonlyArray<Selector>): Selector => ({ _tag: "And", of })
const or = (...of: ReadonlyArray<Selector>): Selector => ({ _tag: "Or", of })
const not = (of: Selector): Selector => ({ _tag: "Not", of })

const told = (selector: Selector) => {
  const { targets, unjudged } = resolve(selector, fleet, now)
  return [targets.map((one) => one.host).join(" "), unjudged.map((one) => one.host).join(" ")]
}

describe("a selector", () => {
  const rows: ReadonlyArray<readonly [string, Selector, string, string]> = [
    ["everybody, known or not", { _tag: "All" }, "app1 db-1 db-2 gone1 new1 web1 web10", ""],
    ["a name", name("web1"), "web1", ""],
    ["a name in other letters", name("WEB1"), "web1", ""],
    ["a star", name("db-*"), "db-1 db-2", ""],
    ["a star in the middle", name("w*1"), "web1", ""],
    ["question marks", name("web??"), "web10", ""],
    ["a tag", tag("prod"), "db-1 web1", ""],
    ["a tag in other letters", tag("PROD"), "db-1 web1", ""],
    [
      "a system by its name and version; who never connected is not guessed",
      fact("os", "=", "Debian 12"),
      "db-1 db-2 gone1 web10",
      "new1"
    ],
    ["a system without a version", fact("os", "=", "debian"), "db-1 db-2 gone1 web1 web10", "new1"],
    ["a system with its minor version", fact("os", "=", "Ubuntu 24.04"), "app1", "new1"],
    ["no part of a number is a version", fact("os", "=", "Debian 1"), "", "new1"],
    ["another system", fact("os", "!=", "Debian 12"), "app1 web1", "new1"],
    ["a later release of the same system", fact("os", ">=", "Debian 13"), "web1", "new1"],
    ["a word of the system", fact("os", "~", "TRIXIE"), "web1", "new1"],
    ["a system as the phrasebook says it", fact("os", "~", "Debian 12"), "db-1 db-2 gone1 web10", "new1"],
    ["no part of a number, as the phrasebook says it", fact("os", "~", "Debian 1"), "", "new1"],
    ["a kernel", fact("kernel", "=", "6.1"), "app1 db-1 db-2 gone1 web1 web10", "new1"],
    ["a newer kernel", fact("kernel", ">", "6.1"), "", "new1"],
    ["a kernel of at least a version", fact("kernel", ">=", "5.10.3"), "app1 db-1 db-2 gone1 web1 web10", "new1"],
    [
      "numbers of now; stale ones and those of who is away are unknown",
      fact("cpu", ">", 80),
      "db-1",
      "db-2 gone1 new1"
    ],
    ["numbers at least", fact("cpu", ">=", 80), "db-1 web10", "db-2 gone1 new1"],
    ["numbers said as text", fact("cpu", ">", "80"), "db-1", "db-2 gone1 new1"],
    ["an unknown that does not matter: false anyway", and(tag("app"), fact("cpu", ">", 5)), "app1", ""],
    ["an unknown that matters", and(tag("db"), fact("cpu", ">", 5)), "db-1", "db-2"],
    [
      "an unknown that does not matter: true anyway",
      or(tag("web"), fact("cpu", ">", 90)),
      "db-1 gone1 web1 web10",
      "db-2 new1"
    ],
    ["the opposite of unknown is unknown", and(tag("db"), not(fact("cpu", ">", 5))), "", "db-2"],
    ["the opposite", and(tag("web"), not(tag("prod"))), "gone1 web10", ""],
    ["nobody", name("nothing*"), "", ""]
  ]
  it.each(rows)("means %s", (_what, selector, targets, unjudged) => {
    assert.deepStrictEqual(told(selector), [targets, unjudged])
  })

  it("says of each host that cannot be judged why", () => {
    const { unjudged } = resolve(fact("cpu", ">", 80), fleet, now)
    assert.deepStrictEqual(unjudged, [
      { host: "db-2", reason: "its last numbers are 120 s old" },
      { host: "gone1", reason: "its agent is not connected" },
      { host: "new1", reason: "its agent is not connected" }
    ])
  })

  it("that compares what cannot be compared is refused with a sentence", () => {
    assert.match(selectorFault(fact("cpu", ">", "much")) ?? "", /cpu is a number/)
    assert.match(selectorFault(fact("cpu", "~", 80)) ?? "", /nothing for ~/)
    assert.match(selectorFault(and(tag("web"), not(fact("arch", ">", "x86_64")))) ?? "", /arch is a text/)
    assert.isUndefined(selectorFault(fact("os", ">=", "Debian 12")))
  })

  it.effect.prop("leaves no host out: it is a target, it is not, or it is named", [Selector], ([selector]) =>
    Effect.sync(() => {
      const { targets, unjudged } = resolve(selector, fleet, now)
      for (const one of fleet) {
        const { truth, why } = judge(selector, one, now)
        assert.strictEqual(targets.includes(one), truth === "true")
        assert.strictEqual(
          unjudged.some((other) => other.host === one.host),
          truth === "unknown"
        )
        if (truth === "unknown") assert.isAbove(why.join("").length, 5)
        assert.strictEqual(
          judge({ _tag: "Not", of: selector }, one, now).truth,
          { true: "false", false: "true", unknown: "unknown" }[truth]
        )
      }
    })
  )

  it.effect.prop(
    "matches names as a pattern would",
    [Schema.Array(Schema.Int), Schema.Array(Schema.Int)],
    ([pattern, text]) =>
      Effect.sync(() => {
        const of = (numbers: ReadonlyArray<number>, letters: string) =>
          numbers
            .slice(0, 8)
            .map((n) => letters[Math.abs(n) % letters.length])
            .join("")
        const [glob, host] = [of(pattern, "ab*?"), of(text, "ab")]
        const expected = new RegExp(`^${glob.replaceAll("*", ".*").replaceAll("?", ".")}$`, "u").test(host)
        assert.strictEqual(globMatches(glob, host), expected, `${glob} on ${host}`)
      })
  )

  it("stays quick on a pattern made to be slow", () => {
    assert.isFalse(globMatches("*a".repeat(30), `${"a".repeat(5_000)}b`))
  })
})
