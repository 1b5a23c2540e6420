/** From a draft to what is approved: frozen, hashed, and still true. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { member } from "../../../../test/support/fleet.ts"
import { beforeOf, commandIdOf, guardOf } from "./acts.ts"
import { planDrift, targetDrift } from "./drift.ts"
import { freeze } from "./freeze.ts"
import { planHash } from "./hash.ts"
import { isShortCode, shortCode } from "./code.ts"
import { type Draft, type DraftStep, Plan } from "./plan.ts"
import { batchText, draftText, selectorText, stepText } from "./words.ts"

const now = Date.now()
const fleet = [
  member("db1", { tags: ["db"] }),
  member("web1", { tags: ["web"] }),
  member("web2", { tags: ["web"], facts: undefined as never })
].map(({ facts, ...one }) => (facts === undefined ? one : { ...one, facts }))
const web = { _tag: "Tag", tag: "web" } as const
const restart: DraftStep = { action: "service.restart", args: { unit: "nginx.service" }, targets: web }
const plan = (...steps: ReadonlyArray<DraftStep>) => Result.getOrThrow(freeze({ steps }, fleet, now)).plan
const refusal = (draft: Draft) => {
  const frozen = freeze(draft, fleet, now)
  return Result.isFailure(frozen) ? frozen.failure : "nothing was refused"
}

describe("a frozen plan", () => {
  it("names agents, judges its risk, and stands for as long as that allows", () => {
    const frozen = plan(restart)
    assert.deepStrictEqual(frozen.steps[0]?.targets, [
      { agentId: "agent-web1", host: "web1" },
      { agentId: "agent-web2", host: "web2" }
    ])
    assert.strictEqual(frozen.risk, "medium")
    assert.strictEqual(Date.parse(frozen.expiresAt) - now, 15 * 60_000)
    assert.deepStrictEqual(frozen.batch, { size: 10, maxFailures: 0 })
    assert.strictEqual(Date.parse(plan({ ...restart, action: "service.stop" }).expiresAt) - now, 10 * 60_000)
    assert.strictEqual(Date.parse(plan({ ...restart, action: "system.reboot", args: {} }).expiresAt) - now, 5 * 60_000)
  })

  it("is as risky as its riskiest step, and counts all hosts that it acts on", () => {
    assert.strictEqual(plan(restart, { ...restart, action: "service.stop" }).risk, "high")
    assert.strictEqual(plan({ ...restart, action: "service.status" }, restart).risk, "medium")
    const many = Array.from({ length: 8 }, (_, n) => member(`web${n}`, { tags: [n < 4 ? "a" : "b"] }))
    const halves = ["a", "b"].map((tag): DraftStep => ({ ...restart, targets: { _tag: "Tag", tag } }))
    assert.strictEqual(Result.getOrThrow(freeze({ steps: halves }, many, now)).plan.risk, "high")
    assert.strictEqual(Result.getOrThrow(freeze({ steps: halves.slice(0, 1) }, many, now)).plan.risk, "medium")
  })

  it("says which hosts nobody could judge", () => {
    const os: DraftStep = {
      action: "system.usage",
      args: {},
      targets: { _tag: "Fact", fact: "os", is: "=", value: "Debian 12" }
    }
    const { unjudged, plan: frozen } = Result.getOrThrow(freeze({ steps: [os, os] }, fleet, now))
    assert.deepStrictEqual(unjudged, [{ host: "web2", reason: "its agent has never connected" }])
    assert.strictEqual(frozen.steps[0]?.targets.length, 2)
  })

  it.each([
    [{ ...restart, action: "service.explode" }, /There is no action service.explode/],
    [{ ...restart, args: { unit: "nginx" } }, /arguments of service.restart do not fit/],
    [{ ...restart, args: { unit: "nginx.service", now: true } }, /do not fit/],
    [{ ...restart, targets: { _tag: "Tag", tag: "mail" } }, /No host fits tag mail/],
    [{ ...restart, targets: { _tag: "Fact", fact: "cpu", is: ">", value: "x" } }, /cpu is a number/],
    [{ ...restart, when: { _tag: "Online", host: "mail" } }, /there is no such host/],
    [{ action: "shell.run", args: { command: "true" }, targets: web }, /shell.run is not allowed on web1, web2/]
  ] as ReadonlyArray<readonly [DraftStep, RegExp]>)("is refused where it cannot be: %j", (step, why) => {
    assert.match(refusal({ steps: [step] }), why)
    assert.match(refusal({ steps: [restart, step] }), /^Step 2: /)
  })

  it("is refused where the only hosts that might fit cannot be judged, and where there is no fleet", () => {
    const old: DraftStep = {
      ...restart,
      targets: {
        _tag: "And",
        of: [
          { _tag: "Name", glob: "web2" },
          { _tag: "Fact", fact: "os", is: "=", value: "Debian 12" }
        ]
      }
    }
    assert.match(refusal({ steps: [old] }), /No host is known to fit.*web2 might, but its agent has never connected/)
    const nobody = freeze({ steps: [restart] }, [], now)
    assert.match(Result.isFailure(nobody) ? nobody.failure : "", /no agent yet/)
  })

  it("is refused where an agent does not know the action, and where it is too large", () => {
    const old = [member("web1", { tags: ["web"], actions: ["system.info"] })]
    const refused = freeze({ steps: [restart] }, old, now)
    assert.match(Result.isFailure(refused) ? refused.failure : "", /agent of web1 does not know service.restart/)
    const content = "x".repeat(500_000)
    const write: DraftStep = { action: "config.write", args: { path: "/etc/motd", content }, targets: web }
    assert.match(refusal({ steps: [write, write] }), /too large/)
  })
})

describe("the hash", () => {
  const Mutation = Schema.Struct({ pick: Schema.Int, text: Schema.String })
  /** Every place in a plan where there is a value. */
  const places = (
    value: unknown,
    path: ReadonlyArray<string | number> = []
  ): ReadonlyArray<ReadonlyArray<string | number>> =>
    typeof value === "object" && value !== null
      ? Object.entries(value).flatMap(([key, inner]) =>
          places(inner, [...path, Array.isArray(value) ? Number(key) : key])
        )
      : [path]
  const changed = (value: unknown, path: ReadonlyArray<string | number>, text: string): unknown => {
    const [key, ...rest] = path
    if (key === undefined)
      return typeof value === "number"
        ? Math.abs(value) < 1e6 && value + 1 !== value
          ? value + 1
          : 0
        : typeof value === "boolean"
          ? !value
          : `${String(value)}${text}!`
    if (Array.isArray(value)) return value.map((one: unknown, n) => (n === key ? changed(one, rest, text) : one))
    const fields = value as Readonly<Record<string, unknown>>
    return { ...fields, [key]: changed(fields[key], rest, text) }
  }
  /** The same with the keys of every object the other way round. */
  const reversed = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(reversed)
      : typeof value === "object" && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .toReversed()
              .map(([key, inner]) => [key, reversed(inner)])
          )
        : value
  // Texts and numbers of enumerations cannot become others and stay a plan: the hash is asked for what a thief would write.
  const hashOf = (of: unknown, planId = "p-20261120-7Q2FXK", by = "ana") => planHash(planId, by, of as Plan)

  it.effect.prop(
    "is another as soon as anything is, and the same in any order of keys",
    [Plan, Mutation],
    ([of, { pick, text }]) =>
      Effect.sync(() => {
        const hash = hashOf(of)
        assert.match(hash, /^[0-9a-f]{64}$/)
        assert.strictEqual(hashOf(reversed(of)), hash)
        const all = places(of).filter((path) => Schema.is(Plan)(changed(of, path, text)))
        const path = all[Math.abs(pick) % Math.max(1, all.length)]
        if (path !== undefined) assert.notStrictEqual(hashOf(changed(of, path, text)), hash, path.join("."))
        assert.notStrictEqual(hashOf({ ...of, steps: [...of.steps, ...plan(restart).steps] }), hash)
        if (of.steps.length > 0) assert.notStrictEqual(hashOf({ ...of, steps: of.steps.slice(1) }), hash)
        assert.notStrictEqual(hashOf(of, "p-20261120-7Q2FXM"), hash)
        assert.notStrictEqual(hashOf(of, "p-20261120-7Q2FXK", "bo"), hash)
      })
  )

  it("covers every field of a plan", () => {
    const full = plan(
      { ...restart, when: { _tag: "Fact", fact: "cpu", is: ">", value: 80, host: "db1" } },
      { action: "config.write", args: { path: "/etc/motd", content: "x" }, targets: web }
    )
    const all = places(full).filter((path) => Schema.is(Plan)(changed(full, path, "x")))
    assert.isAbove(all.length, 20)
    assert.strictEqual(
      new Set(all.map((path) => hashOf(changed(full, path, "x")))).add(hashOf(full)).size,
      all.length + 1
    )
    for (const field of [
      "args",
      "targets",
      "asks",
      "when",
      "expiresAt",
      "policy",
      "risk",
      "size",
      "maxFailures",
      "agentId"
    ])
      assert.isTrue(
        places(full).some((path) => path.includes(field)),
        field
      )
  })

  it("has a short code that people may type as they like", () => {
    const hash = `9c41${"0".repeat(56)}e07a`
    assert.strictEqual(shortCode(hash), "9c41-e07a")
    for (const typed of ["9c41-e07a", "9C41 E07A", " 9c41e07a ", "9c41…e07a"])
      assert.isTrue(isShortCode(typed, hash), typed)
    for (const typed of ["", "9c41", "9c41-e07b", hash, "e07a-9c41"]) assert.isFalse(isShortCode(typed, hash), typed)
  })
})

describe("drift", () => {
  const frozen = plan({ ...restart, when: { _tag: "Online", host: "db1" } })
  const step = frozen.steps[0]
  it("is not there while nothing has changed, whatever the numbers do", () => {
    assert.isUndefined(
      planDrift(
        frozen,
        fleet.map((one) => ({ ...one, online: false, lastSeen: 0 })),
        now
      )
    )
    const busy = plan({ ...restart, targets: { _tag: "Fact", fact: "cpu", is: "<", value: 50 } })
    const after = fleet.map((one) => ({ ...one, sample: { at: now, cpu: 99, memory: 1, disk: 1, load: 1, uptime: 1 } }))
    assert.isUndefined(planDrift(busy, after, now))
  })

  it.each([
    ["a host is new", [...fleet, member("web3", { tags: ["web"] })], /web3 now fits tag web too/],
    ["a host is gone", fleet.slice(0, 2), /web2 is not in the fleet any more/],
    [
      "a host lost its tag",
      fleet.map((one) => ({ ...one, tags: one.host === "web1" ? [] : one.tags })),
      /web1 does not fit tag web any more/
    ],
    ["a host got its tag", fleet.map((one) => ({ ...one, tags: ["web"] })), /db1 now fits/],
    [
      "a host has another name",
      fleet.map((one) => (one.host === "web1" ? { ...one, host: "web9" } : one)),
      /was web1 is called web9 now/
    ],
    [
      "another agent has the name",
      fleet.map((one) => (one.host === "web1" ? { ...one, agentId: "other" } : one)),
      /web1 is not in the fleet/
    ],
    ["the host that is asked is gone", fleet.slice(1), /db1 is not in the fleet/]
  ])("is told when %s", (_what, after, why) => assert.match(planDrift(frozen, after, now) ?? "", why))

  it("of one target is told before it is dispatched", () => {
    const [target] = step?.targets ?? []
    if (step === undefined || target === undefined) throw new Error("no step")
    assert.isUndefined(targetDrift(step, target, fleet[1], now))
    assert.match(targetDrift(step, target, undefined, now) ?? "", /not in the fleet/)
    assert.match(targetDrift(step, target, member("web1"), now) ?? "", /does not fit/)
  })
})

describe("what goes along with an action", () => {
  it.each([
    ["service.restart", { unit: "nginx.service" }, { action: "service.status", args: { unit: "nginx.service" } }],
    ["config.write", { path: "/etc/motd", content: "x" }, { action: "config.read", args: { path: "/etc/motd" } }],
    [
      "config.set",
      { path: "/etc/x.ini", key: "a", value: "b" },
      { action: "config.read", args: { path: "/etc/x.ini" } }
    ],
    ["config.restore", { path: "/etc/motd", backup: "1" }, { action: "config.backups", args: { path: "/etc/motd" } }],
    ["config.add-site", { domain: "a.example" }, { action: "service.status", args: { unit: "nginx.service" } }],
    ["package.install", { names: ["htop"] }, { action: "package.list", args: { text: "htop" } }],
    ["package.install", { names: ["htop", "tmux"] }, undefined],
    ["package.update", { names: ["htop"] }, { action: "package.upgradable", args: {} }],
    ["system.reboot", {}, { action: "system.usage", args: {} }],
    ["system.usage", {}, undefined],
    ["nothing", {}, undefined]
  ])("%s %j is looked at by %j", (action, args, expected) => assert.deepStrictEqual(beforeOf(action, args), expected))

  it("guards what can cut a host off, and nothing else", () => {
    assert.strictEqual(guardOf("config.write", { path: "/etc/ssh/sshd_config", content: "" }), 60_000)
    assert.strictEqual(guardOf("config.set", { path: "/etc/network/interfaces", key: "a", value: "b" }), 60_000)
    for (const [action, path] of [
      ["config.write", "/etc/nginx/nginx.conf"],
      ["config.read", "/etc/ssh/sshd_config"],
      ["config.write", "/etc/sshx/y"]
    ] as const)
      assert.isUndefined(guardOf(action, { path }), `${action} ${path}`)
  })

  it("has an id that follows from plan, step, target and purpose, and from nothing else", () => {
    const id = (...of: Parameters<typeof commandIdOf>) => commandIdOf(...of)
    const ids = [
      id("p-1", 0, "a", "act"),
      id("p-2", 0, "a", "act"),
      id("p-1", 1, "a", "act"),
      id("p-1", 0, "b", "act"),
      id("p-1", 0, "a", "before"),
      id("p-1", 0, "a", "condition", { action: "system.usage", args: {} }),
      id("p-1", 0, "a", "condition", { action: "system.usage", args: {}, host: "b" })
    ]
    assert.strictEqual(new Set(ids).size, ids.length)
    assert.strictEqual(id("p-1", 0, "a", "act"), ids[0])
    for (const one of ids) assert.match(one, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})

describe("a plan in words", () => {
  it("is one line, with its conditions", () => {
    assert.strictEqual(
      draftText({
        steps: [
          {
            ...restart,
            when: {
              _tag: "And",
              of: [
                { _tag: "Fact", fact: "cpu", is: ">", value: 80 },
                {
                  _tag: "Or",
                  of: [
                    { _tag: "Online", host: "db1" },
                    { _tag: "Not", of: { _tag: "Unit", unit: "a.service", state: "active" } }
                  ]
                }
              ]
            }
          },
          { action: "system.usage", args: {}, targets: { _tag: "All" } }
        ]
      }),
      "service.restart nginx.service on tag web, if cpu > 80 % and (db1 is online or not a.service is active); then system.usage on all hosts"
    )
    assert.strictEqual(
      selectorText({
        _tag: "And",
        of: [
          { _tag: "Name", glob: "db-*" },
          { _tag: "Not", of: { _tag: "Or", of: [web, { _tag: "Fact", fact: "os", is: "=", value: "Debian 12" }] } }
        ]
      }),
      'db-* and not (tag web or os = "Debian 12")'
    )
  })

  it("cuts what is long and has no control characters, whatever the arguments hold", () => {
    const text = stepText({
      action: "config.write",
      args: { path: "/etc/motd", content: `\u001b[31m${"x\n".repeat(5_000)}\u202e` },
      targets: web
    })
    assert.notMatch(text, /[\p{Cc}\u202e]/u)
    assert.isBelow(text.length, 400)
    assert.match(text, /10006 characters/)
  })

  it("says how many go at once", () => {
    assert.deepStrictEqual(
      [
        batchText({ size: 1, maxFailures: 0 }, 3),
        batchText({ size: 10, maxFailures: 0 }, 3),
        batchText({ size: 2, maxFailures: 1 }, 8),
        batchText({ size: 1000, maxFailures: 1000 }, 8)
      ],
      [
        "one after the other, stop after 1 failure",
        "all at once, stop after 1 failure",
        "2 at a time, stop after 2 failures",
        "all at once"
      ]
    )
  })
})
