import { createHmac, randomUUID } from "node:crypto"
import { connect } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Option, Redacted, Stream } from "effect"
import { HttpApi } from "effect/http-api"
import {
  accountRoles,
  type AccountRole,
  may,
  type Permission,
  permissions
} from "@signalbox/core/account/permissions.ts"
import { Needs } from "@signalbox/core/api/auth.ts"
import { HubApi, streams } from "@signalbox/core/api/contract.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { follow, type StreamRefused } from "@signalbox/core/api/sse.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { adminToken, HubTest, hubTest, RoomsTest, sessionKey } from "../../../../test/support/hub.ts"
import { until } from "../../../../test/support/until.ts"
import { BridgeAddress } from "../bridge/Bridge.ts"
import { HubAddress } from "../HubAddress.ts"

const id = () => ({ commandId: randomUUID() })
const password = "correct horse battery"

const call = (token: string, method: string, path: string, body?: unknown) =>
  Effect.gen(function* () {
    const { url } = yield* HubAddress
    return yield* Effect.promise(async () => {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" })
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
      const text = await response.text()
      const detail = /"detail":"((?:[^"\\]|\\.)*)"/u.exec(text)?.[1] ?? ""
      return { status: response.status, detail, text }
    })
  })

/** An account of each role with a token. */
const everyRole = Effect.gen(function* () {
  const { accounts } = yield* HubClient
  const made = yield* Effect.forEach(accountRoles, (role) =>
    Effect.gen(function* () {
      const name = `the-${role}`
      yield* accounts.add({ payload: { ...id(), name, role } })
      const { token, tokenId } = yield* accounts.issueToken({ params: { name }, payload: { ...id(), label: "test" } })
      return { role, name, token, tokenId }
    })
  )
  return (role: AccountRole) => made.find((one) => one.role === role) ?? assert.fail(role)
})

describe("accounts over HTTP", () => {
  it.live("may at every endpoint and raw route what their role says, and no more", () =>
    Effect.gen(function* () {
      const of = yield* everyRole
      const head = yield* (yield* EventLog).head
      const asked: Array<readonly [string, string, Permission, AccountRole]> = []
      HttpApi.reflect(HubApi, {
        onGroup: () => {},
        onEndpoint: ({ endpoint }) => {
          const need = Option.getOrThrow(Context.getOption(endpoint.annotations, Needs))
          if (need === "anyone") return
          const path = endpoint.path.replaceAll(/:\w+/gu, "x")
          for (const role of accountRoles) asked.push([endpoint.method, path, need, role])
        }
      })
      const task = "task-20200101-000000-aaaaaa"
      const chat = "chat-20200101-000000-aaaaaa"
      for (const role of accountRoles) {
        for (const path of [
          `${streams.output(task)}`,
          streams.followOutput(task),
          streams.conversation(chat),
          streams.conversationExport(chat),
          `${streams.report("tasks")}?limit=0`,
          `${streams.events}?from=999999`
        ])
          asked.push(["GET", path, "read", role])
        asked.push(["POST", streams.conversationImport, "chat", role])
      }
      for (const [method, path, need, role] of asked) {
        // nothing that could be carried out is sent: whoever is let in is told that it makes no sense
        const body = method === "GET" || method === "DELETE" ? undefined : { nonsense: true }
        const { status, detail } = yield* call(of(role).token, method, path, body)
        const what = `${role}: ${method} ${path} answered ${status} ${detail}`
        if (may(role, need)) assert.notInclude([401, 403], status, what)
        else {
          assert.strictEqual(status, 403, what)
          assert.include(detail, `the role ${permissions[need].role}; the-${role} is ${role}.`, what)
        }
      }
      assert.strictEqual(yield* (yield* EventLog).head, head, "nothing was done by all that")
    }).pipe(Effect.provide(HubTest))
  )

  it.live("are named in what they do", () =>
    Effect.gen(function* () {
      const of = yield* everyRole
      const { status } = yield* call(of("operator").token, "POST", "/api/v1/tasks", {
        host: "local",
        tool: "shell",
        command: "true"
      })
      assert.strictEqual(status, 201)
      const [made] = (yield* (yield* EventLog).read({ type: "TaskCreated" })).map((event) => event.actor)
      assert.strictEqual(made, "the-operator")
      const me = yield* call(of("approver").token, "GET", "/api/v1/accounts/me")
      assert.deepStrictEqual(JSON.parse(me.text), { name: "the-approver", role: "approver", alone: false })
    }).pipe(Effect.provide(HubTest))
  )

  it.live(
    "sign in by name and password for a session, which ends with the password, the account, or by a change of the token",
    () =>
      Effect.gen(function* () {
        const { accounts } = yield* HubClient
        yield* accounts.add({ payload: { ...id(), name: "ana", role: "operator", password } })
        const signIn = (given: unknown) => call("", "POST", "/api/v1/sign-in", given)
        const session = Effect.map(signIn({ name: "ana", password }), ({ status, text }) => {
          assert.strictEqual(status, 200, text)
          const answer: unknown = JSON.parse(text)
          return typeof answer === "object" && answer !== null && "token" in answer ? String(answer.token) : ""
        })
        const works = (token: string) =>
          Effect.map(call(token, "GET", "/api/v1/accounts/me"), ({ status }) => status === 200)
        const token = yield* session
        assert.isTrue(yield* works(token))
        const [head = "", body = "", signature = ""] = token.split(".")
        const sign = (header: object, payload: object, key: Uint8Array) => {
          const text = [header, payload]
            .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
            .join(".")
          return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`
        }
        const claims: Record<string, unknown> = JSON.parse(Buffer.from(body, "base64url").toString())
        const key = Redacted.value(sessionKey)
        const hs = { alg: "HS256", typ: "JWT" }
        assert.isTrue(yield* works(sign(hs, claims, key)), "signed by the key it is one of ours")
        const forged = [
          `${head}.${Buffer.from(JSON.stringify({ ...claims, sub: "local-admin" })).toString("base64url")}.${signature}`,
          sign(hs, claims, new Uint8Array(32)),
          sign({ alg: "none" }, claims, key),
          sign({ alg: "HS512" }, claims, key),
          sign(hs, { ...claims, sub: "local-admin" }, key),
          sign(hs, { ...claims, sub: "nobody-here" }, key),
          sign(hs, { ...claims, exp: 1 }, key),
          sign(hs, { ...claims, exp: undefined }, key),
          sign(hs, { ...claims, aud: "other" }, key),
          sign(hs, { ...claims, epo: 7 }, key),
          `${head}.${body}.`,
          `${token}x`
        ]
        for (const one of forged) assert.isFalse(yield* works(one), one)
        for (const wrong of [
          { name: "ana", password: "a wrong password" },
          { name: "nobody-here", password },
          { name: "local-admin", password }
        ]) {
          const { status, detail } = yield* signIn(wrong)
          assert.strictEqual(status, 401)
          assert.match(detail, /do not belong together/u)
        }
        for (const nonsense of [
          {},
          { name: "ana" },
          { name: ["ana"], password },
          { name: "x".repeat(1e5), password: "" }
        ])
          assert.strictEqual((yield* signIn(nonsense)).status, 400)
        yield* accounts.changePassword({ params: { name: "ana" }, payload: { ...id(), password: "another good one" } })
        assert.isFalse(yield* works(token), "the session has ended at once")
        assert.strictEqual((yield* signIn({ name: "ana", password })).status, 401)
      }).pipe(Effect.provide(HubTest))
  )

  it.live("are refused with a sentence where a name or a password cannot be one", () =>
    Effect.gen(function* () {
      const admin = Redacted.value(adminToken)
      const add = (body: unknown) => call(admin, "POST", "/api/v1/accounts", body)
      for (const name of [
        "local-admin",
        "policy",
        "Ana",
        "a b",
        "../x",
        "an\u0430",
        "\u202eana",
        "a\u0000b",
        "T-AAAAAAAAAA"
      ]) {
        const { status, detail } = yield* add({ name, role: "admin" })
        assert.strictEqual(status, 422, `${JSON.stringify(name)} ${detail}`)
      }
      const short = yield* add({ name: "ana", role: "admin", password: "hunter2" })
      assert.strictEqual(short.status, 422)
      assert.match(short.detail, /at least 10/u)
      assert.notInclude(short.text, "hunter2")
      assert.strictEqual((yield* add({ name: "ana", role: "owner" })).status, 400)
      for (const path of ["/api/v1/accounts/local-admin", "/api/v1/accounts/tokens/T-AAAAAAAAAA"])
        assert.strictEqual((yield* call(admin, "DELETE", path)).status, 404)
      assert.strictEqual(yield* (yield* EventLog).head, 0)
    }).pipe(Effect.provide(HubTest))
  )
})

describe("what was revoked", () => {
  const following = (token: string) =>
    Effect.gen(function* () {
      const { url } = yield* HubAddress
      const up = yield* Deferred.make<void>()
      const ended = yield* follow({ url: `${url}${streams.events}`, token: Redacted.make(token) }).pipe(
        Stream.tap((line) => (line._tag === "Up" ? Deferred.succeed(up, undefined) : Effect.void)),
        Stream.runDrain,
        Effect.flip,
        Effect.forkChild({ startImmediately: true })
      )
      yield* Deferred.await(up)
      return ended
    })
  const told = (fiber: Fiber.Fiber<StreamRefused, void>) => Effect.timeout(Fiber.join(fiber), "20 seconds")

  it.live("works nowhere any more, also where it is being used: open streams end and stay closed", () =>
    Effect.gen(function* () {
      const of = yield* everyRole
      const { accounts } = yield* HubClient
      const byToken = yield* following(of("viewer").token)
      const byAccount = yield* following(of("operator").token)
      const stays = yield* following(of("approver").token)
      yield* accounts.revokeToken({ params: { tokenId: of("viewer").tokenId } })
      assert.strictEqual((yield* told(byToken)).status, 401)
      yield* accounts.remove({ params: { name: "the-operator" } })
      assert.strictEqual((yield* told(byAccount)).status, 401)
      yield* accounts.changeRole({ params: { name: "the-approver" }, payload: { ...id(), role: "viewer" } })
      const { status } = yield* call(of("approver").token, "POST", "/api/v1/tasks", {})
      assert.strictEqual(status, 403, "the new role holds at once")
      assert.isUndefined(stays.pollUnsafe(), "whoever may still read goes on reading")
      yield* Fiber.interrupt(stays)
    }).pipe(Effect.provide(HubTest))
  )

  it.live("ends at its time by itself", () =>
    Effect.gen(function* () {
      const { accounts } = yield* HubClient
      yield* accounts.add({ payload: { ...id(), name: "ana", role: "viewer" } })
      const expiresAt = new Date(Date.now() + 8_000).toISOString()
      const { token } = yield* accounts.issueToken({ params: { name: "ana" }, payload: { ...id(), expiresAt } })
      const ended = yield* following(token)
      assert.strictEqual((yield* told(ended)).status, 401)
      assert.isAtLeast(Date.now(), Date.parse(expiresAt))
    }).pipe(Effect.provide(HubTest))
  )

  const Bridged = Layer.unwrap(Effect.map(HubAddress, ({ url }) => HubClient.layer(url, adminToken))).pipe(
    Layer.provideMerge(
      hubTest({ bridge: { host: "127.0.0.1", port: 0, mode: "local", certificate: undefined, open: true } })
    ),
    Layer.provideMerge(RoomsTest)
  )

  it.live("ends on the bridge too, where the same roles hold", () =>
    Effect.gen(function* () {
      const of = yield* everyRole
      const { accounts } = yield* HubClient
      const { at } = yield* BridgeAddress
      const visit = Effect.gen(function* () {
        let seen = ""
        const closed = yield* Deferred.make<void>()
        const socket = yield* Effect.acquireRelease(
          Effect.sync(() => {
            const one = connect(at?.port ?? 0, "127.0.0.1")
            one.on("data", (part) => (seen += part.toString()))
            one.on("close", () => Deferred.doneUnsafe(closed, Exit.void))
            one.on("error", () => {})
            return one
          }),
          (one) => Effect.sync(() => one.destroy())
        )
        const sees = (wanted: RegExp) =>
          until(
            `${wanted} in ${seen}`,
            Effect.sync(() => wanted.test(seen))
          )
        const asks = (line: string, wanted: RegExp) =>
          Effect.suspend(() => {
            seen = ""
            socket.write(`${line}\n`)
            return Effect.map(sees(wanted), () => seen)
          })
        yield* sees(/> $/u)
        return { asks, sees, closed: Effect.timeout(Deferred.await(closed), "20 seconds") }
      })
      const viewer = yield* visit
      yield* viewer.asks(`AUTH ${of("viewer").token}`, /signed in as the-viewer, viewer\.\n> $/u)
      yield* viewer.asks("TASKS", /no tasks yet/u)
      yield* viewer.asks("RUN local shell id", /for accounts with the role operator; the-viewer is viewer\.\n> $/u)
      yield* viewer.asks("IA", /Talking to models is for accounts with the role operator/u)
      yield* viewer.asks("HELP", /6 more for other roles/u)
      const operator = yield* visit
      yield* operator.asks(`AUTH ${of("operator").token}`, /signed in as the-operator/u)
      yield* operator.asks("RUN local shell id", /task-\S+ was made/u)
      const [task] = yield* (yield* EventLog).read({ type: "TaskCreated" })
      assert.strictEqual(task?.actor, "the-operator")
      yield* accounts.changeRole({ params: { name: "the-operator" }, payload: { ...id(), role: "viewer" } })
      yield* until(
        "the new role holds",
        Effect.map(operator.asks("RUN local shell id", /\n> $/u), (said) => said.includes("the-operator is viewer."))
      )
      yield* accounts.revokeToken({ params: { tokenId: of("viewer").tokenId } })
      yield* viewer.sees(/Your sign-in has ended\. Goodbye\./u)
      yield* viewer.closed
    }).pipe(Effect.scoped, Effect.provide(Bridged))
  )
})
