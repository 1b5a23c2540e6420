import { randomUUID } from "node:crypto"
import { request } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { adminToken, HubTest, hubTest, RoomsTest } from "../../../../test/support/hub.ts"
import { HubAddress } from "../HubAddress.ts"

const token = `Bearer ${Redacted.value(adminToken)}`

interface Answer {
  readonly status: number
  readonly type: string | null
  readonly allow: string | null
  readonly body: { readonly title?: string; readonly detail?: string; readonly errors?: ReadonlyArray<unknown> }
}

const call = (path: string, init: RequestInit = {}) =>
  Effect.gen(function* () {
    const { url } = yield* HubAddress
    return yield* Effect.promise(async (): Promise<Answer> => {
      const response = await fetch(`${url}${path}`, { ...init, headers: { authorization: token, ...init.headers } })
      const text = await response.text()
      return {
        status: response.status,
        type: response.headers.get("content-type"),
        allow: response.headers.get("allow"),
        body: text === "" ? {} : JSON.parse(text)
      }
    })
  })

const post = (path: string, body: string, contentType = "application/json") =>
  call(path, { method: "POST", body, headers: { "content-type": contentType } })

describe("the edge", () => {
  it.live("answers garbage with a problem that says what is wrong, and appends nothing", () =>
    Effect.gen(function* () {
      const tasks = "/api/v1/tasks"
      const table: ReadonlyArray<readonly [string, Effect.Effect<Answer, never, HubAddress>, number, RegExp]> = [
        ["broken JSON", post(tasks, '{"host":'), 400, /JSON/],
        ["no JSON at all", post(tasks, "\u0000\u0001"), 400, /JSON/],
        ["a list", post(tasks, "[]"), 400, /./],
        ["another type", post(tasks, "host=local", "application/x-www-form-urlencoded"), 415, /JSON/],
        [
          "a field too many",
          post(tasks, '{"host":"local","tool":"shell","command":"x","commnad":"y"}'),
          400,
          /commnad/
        ],
        ["a missing field", post(tasks, '{"host":"local"}'), 400, /tool/],
        [
          "a body of 3 MB",
          post(tasks, JSON.stringify({ host: "local", tool: "shell", command: "x".repeat(3e6) })),
          413,
          /2 MiB/
        ],
        ["no such path", call("/api/v1/nothing"), 404, /docs/],
        ["another method", call(tasks, { method: "DELETE" }), 405, /Allow/],
        ["another method on a stream", call("/api/v1/events", { method: "POST" }), 405, /Allow/],
        ["a path outside", call("/api/v1/tasks/..%2f..%2fetc%2fpasswd"), 400, /taskId/],
        ["an id with quotes", call("/api/v1/tasks/'%3B%20drop%20table%20log.event%3B--"), 400, /taskId/],
        ["an id of 10 kB", call(`/api/v1/tasks/${"a".repeat(10_000)}`), 404, /./],
        ["NUL in an id", call("/api/v1/hosts/a%00b"), 400, /name/],
        ["a broken escape", call("/api/v1/hosts/%E0%A4%A"), 404, /./],
        ["a task that is not there", call("/api/v1/tasks/task-20200101-000000-aaaaaa"), 404, /There is no task/],
        ["output of no task", call("/api/v1/tasks/..%2f..%2fetc/output"), 404, /There is no task/],
        ["a limit too high", call(`${tasks}?limit=100000`), 400, /limit/],
        ["an unknown status", call(`${tasks}?status=sleeping`), 400, /status/],
        ["a since that is no time", call(`${tasks}?since=yesterday`), 422, /since must be a time/],
        ["a position below 1", call("/api/v1/log?from=0"), 422, /begin at 1/],
        [
          "an unknown projection",
          post("/api/v1/log/projections/none/retry", '{"stream":"x"}'),
          404,
          /no projection none/
        ]
      ]
      for (const [name, effect, status, detail] of table) {
        const answer = yield* effect
        const told = JSON.stringify(answer.body)
        assert.strictEqual(answer.status, status, `${name}: ${told}`)
        assert.strictEqual(answer.type, "application/problem+json", name)
        assert.match(told, detail, name)
        assert.notMatch(told, /node_modules|\.ts:\d|select |postgres/, name)
      }
      assert.strictEqual((yield* call(tasks, { method: "DELETE" })).allow, "GET, POST")
      assert.strictEqual(yield* (yield* EventLog).head, 0)
    }).pipe(Effect.provide(HubTest))
  )

  it.live("lets in nobody without the token, and says so on every kind of route", () =>
    Effect.gen(function* () {
      for (const path of ["/api/v1/tasks", "/api/v1/events", "/api/v1/tasks/task-20200101-000000-aaaaaa/output"])
        for (const authorization of [
          "",
          "Bearer ",
          "Bearer wrong",
          "Basic YTpi",
          `Bearer ${"x".repeat(8000)}`,
          "\u00ff"
        ]) {
          const answer = yield* call(path, { headers: { authorization } })
          assert.strictEqual(answer.status, 401, `${path} ${authorization.slice(0, 20)}`)
          assert.match(answer.body.detail ?? "", /token/)
        }
    }).pipe(Effect.provide(HubTest))
  )

  it.live("serves names of this machine only, and never says that other sites may read it", () =>
    Effect.gen(function* () {
      const { port } = yield* HubAddress
      const ask = (host: string) =>
        Effect.callback<{ status: number; cors: boolean }>((resume) => {
          const headers = { host, origin: "http://evil.example", authorization: token }
          request({ port, host: "127.0.0.1", path: "/api/v1/hosts", headers }, (response) => {
            response.resume()
            const cors = Object.keys(response.headers).some((name) => name.startsWith("access-control"))
            response.on("end", () => resume(Effect.succeed({ status: response.statusCode ?? 0, cors })))
          }).end()
        })
      for (const host of [`evil.example:${port}`, "localhost.evil.example", "127.0.0.1.evil.example", "[::2]"])
        assert.include([421, 400], (yield* ask(host)).status, host)
      for (const host of [`localhost:${port}`, "127.0.0.1", `[::1]:${port}`])
        assert.deepStrictEqual(yield* ask(host), { status: 200, cors: false }, host)
    }).pipe(Effect.provide(HubTest))
  )

  it.live("takes JSON nested thousands of levels deep as wrong, whatever reads it, and goes on", () =>
    Effect.gen(function* () {
      const deep = `${"[".repeat(400_000)}${"]".repeat(400_000)}`
      const bodies: ReadonlyArray<readonly [string, string]> = [
        [
          "/api/v1/plans",
          `{"draft":{"steps":[{"action":"service.restart","args":{"unit":${deep}},"targets":{"_tag":"All"}}]}}`
        ],
        [
          "/api/v1/plans",
          `{"draft":{"steps":[{"action":"service.restart","args":{},"targets":{"_tag":"All"},"when":${'{"_tag":"Not","condition":'.repeat(50_000)}1${"}".repeat(50_000)}}]}}`
        ],
        ["/api/v1/tools", `{"tool":${deep}}`],
        ["/api/v1/tasks", `{"host":"local","tool":"shell","command":"x","params":{"a":${deep}}}`],
        ["/api/v1/agents/enroll", deep]
      ]
      for (const [path, body] of bodies) {
        const { status, body: told } = yield* post(path, body)
        assert.deepStrictEqual([status, told.detail], [400, "The body is nested deeper than 90 levels."], path)
      }
      assert.strictEqual((yield* call("/health")).status, 200)
    }).pipe(Effect.provide(HubTest))
  )

  it.live("knows an address by the connection and not by what a header says", () =>
    Effect.gen(function* () {
      const { accounts } = yield* HubClient
      yield* accounts.add({ payload: { name: "ana", role: "viewer", password: "correct horse battery" } })
      const headers = {
        "content-type": "application/json",
        "x-forwarded-for": "203.0.113.99",
        "x-real-ip": "203.0.113.99",
        forwarded: "for=203.0.113.99"
      }
      const body = JSON.stringify({ name: "ana", password: "wrong wrong wrong" })
      assert.strictEqual((yield* call("/api/v1/sign-in", { method: "POST", headers, body })).status, 401)
      const [refused] = yield* (yield* EventLog).read({ type: "SignInRefused" })
      assert.deepStrictEqual(refused?.data, { address: "127.0.0.1" })
    }).pipe(Effect.provide(HubTest))
  )

  it.live("serves the IPv6 loopback as it does the other one", () =>
    Effect.gen(function* () {
      const { url, tls } = yield* HubAddress
      assert.match(url, /^http:\/\/\[::1\]:\d+$/u)
      assert.isNull(tls)
      assert.strictEqual((yield* call("/api/v1/hosts")).status, 200)
    }).pipe(Effect.provide(hubTest({ host: "::1" }).pipe(Layer.provideMerge(RoomsTest))))
  )

  it.live("opens no socket of agents to a page of another site", () =>
    Effect.gen(function* () {
      const { port } = yield* HubAddress
      const status = (host: string) =>
        Effect.callback<number>((resume) => {
          const asked = request({
            port,
            host: "127.0.0.1",
            path: "/agents",
            headers: {
              host,
              origin: "http://evil.example",
              connection: "Upgrade",
              upgrade: "websocket",
              "sec-websocket-version": "13",
              "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="
            }
          })
          asked.on("response", (response) => {
            response.resume()
            resume(Effect.succeed(response.statusCode ?? 0))
          })
          asked.on("upgrade", (_, socket) => {
            socket.destroy()
            resume(Effect.succeed(101))
          })
          asked.on("error", () => resume(Effect.succeed(-1)))
          asked.end()
        })
      assert.strictEqual(yield* status(`evil.example:${port}`), 421)
      assert.strictEqual(yield* status(`localhost:${port}`), 401)
    }).pipe(Effect.provide(HubTest))
  )

  it.live("takes the next free port when it is local, and says which is taken when it is a server", () =>
    Effect.gen(function* () {
      const { port } = yield* HubAddress
      const other = (options: Parameters<typeof hubTest>[0]) =>
        Effect.provide(HubAddress, Layer.fresh(hubTest(options)))
      assert.isAbove((yield* other({ port })).port, port)
      const taken = yield* Effect.flip(other({ port, mode: "server" }))
      assert.match(taken.message, new RegExp(`^Port ${port} is in use`))
      const open = yield* Effect.flip(other({ host: "0.0.0.0" }))
      assert.match(open.message, /^Other machines are served with TLS only/)
    }).pipe(Effect.provide(hubTest().pipe(Layer.provideMerge(RoomsTest))))
  )

  it.live("answers the same command id the same, also at the same moment, and refuses another body", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const log = yield* EventLog
      const payload = { host: "local", tool: "shell", command: "echo once", commandId: randomUUID() }
      const answers = yield* Effect.all(
        Array.from({ length: 20 }, () => hub.tasks.create({ payload })),
        { concurrency: "unbounded" }
      )
      const ids = new Set(answers.map((made) => made.taskId))
      assert.strictEqual(ids.size, 1)
      assert.strictEqual(yield* log.head, 1)
      const reused = yield* Effect.flip(hub.tasks.create({ payload: { ...payload, command: "echo twice" } }))
      assert.strictEqual(reused._tag, "Rejected")
      assert.match(reused.message, /already used for something else/)
      // Whatever became of the world since: the first answer stands.
      const host = { name: "web1", address: "10.0.0.5", commandId: randomUUID() }
      const added = yield* hub.hosts.add({ payload: host })
      const onHost = { ...payload, host: "web1", commandId: randomUUID() }
      const made = yield* hub.tasks.create({ payload: onHost })
      const schedule = {
        scheduleId: "nightly",
        cron: "0 3 * * *",
        task: { host: "web1", tool: "shell", command: "true" },
        commandId: randomUUID()
      }
      const scheduled = yield* hub.schedules.add({ payload: schedule })
      yield* hub.tasks.kill({ params: { taskId: made.taskId }, payload: {} })
      yield* hub.hosts.remove({ params: { name: "web1" } })
      assert.deepStrictEqual(yield* hub.tasks.create({ payload: onHost }), made)
      assert.deepStrictEqual(yield* hub.hosts.add({ payload: host }), added)
      assert.deepStrictEqual(yield* hub.schedules.add({ payload: schedule }), scheduled)
      const gone = yield* Effect.flip(hub.tasks.create({ payload: { ...onHost, commandId: randomUUID() } }))
      assert.match(gone.message, /There is no host web1/)
    }).pipe(Effect.provide(HubTest))
  )
})
