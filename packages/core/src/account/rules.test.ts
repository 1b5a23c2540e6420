import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Result } from "effect"
import { type AccountCommand, decideAccount, mostTokens } from "./decider.ts"
import type { AccountEvent } from "./events.ts"
import { isAccountName, nameFault } from "./name.ts"
import { matches, passwordFault, seal } from "./password.ts"
import { accountRoles, may, type Permission, permissions, reaches, refusalOf } from "./permissions.ts"
import { accountWait, makeAddressThrottle, makeNameThrottle, networkOf, waitAfter } from "./throttle.ts"
import { hashToken, isToken, makeToken, makeTokenId } from "./token.ts"
import { type AccountView, evolveAccount } from "./view.ts"

const at = "2026-11-21T10:00:00.000000Z"
const now = Date.parse(at)
const ref = "7e57ab1e-0000-4000-8000-000000000001"

const fold = (...events: ReadonlyArray<AccountEvent>): AccountView | undefined =>
  events.reduce<AccountView | undefined>(
    (view, event, index) => evolveAccount(view, event, { at, actor: "local-admin", version: index + 1 }),
    undefined
  )
const created: AccountEvent = { _tag: "AccountCreated", name: "ana", role: "operator", passwordRef: ref }
const issued = (n: number, more: { readonly expiresAt?: string } = {}): AccountEvent => ({
  _tag: "TokenIssued",
  tokenId: `T-AAAAAAAA${String.fromCodePoint(65 + Math.floor(n / 26))}${String.fromCodePoint(65 + (n % 26))}`,
  hash: n.toString(16).padStart(64, "0"),
  label: "",
  ...more
})
const refused: AccountEvent = { _tag: "SignInRefused", address: "198.51.100.7" }

/** The types of the events, or the sentence. */
const decided = (view: AccountView | undefined, command: AccountCommand): ReadonlyArray<string> | string => {
  const result = decideAccount(view, command)
  return Result.isSuccess(result) ? result.success.map((event) => event._tag) : result.failure.message
}
const matchesRule = (found: ReadonlyArray<string> | string, wanted: ReadonlyArray<string> | RegExp, name: string) =>
  wanted instanceof RegExp
    ? assert.match(typeof found === "string" ? found : found.join(), wanted, name)
    : assert.deepStrictEqual(found, wanted, name)

describe("permissions", () => {
  it("grow with the role, and every refusal names the role that is needed", () => {
    const all = Object.keys(permissions) as ReadonlyArray<Permission>
    for (const permission of all) {
      const allowed = accountRoles.filter((role) => may(role, permission))
      assert.deepStrictEqual(allowed, accountRoles.slice(accountRoles.length - allowed.length), permission)
      assert.include(allowed, "admin")
      for (const role of accountRoles) {
        const refusal = refusalOf({ name: "ana", role }, permission)
        if (may(role, permission)) assert.isUndefined(refusal)
        else
          assert.match(refusal ?? "", new RegExp(`the role ${permissions[permission].role}; ana is ${role}\\.$`, "u"))
      }
    }
    assert.isFalse(reaches("viewer", "operator"))
    assert.deepStrictEqual(
      all.filter((one) => may("viewer", one)),
      ["read"]
    )
    assert.deepStrictEqual(
      all.filter((one) => may("operator", one)),
      ["read", "task", "chat", "instruct", "approve"]
    )
    assert.deepStrictEqual(
      all.filter((one) => may("approver", one) && !may("operator", one)),
      ["approveHigh"]
    )
  })
})

describe("an account", () => {
  const table: ReadonlyArray<
    readonly [string, AccountView | undefined, AccountCommand, ReadonlyArray<string> | RegExp]
  > = [
    ["is made", undefined, { _tag: "Create", name: "ana", role: "viewer" }, ["AccountCreated"]],
    ["is made once", fold(created), { _tag: "Create", name: "ana", role: "viewer" }, /an account ana already/],
    [
      "may be made again after its end",
      fold(created, { _tag: "AccountRemoved" }),
      { _tag: "Create", name: "ana", role: "viewer" },
      ["AccountCreated"]
    ],
    ["has a name of its own", undefined, { _tag: "Create", name: "policy", role: "admin" }, /means something else/],
    ["must be there", undefined, { _tag: "ChangeRole", role: "admin" }, /no such account/],
    ["that ended is not there", fold(created, { _tag: "AccountRemoved" }), { _tag: "Remove" }, /no such account/],
    ["changes its role", fold(created), { _tag: "ChangeRole", role: "admin" }, ["RoleChanged"]],
    ["that has the role changes nothing", fold(created), { _tag: "ChangeRole", role: "operator" }, []],
    [
      "signs in",
      fold(created),
      { _tag: "SignIn", sessionId: "s", address: "::1", passwordRef: ref, now },
      ["SignedIn"]
    ],
    [
      "does not sign in by what was its password a moment ago",
      fold(created, { _tag: "PasswordChanged", passwordRef: "7e57ab1e-0000-4000-8000-000000000002" }),
      { _tag: "SignIn", sessionId: "s", address: "::1", passwordRef: ref, now },
      /changed meanwhile/
    ],
    [
      "does not sign in while it must wait, whoever checked before",
      fold(created, refused, refused, refused, refused, refused),
      { _tag: "SignIn", sessionId: "s", address: "::1", passwordRef: ref, now: now + 4_999 },
      /changed meanwhile/
    ],
    ["counts a refusal", fold(created), { _tag: "RefuseSignIn", address: "x", now }, ["SignInRefused"]],
    [
      "counts none while nothing is tried",
      fold(created, refused, refused, refused, refused, refused),
      { _tag: "RefuseSignIn", address: "x", now },
      []
    ],
    [
      "gives no token that has ended before it began",
      fold(created),
      { _tag: "IssueToken", tokenId: makeTokenId(), hash: "a", label: "", expiresAt: at, now },
      /of no use/
    ],
    [
      "has so many tokens at most",
      fold(created, ...Array.from({ length: mostTokens }, (_, n) => issued(n))),
      { _tag: "IssueToken", tokenId: makeTokenId(), hash: "a", label: "", now },
      /50 tokens/
    ],
    [
      "revokes what it has only",
      fold(created),
      { _tag: "RevokeToken", tokenId: "T-AAAAAAAAAA" },
      /no token T-AAAAAAAAAA/
    ],
    ["revokes a token", fold(created, issued(0)), { _tag: "RevokeToken", tokenId: "T-AAAAAAAAAA" }, ["TokenRevoked"]]
  ]
  it.each(table)("%s", (name, view, command, wanted) => matchesRule(decided(view, command), wanted, name))

  it("that is made again has nothing of the old one", () => {
    const old = fold(created, issued(0), refused)
    const again = fold(created, issued(0), refused, { _tag: "AccountRemoved" }, { ...created, role: "viewer" })
    assert.deepStrictEqual([again?.tokens, again?.role, again?.refusals, again?.removed], [[], "viewer", 0, false])
    assert.isAbove(again?.epoch ?? 0, old?.epoch ?? 99, "sessions of the old one are over")
  })
})

describe("names of accounts", () => {
  it("are plain, and never those of something else that acts", () => {
    for (const name of ["ana", "a", "ana.b-c_d9", "x".repeat(32)]) assert.isTrue(isAccountName(name), name)
    for (const name of [
      "",
      "Ana",
      "9a",
      "ana..b",
      "-ana",
      "ana-",
      "x".repeat(33),
      "local-admin",
      "policy",
      "hub",
      "worker",
      "worker:1",
      "bridge:00",
      "ana\n",
      "ana\u0000",
      "an\u0430",
      "../etc",
      "a b",
      "__proto__",
      "T-AAAAAAAAAA",
      "'; drop table log.event; --",
      "\u202eana"
    ])
      assert.isString(nameFault(name), JSON.stringify(name))
  })
})

describe("passwords", () => {
  it("have a length and are not a name", () => {
    const fault = (password: string) => passwordFault(Redacted.make(password), "ana")
    for (const good of ["correct horse", "пароль-пароль", "🚂🚃🚄🚅🚆🚇🚈🚉🚊🚋", "p\u0000qr".repeat(20)])
      assert.isUndefined(fault(good), good)
    for (const bad of ["", "short", "aaaaaaaaaaaaaaaa", "anaanaana1", "x1y2z".repeat(101), "🚂🚃🚄🚅🚆🚇🚈🚉🚊"])
      assert.isString(fault(bad), bad)
    for (const bad of ["short", "anaanaanaana"]) assert.notInclude(fault(bad) ?? "", bad)
  })

  it.live("are found again, in whatever way their letters were written, and nothing else is", () =>
    Effect.gen(function* () {
      const sealed = yield* seal(Redacted.make("Caf\u00e9 au lait!"))
      assert.notInclude(sealed, "Caf")
      assert.isTrue(yield* matches(Redacted.make("Cafe\u0301 au lait!"), sealed))
      for (const other of ["", "Cafe au lait!", "café au lait!", "x".repeat(100_000)])
        assert.isFalse(yield* matches(Redacted.make(other), sealed), other.slice(0, 20))
      assert.notStrictEqual(yield* seal(Redacted.make("Caf\u00e9 au lait!")), sealed, "each has a salt of its own")
      for (const broken of [undefined, "", "scrypt$32768$8$1$$", "plain", `${sealed}x`])
        assert.isFalse(yield* matches(Redacted.make("Caf\u00e9 au lait!"), broken))
    })
  )
})

describe("tokens", () => {
  it("have the known form and are all different", () => {
    const made = Array.from({ length: 500 }, () => Redacted.value(makeToken()))
    assert.strictEqual(new Set(made).size, 500)
    for (const token of made) assert.isTrue(isToken(token) && /^[0-9a-f]{64}$/u.test(hashToken(token)))
    for (const id of Array.from({ length: 100 }, makeTokenId)) {
      assert.match(id, /^T-[A-Z2-9]{10}$/u)
      assert.isFalse(isAccountName(id))
    }
  })
})

describe("tries of a password", () => {
  it("cost nothing at first, then twice as much each time, and never more than a quarter of an hour", () => {
    assert.deepStrictEqual([0, 4, 5, 6, 7].map(waitAfter), [0, 0, 5_000, 10_000, 20_000])
    assert.strictEqual(waitAfter(1_000_000), 15 * 60_000)
    assert.strictEqual(accountWait({ refusals: 6, refusedAt: at }, now + 4_000), 6_000)
    assert.strictEqual(accountWait({ refusals: 6, refusedAt: at }, now + 10_000), 0)
    assert.strictEqual(accountWait({ refusals: 0, refusedAt: null }, now), 0)
    assert.isAtMost(accountWait({ refusals: 9, refusedAt: at }, now - 1e12), 15 * 60_000, "a clock that went back")
  })

  it("are counted by address too, for so many addresses as memory bears", () => {
    const throttle = makeAddressThrottle()
    for (let n = 0; n < 30; n++) {
      assert.strictEqual(throttle.wait("a", now + n), 0)
      throttle.refused("a", now + n)
    }
    assert.isAbove(throttle.wait("a", now + 30), 0)
    assert.strictEqual(throttle.wait("b", now + 30), 0)
    assert.strictEqual(throttle.wait("a", now + 10 * 60_000), 0, "after its time")
    for (let n = 0; n < 20_000; n++) throttle.refused(`x${n}`, now)
    assert.isAtMost(throttle.size(), 10_000)
  })

  it("are counted by network where one owner has many addresses", () => {
    assert.strictEqual(networkOf("203.0.113.7"), "203.0.113.7")
    const same = ["2001:db8:1:2::1", "2001:db8:1:2:ffff:1:2:3", "2001:db8:1:2::", "2001:db8:1:2::7%eth0"]
    assert.deepStrictEqual([...new Set(same.map(networkOf))], ["2001:db8:1:2"])
    assert.deepStrictEqual(["::1", "2001:db8::1", "fe80::1"].map(networkOf), ["0:0:0:0", "2001:db8:0:0", "fe80:0:0:0"])
    const throttle = makeAddressThrottle()
    for (let n = 0; n < 30; n++) throttle.refused(`2001:db8:1:2::${n}`, now)
    assert.isAbove(throttle.wait("2001:db8:1:2:3:4:5:6", now), 0)
    assert.strictEqual(throttle.wait("2001:db8:1:3::1", now), 0)
  })

  it("of names that are no account's have to wait as those of accounts do", () => {
    const throttle = makeNameThrottle()
    for (let n = 0; n < 5; n++) {
      assert.strictEqual(throttle.wait("nobody", now), 0)
      throttle.refused("nobody", now)
    }
    assert.strictEqual(throttle.wait("nobody", now), 5_000)
    throttle.refused("nobody", now) // while it must wait, nothing counts
    assert.strictEqual(throttle.wait("nobody", now), 5_000)
    assert.strictEqual(throttle.wait("nobody", now + 5_000), 0)
    throttle.refused("nobody", now + 5_000)
    assert.strictEqual(throttle.wait("nobody", now + 5_000), 10_000)
    assert.strictEqual(throttle.wait("somebody", now), 0)
  })
})
