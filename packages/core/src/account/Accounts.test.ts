import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { Commands } from "../log/Commands.ts"
import { EventLog } from "../log/EventLog.ts"
import { Db } from "../postgres/Db.ts"
import { ALL, Projections } from "../projection/Projection.ts"
import { RoomsTest } from "../../../../test/support/hub.ts"
import { until } from "../../../../test/support/until.ts"
import { Accounts } from "./Accounts.ts"
import { AccountsLive } from "./AccountsLive.ts"
import { accountEvents, accountStream } from "./events.ts"
import { ownerOfToken } from "./projection.ts"
import { accountDecider } from "./room.ts"

const AccountsTest = AccountsLive.pipe(Layer.provideMerge(RoomsTest))
const by = () => ({ commandId: randomUUID(), actor: "local-admin" })
const password = Redacted.make("correct horse battery")
const tried = (name: string, given = password, address = "198.51.100.7") => ({
  name,
  password: given,
  address,
  sessionId: randomUUID()
})
const projected = Effect.gen(function* () {
  yield* (yield* Projections).waitFor(ALL, yield* (yield* EventLog).head)
})
const viewOf = (name: string) =>
  Effect.map(
    Effect.flatMap(Commands, (commands) => commands.load(accountDecider, accountEvents, accountStream(name))),
    ({ state }) => state
  )

describe("accounts", () => {
  it.live("have tokens that work until they are revoked, until they end, or until the account does", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const heard: Array<string> = []
      yield* accounts.watch((name) => void heard.push(name))
      yield* accounts.add({ name: "ana", role: "operator" }, by())
      const one = yield* accounts.issue("ana", { label: "laptop" }, by())
      const two = yield* accounts.issue("ana", { label: "" }, by())
      const brief = new Date(Date.now() + 86_400_000).toISOString()
      const three = yield* accounts.issue("ana", { label: "", expiresAt: brief }, by())
      yield* projected
      const owner = (token: Redacted.Redacted) =>
        Effect.map(accounts.ofToken(Redacted.value(token)), (found) => found?.account.name)
      assert.deepStrictEqual(yield* Effect.all([one, two, three].map(({ token }) => owner(token))), [
        "ana",
        "ana",
        "ana"
      ])
      assert.strictEqual((yield* accounts.ofToken(Redacted.value(three.token)))?.expiresAt, Date.parse(brief))
      yield* accounts.revoke(one.tokenId, by())
      // no projection is waited for: the log says it
      assert.isUndefined(yield* owner(one.token))
      assert.strictEqual(yield* owner(two.token), "ana")
      yield* accounts.remove("ana", by())
      assert.isUndefined(yield* owner(two.token))
      yield* accounts.add({ name: "ana", role: "admin" }, by())
      yield* projected
      assert.isUndefined(yield* owner(two.token), "the name is given again, the token is not")
      yield* until(
        "every change was told",
        Effect.sync(() => heard.filter((name) => name === "ana").length >= 7)
      )
      const gone = yield* Effect.flip(accounts.revoke(one.tokenId, by()))
      assert.match(gone.message, /There is no token/u)
    }).pipe(Effect.scoped, Effect.provide(AccountsTest))
  )

  it.live("take effect once by the command's id, and never tell a token twice", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const origin = by()
      const first = yield* accounts.add({ name: "ana", role: "viewer", password }, origin)
      assert.deepStrictEqual(yield* accounts.add({ name: "ana", role: "viewer", password }, origin), first)
      const db = yield* Db
      const kept = () =>
        db.query("count", (sql) => sql<{ n: number }[]>`select count(*)::int as n from account.password`)
      assert.strictEqual((yield* kept())[0]?.n, 1)
      const refused = yield* Effect.flip(accounts.add({ name: "ana", role: "admin", password }, by()))
      assert.match(refused.message, /an account ana already/u)
      assert.strictEqual((yield* kept())[0]?.n, 1, "of a refused command no password remains")
      const again = by()
      yield* accounts.issue("ana", { label: "x" }, again)
      assert.match((yield* Effect.flip(accounts.issue("ana", { label: "x" }, again))).message, /told to whoever asked/u)
      const reused = yield* Effect.flip(accounts.issue("ana", { label: "y" }, again))
      assert.strictEqual(reused._tag, "CommandIdReused")
      yield* accounts.changePassword("ana", Redacted.make("another good one"), by())
      assert.strictEqual((yield* kept())[0]?.n, 1)
      yield* accounts.remove("ana", by())
      assert.strictEqual((yield* kept())[0]?.n, 0)
    }).pipe(Effect.provide(AccountsTest))
  )

  it.live("sign in by their password, and are asked to wait after too many wrong ones, also by another process", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      yield* accounts.add({ name: "ana", role: "operator", password }, by())
      yield* accounts.add({ name: "bare", role: "operator" }, by())
      assert.strictEqual((yield* accounts.signIn(tried("ana"))).role, "operator")
      const wrong = Redacted.make("not the password")
      const sentences = new Set<string>()
      for (const name of ["ana", "bare", "nobody-here", "../etc", "x".repeat(5_000), "local-admin", "\u0000"])
        sentences.add((yield* Effect.flip(accounts.signIn(tried(name, wrong)))).message)
      assert.strictEqual(sentences.size, 1, "it never says what was wrong")
      assert.strictEqual((yield* viewOf("ana"))?.refusals, 1)
      const log = yield* EventLog
      // so many that no machine is slow enough to be through with the wait before this test is
      for (let n = 0; n < 11; n++)
        yield* log.append({
          stream: accountStream("ana"),
          expected: "any",
          commandId: randomUUID(),
          actor: "hub",
          events: [accountEvents.encode({ _tag: "SignInRefused", address: "198.51.100.7" })]
        })
      const before = yield* log.head
      for (const given of [wrong, password]) {
        const waits = yield* Effect.flip(accounts.signIn(tried("ana", given, "203.0.113.1")))
        assert.strictEqual(waits._tag, "SignInThrottled")
        assert.match(waits.message, /Try again in \d+ seconds?\./u)
      }
      assert.strictEqual(yield* log.head, before, "and nothing is written meanwhile")
      // another hub that begins now knows it too
      const other = yield* Layer.build(Layer.fresh(AccountsLive))
      const there = yield* Effect.flip(
        Effect.flatMap(Accounts, (fresh) => fresh.signIn(tried("ana", password, "203.0.113.9"))).pipe(
          Effect.provide(other)
        )
      )
      assert.strictEqual(there._tag, "SignInThrottled")
    }).pipe(Effect.scoped, Effect.provide(AccountsTest))
  )

  it.live("are not told from names that nobody has, however often one tries", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      yield* accounts.add({ name: "ana", role: "operator", password }, by())
      const wrong = Redacted.make("a wrong password")
      const outcomes = (name: string) =>
        Effect.forEach(
          Array.from({ length: 6 }, (_, n) => `198.51.100.${n}`),
          (address) => Effect.map(Effect.flip(accounts.signIn(tried(name, wrong, address))), (error) => error._tag)
        )
      const [known, unknown] = yield* Effect.all([outcomes("ana"), outcomes("nobody-here")], { concurrency: 2 })
      assert.deepStrictEqual(unknown, known)
      assert.strictEqual(known.at(-1), "SignInThrottled")
    }).pipe(Effect.provide(AccountsTest))
  )

  it.live("are tried by one address no oftener than it may, also when it asks all at once", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const tags = yield* Effect.forEach(
        Array.from({ length: 60 }, (_, n) => `name-${n}`),
        (name) => Effect.map(Effect.flip(accounts.signIn(tried(name, password, "203.0.113.5"))), (error) => error._tag),
        { concurrency: "unbounded" }
      )
      const letIn = tags.filter((tag) => tag === "SignInFailed").length
      assert.include([30, 31], letIn, "two are worked on at a time")
      const honest = yield* Effect.flip(accounts.signIn(tried("ana", password, "203.0.113.6")))
      assert.strictEqual(honest._tag, "SignInFailed", "another address goes on")
    }).pipe(Effect.provide(AccountsTest))
  )

  it.live("leave no password and no token in the database, but what they can be checked against", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const db = yield* Db
      yield* accounts.add({ name: "ana", role: "operator", password }, by())
      const { token } = yield* accounts.issue("ana", { label: "x" }, by())
      yield* accounts.signIn(tried("ana"))
      yield* Effect.flip(accounts.signIn(tried("ana", Redacted.make("a wrong password"))))
      yield* projected
      const all = yield* db.query(
        "read everything",
        (sql) => sql<{ text: string }[]>`
          select row_to_json(e)::text as text from log.event e
          union all select row_to_json(r)::text from log.receipt r
          union all select row_to_json(a)::text from read.account a
          union all select row_to_json(t)::text from read.account_token t
          union all select row_to_json(p)::text from account.password p`
      )
      const text = all.map((row) => row.text).join("\n")
      for (const secret of ["correct horse", "a wrong password", Redacted.value(token), Redacted.value(token).slice(4)])
        assert.notInclude(text, secret)
      const events = yield* db.query(
        "read the events",
        (sql) => sql<{ text: string }[]>`select data::text as text from log.event`
      )
      assert.notMatch(
        events.map((row) => row.text).join("\n"),
        /scrypt/u,
        "what a password is checked against is no event"
      )
    }).pipe(Effect.provide(AccountsTest))
  )

  it.live("find whose a token is by one step in an index", () =>
    Effect.gen(function* () {
      const db = yield* Db
      yield* db.query(
        "fill",
        (sql) => sql`
          insert into read.account_token (hash, account, token_id)
          select encode(sha256(n::text::bytea), 'hex'), 'a' || n, 'T-' || n from generate_series(1, 20000) n`
      )
      yield* db.query("analyze", (sql) => sql`analyze read.account_token`)
      const [row] = yield* db.query(
        "explain",
        (sql) => sql<{ "QUERY PLAN": unknown }[]>`
          explain (analyze, format json) ${ownerOfToken(sql, "f".repeat(64))}`
      )
      const plan = JSON.stringify(row?.["QUERY PLAN"])
      assert.match(plan, /account_token_pkey/u)
      assert.notMatch(plan, /Seq Scan/u)
    }).pipe(Effect.provide(AccountsTest))
  )

  it.live("tell whether somebody else may approve", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const isSo = (wanted: boolean) =>
        until(
          `others approve: ${wanted}`,
          Effect.map(accounts.othersApprove, (others) => others === wanted)
        )
      yield* isSo(false)
      yield* accounts.add({ name: "ana", role: "operator" }, by())
      yield* accounts.add({ name: "ben", role: "approver" }, by())
      yield* isSo(true)
      const later = yield* Layer.build(Layer.fresh(AccountsLive))
      assert.isTrue(yield* Effect.flatMap(Accounts, (fresh) => fresh.othersApprove).pipe(Effect.provide(later)))
      yield* accounts.changeRole("ben", "viewer", by())
      yield* isSo(false)
      yield* accounts.changeRole("ana", "admin", by())
      yield* isSo(true)
      yield* accounts.remove("ana", by())
      yield* isSo(false)
    }).pipe(Effect.scoped, Effect.provide(AccountsTest))
  )
})
