import { createHash } from "node:crypto"
import { createServer, type Server } from "node:http"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { DbTest } from "../../../test/support/database.ts"
import { freePort } from "../../../test/support/free-port.ts"
import { hostEvents, hostStream } from "@signalbox/core/host/events.ts"
import { hostDecider } from "@signalbox/core/host/room.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { TaskOutput } from "@signalbox/core/task/output.ts"
import { CatalogPlain } from "../../../test/support/catalog-plain.ts"
import { NoModels } from "../../../test/support/no-models.ts"
import {
  createTask as create,
  executeTask as execute,
  taskSettled as settled,
  taskWhen as until
} from "../../../test/support/tasked.ts"
import { taskHome } from "../../../test/support/task-home.ts"
import { runWorker, workerServices } from "./Worker.ts"

const LogTest = Layer.mergeAll(Commands.layer, TaskOutput.layer, CatalogPlain, NoModels).pipe(
  Layer.provideMerge(eventLogLayer),
  Layer.provideMerge(DbTest)
)

const work = (name: string, localHome: string) => runWorker.pipe(Effect.provide(workerServices({ name, localHome })))

const startWorker = (name: string) =>
  Effect.gen(function* () {
    const localHome = yield* taskHome
    yield* Effect.forkScoped(work(name, localHome))
    return localHome
  })

const secret = "sbx test value 4711"
process.env["SBX_TEST_SECRET"] = secret

const kill = (taskId: string) => execute(taskId, { _tag: "RequestKill", reason: "person", graceMs: 20_000 })

describe("a worker on this machine", () => {
  it.live("runs a task, stores its output byte for byte and tells the outcome", () =>
    Effect.gen(function* () {
      yield* startWorker("one")
      const taskId = yield* create(`printf 'gr\\303\\274\\303\\237e\\n'; echo "$0" >&2; exit 3`)
      const task = yield* settled(taskId)
      assert.strictEqual(task?.status, "failed")
      assert.strictEqual(task?.exitCode, 3)
      const output = yield* TaskOutput
      const bytes = yield* output.read(taskId, "out", 0, 1000)
      assert.include(Buffer.from(bytes).toString(), "grüße\n")
      assert.strictEqual(task?.output.out?.sha256, createHash("sha256").update(bytes).digest("hex"))
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("starts what waits for another only after that one has succeeded", () =>
    Effect.gen(function* () {
      yield* startWorker("one")
      const first = yield* create("sleep 0.3; exit 0")
      const second = yield* create("true", { after: [first] })
      const third = yield* create("exit 9", { after: [second] })
      const never = yield* create("true", { after: [third] })
      const [a, b] = [yield* settled(first), yield* settled(second)]
      assert.isAbove(Date.parse(b?.startedAt ?? ""), Date.parse(a?.finishedAt ?? ""))
      const last = yield* settled(never)
      assert.strictEqual(last?.status, "failed")
      assert.strictEqual(last?.message, `${third}, which it waits for, ended failed`)
      assert.isNull(last?.startedAt)
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("kills a running task, and one that is still queued", () =>
    Effect.gen(function* () {
      yield* startWorker("one")
      const running = yield* create("echo up; sleep 600")
      yield* until(running, (task) => task.status === "running")
      const queued = yield* create("true", { startAt: "2199-01-01T00:00:00.000Z" })
      yield* kill(queued)
      yield* kill(running)
      assert.strictEqual((yield* settled(queued))?.status, "killed")
      const task = yield* settled(running)
      assert.strictEqual(task?.status, "killed")
      assert.strictEqual(task?.exitCode, 143)
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("keeps the values of --env-from out of the log, though the tool prints them", () =>
    Effect.gen(function* () {
      yield* startWorker("one")
      const taskId = yield* create('echo "the key is $SBX_TEST_SECRET"', { envFrom: ["SBX_TEST_SECRET"] })
      const task = yield* settled(taskId)
      assert.strictEqual(task?.report.answer, "the key is [secret]")
      const bytes = yield* (yield* TaskOutput).read(taskId, "out", 0, 1000)
      assert.strictEqual(Buffer.from(bytes).toString(), `the key is ${secret}\n`, "the output stays as it was")
      const events = yield* (yield* EventLog).read({ from: 1, limit: 100 })
      assert.notInclude(JSON.stringify(events), secret)
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("tells each target of the end, though another one does not answer", () =>
    Effect.gen(function* () {
      const calls: Array<readonly [string, string]> = []
      const server = yield* Effect.acquireRelease(
        Effect.promise(
          () =>
            new Promise<Server>((resolve) => {
              const made = createServer((request, response) => {
                calls.push([request.url ?? "", String(request.headers["idempotency-key"])])
                const early = calls.filter(([url]) => url === request.url).length < 2
                response.statusCode = request.url === "/flaky" && early ? 500 : 204
                response.end()
              })
              made.listen(0, "127.0.0.1", () => resolve(made))
            })
        ),
        (made) => Effect.promise(() => new Promise<void>((resolve) => made.close(() => resolve())))
      )
      const address = server.address()
      const base = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`
      yield* startWorker("one")
      const taskId = yield* create("exit 2", { notify: [`${base}/flaky`, `${base}/good`] })
      yield* until(taskId, (task) => task.notified?.some((one) => one.target === `${base}/good`) === true)
      const task = yield* until(taskId, (one) => one.notified?.length === 2)
      assert.deepStrictEqual(
        task?.notified?.map((one) => [one.target, one.problem]),
        [
          [`${base}/good`, undefined],
          [`${base}/flaky`, undefined]
        ]
      )
      const keysOf = (path: string) => calls.filter(([url]) => url === path).map(([, key]) => key)
      assert.lengthOf(keysOf("/good"), 1)
      assert.lengthOf(keysOf("/flaky"), 2)
      assert.lengthOf(new Set(keysOf("/flaky")), 1)
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("kills a task whose host has never answered, without waiting for the host", () =>
    Effect.gen(function* () {
      yield* startWorker("one")
      const commands = yield* Commands
      const port = yield* Effect.promise(freePort)
      const config = {
        name: "away",
        kind: "ssh",
        address: "127.0.0.1",
        port,
        tags: [],
        hostKeys: [],
        defaults: {}
      } as const
      yield* commands.execute({
        decider: hostDecider("away"),
        types: hostEvents,
        stream: hostStream("away"),
        command: { _tag: "Add", config: { ...config, defaults: { maxTasks: 1 } }, acceptNew: true },
        commandId: crypto.randomUUID(),
        actor: "test"
      })
      const stuck = yield* create("true", { host: "away" })
      yield* until(stuck, (task) => task.status === "starting")
      const next = yield* create("true", { host: "away" })
      yield* kill(stuck)
      const task = yield* settled(stuck)
      assert.deepStrictEqual([task?.status, task?.startedAt], ["killed", null])
      yield* until(next, (one) => one.status === "starting") // its slot is free again
      yield* kill(next)
      assert.strictEqual((yield* settled(next))?.status, "killed")
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("ends what runs too long, and what is silent too long", () =>
    Effect.gen(function* () {
      yield* startWorker("one")
      const long = yield* create("while :; do echo x; sleep 0.1; done", { timeoutMs: 500 })
      const silent = yield* create("echo x; sleep 600", { idleTimeoutMs: 500 })
      assert.strictEqual((yield* settled(long))?.status, "timed_out")
      assert.strictEqual((yield* settled(silent))?.message, "no output for too long")
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("never runs more at once on a host than its limit, most urgent first", () =>
    Effect.gen(function* () {
      yield* startWorker("one")
      const ids = yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], (n) =>
        create("sleep 0.2", { priority: n })
      )
      const tasks = yield* Effect.forEach(ids, settled, { concurrency: "unbounded" })
      const spans = tasks.map(
        (task) => [Date.parse(task?.startedAt ?? ""), Date.parse(task?.finishedAt ?? "")] as const
      )
      const most = Math.max(...spans.map(([start]) => spans.filter(([from, to]) => from <= start && start < to).length))
      assert.isAtMost(most, 8)
      assert.isTrue(tasks.every((task) => task?.status === "succeeded"))
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("goes on with tasks of a worker that is gone", () =>
    Effect.gen(function* () {
      const home = yield* taskHome
      const first = yield* Effect.forkChild(work("one", home))
      const go = join(home, "go")
      const command = `echo line 1; until [ -e ${go} ]; do sleep 0.05; done; echo line 2`
      const taskId = yield* create(command)
      yield* until(taskId, (task) => task.status === "running")
      yield* Effect.sync(() => first.interruptUnsafe())
      yield* Effect.forkScoped(work("two", home))
      yield* Effect.promise(() => writeFile(go, ""))
      const task = yield* settled(taskId)
      assert.strictEqual(task?.status, "succeeded")
      const bytes = yield* (yield* TaskOutput).read(taskId, "out", 0, 10_000)
      assert.strictEqual(Buffer.from(bytes).toString(), "line 1\nline 2\n")
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )
})
