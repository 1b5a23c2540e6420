/** Several logs that run tasks as the same user of one host. */
import { existsSync, lstatSync, mkdtempSync, rmSync, symlinkSync, unlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Stream } from "effect"
import { withoutModels } from "../../../../test/support/models.ts"
import { DbTest } from "../../../../test/support/database.ts"
import { stopTmux } from "../../../../test/support/sshd.ts"
import { until } from "../../../../test/support/until.ts"
import { localHost } from "@signalbox/core/host/view.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { logIdentity } from "@signalbox/core/log/identity.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { taskEvents, taskStream } from "@signalbox/core/task/events.ts"
import { TaskOutput } from "@signalbox/core/task/output.ts"
import { taskDecider } from "@signalbox/core/task/room.ts"
import { runWorker, workerServices } from "../Worker.ts"
import { kill, launch, settle, state } from "./Runner.ts"
import { transportLayer } from "./TransportLive.ts"
import { watch } from "./watch.ts"
import type { WatchRecord } from "./watch-record.ts"

const [mine, other] = ["00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"] as const
const as = (log: string, home: string) =>
  Effect.provide(transportLayer({ log, ssh: { resolve: () => Effect.succeed(undefined) }, local: { home } }))

const userHome = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "logs-"))),
  (home) =>
    Effect.sync(() => {
      stopTmux(home)
      rmSync(home, { recursive: true, force: true })
    })
)

/** Every record until that of the end of `id`. */
const watched = (id: string, withoutPerl: boolean) =>
  watch(localHost, [], { withoutPerl, tickSeconds: 0.02 }).pipe(
    Stream.takeUntil((record: WatchRecord) => record._tag === "Exited" && record.id === id),
    Stream.runCollect,
    Effect.timeout("60 seconds")
  )
const idsOf = (records: ReadonlyArray<WatchRecord>) => [
  ...new Set(records.flatMap((record) => ("id" in record ? [record.id] : [])))
]
const textOf = (records: ReadonlyArray<WatchRecord>) =>
  records.flatMap((record) => (record._tag === "Output" ? [Buffer.from(record.bytes).toString()] : [])).join("")

/** As it was before the logs had directories of their own. */
const toTheOldPlace = (home: string, log: string, id: string) =>
  Effect.sync(() => {
    unlinkSync(join(home, ".signalbox/active", log, id))
    symlinkSync(`../tasks/${id}`, join(home, ".signalbox/active", id))
  })

describe("two logs with the same user of a host", () => {
  for (const withoutPerl of [false, true])
    it.live(`each watch only their own tasks, ${withoutPerl ? "by sh" : "by perl"}`, () =>
      Effect.gen(function* () {
        const home = yield* userHome
        yield* launch(localHost, "task-a", { command: "echo of a" }).pipe(as(mine, home))
        yield* launch(localHost, "task-b", { command: "echo of b" }).pipe(as(other, home))
        const a = yield* watched("task-a", withoutPerl).pipe(as(mine, home))
        const b = yield* watched("task-b", withoutPerl).pipe(as(other, home))
        assert.deepStrictEqual([idsOf(a), textOf(a)], [["task-a"], "of a\n"])
        assert.deepStrictEqual([idsOf(b), textOf(b)], [["task-b"], "of b\n"])
        yield* settle(localHost, ["task-a", "task-b"]).pipe(as(mine, home))
        assert.isFalse(existsSync(join(home, ".signalbox/active", mine, "task-a")))
        assert.isTrue(existsSync(join(home, ".signalbox/active", other, "task-b")), "not ours to settle")
      }).pipe(Effect.scoped)
    )

  it.live("find a task of before by asking for it, and then it is theirs alone", () =>
    Effect.gen(function* () {
      const home = yield* userHome
      yield* launch(localHost, "task-a", { command: "echo of a" }).pipe(as(mine, home))
      yield* launch(localHost, "task-b", { command: "echo of b" }).pipe(as(other, home))
      yield* toTheOldPlace(home, mine, "task-a")
      yield* toTheOldPlace(home, other, "task-b")
      const watching = yield* Effect.forkChild(watched("task-a", false).pipe(as(mine, home)))
      yield* state(localHost, ["task-a"]).pipe(as(mine, home))
      const a = yield* Fiber.join(watching)
      assert.deepStrictEqual([idsOf(a), textOf(a)], [["task-a"], "of a\n"])
      assert.isFalse(existsSync(join(home, ".signalbox/active/task-a")))
      assert.isTrue(lstatSync(join(home, ".signalbox/active/task-b")).isSymbolicLink(), "another log's stays")
    }).pipe(Effect.scoped)
  )

  it.live("leave nothing behind of a task that was killed before its start", () =>
    Effect.gen(function* () {
      const home = yield* userHome
      yield* launch(localHost, "task-a", { command: "true" }).pipe(as(mine, home))
      const place = join(home, ".signalbox/active", mine, "task-never")
      symlinkSync("../../tasks/task-never", place)
      const killed = yield* kill(localHost, "task-never", 0).pipe(as(mine, home))
      assert.strictEqual(killed._tag, "never-started")
      assert.isUndefined(lstatSync(place, { throwIfNoEntry: false }))
    }).pipe(Effect.scoped)
  )
})

describe("the id of a log", () => {
  it.live("is chosen once by its database, and stays", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const id = yield* logIdentity
      assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
      const second = db.query("a second id", (sql) => sql`insert into log.identity default values`)
      assert.strictEqual((yield* Effect.flip(second)).code, "23505")
      const changed = db.query("another id", (sql) => sql`update log.identity set id = gen_random_uuid()`)
      assert.match((yield* Effect.flip(changed)).reason, /append-only/)
      const elsewhere = yield* logIdentity.pipe(Effect.provide(Layer.fresh(DbTest)))
      assert.notStrictEqual(elsewhere, id)
    }).pipe(Effect.provide(Layer.fresh(DbTest)))
  )

  it.live(
    "decides where a worker's tasks are, and a task that an older worker left running is followed to its end",
    () =>
      Effect.gen(function* () {
        const home = yield* userHome
        const log = yield* logIdentity
        const work = Effect.provide(
          runWorker,
          workerServices({ name: "one", localHome: home }).pipe(Layer.provideMerge(withoutModels))
        )
        const commands = yield* Commands
        const taskId = "task-20261120-143022-abc123"
        const tell = (command: Parameters<typeof taskDecider.decide>[1]) =>
          commands.execute({
            decider: taskDecider,
            types: taskEvents,
            stream: taskStream(taskId),
            command,
            commandId: crypto.randomUUID(),
            actor: "test"
          })
        const status = Effect.map(
          commands.load(taskDecider, taskEvents, taskStream(taskId)),
          ({ state: task }) => task?.status
        )
        const command = `echo one; until [ -e ${home}/go ]; do sleep 0.05; done; echo two`
        const spec = {
          taskId,
          host: "local",
          tool: "shell",
          command,
          params: {},
          priority: 0,
          after: [],
          sessionId: "s"
        }
        yield* tell({ _tag: "Create", created: spec })
        const first = yield* Effect.forkChild(work)
        yield* until(
          "it runs",
          Effect.map(status, (now) => now === "running")
        )
        yield* Fiber.interrupt(first)
        yield* toTheOldPlace(home, log, taskId)
        yield* Effect.forkScoped(work)
        symlinkSync("/dev/null", join(home, "go"))
        const end = yield* until(
          "it has ended",
          Effect.map(status, (now) => (now === "running" ? undefined : now))
        )
        assert.strictEqual(end, "succeeded")
        const bytes = yield* (yield* TaskOutput).read(taskId, "out", 0, 1_000)
        assert.strictEqual(Buffer.from(bytes).toString(), "one\ntwo\n")
      }).pipe(
        Effect.scoped,
        Effect.provide(
          Layer.mergeAll(Commands.layer, TaskOutput.layer).pipe(
            Layer.provideMerge(eventLogLayer),
            Layer.provideMerge(Layer.fresh(DbTest))
          )
        )
      ),
    300_000
  )
})
