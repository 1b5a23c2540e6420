import { createHash } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { fakeToolsDirectory } from "../../../../test/support/tools/fakeTools.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { TaskOutput } from "@signalbox/core/task/output.ts"
import { CatalogPlain } from "../../../../test/support/catalog-plain.ts"
import { NoModels } from "../../../../test/support/no-models.ts"
import { createTask, executeTask as execute, taskWhen as until } from "../../../../test/support/tasked.ts"
import { taskHome } from "../../../../test/support/task-home.ts"
import { runWorker, workerServices } from "../Worker.ts"

const LogTest = Layer.mergeAll(Commands.layer, TaskOutput.layer, CatalogPlain, NoModels).pipe(
  Layer.provideMerge(eventLogLayer),
  Layer.provideMerge(DbTest)
)

const work = (name: string, localHome: string) => runWorker.pipe(Effect.provide(workerServices({ name, localHome })))

const create = (command: string, more: Parameters<typeof createTask>[1] = {}) =>
  createTask(command, { params: { interactive: true }, ...more })

const say = (taskId: string, text: string, commandId?: string) =>
  execute(taskId, { _tag: "SendMessage", text, continues: false }, commandId)

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

const met = (condition: () => boolean) =>
  Effect.sync(condition).pipe(
    Effect.flatMap((yes) => (yes ? Effect.void : Effect.fail("not yet" as const))),
    Effect.retry(Schedule.spaced("20 millis")),
    Effect.timeout("60 seconds"),
    Effect.orDie
  )

const outputOf = (taskId: string) =>
  Effect.gen(function* () {
    const bytes = yield* (yield* TaskOutput).read(taskId, "out", 0, 100_000)
    return Buffer.from(bytes).toString()
  })

describe("a message to a task", () => {
  it.live("answers what it waits for, and the task goes on", () =>
    Effect.gen(function* () {
      const home = yield* taskHome
      yield* Effect.forkScoped(work("one", home))
      const taskId = yield* create(
        `printf 'Enter your name: '; read -r name; printf 'Proceed? (y/n) '; read -r yes; printf '\\033[32mgot <%s> <%s>\\n' "$name" "$yes"`
      )
      const first = yield* until(taskId, (task) => task.status === "waiting")
      assert.strictEqual(first?.report.waiting, "Enter your name:")
      const name = `-n "$(id)"; \`é 🚂' %s`
      yield* say(taskId, name)
      const second = yield* until(taskId, (task) => task.report.waiting === "Proceed? (y/n)")
      assert.strictEqual(second?.status, "waiting")
      yield* say(taskId, "y")
      const task = yield* until(taskId, (one) => one.finishedAt !== null)
      assert.strictEqual(task?.status, "succeeded")
      assert.strictEqual(
        yield* outputOf(taskId),
        `Enter your name: ${name}\r\nProceed? (y/n) y\r\n\x1b[32mgot <${name}> <y>\r\n`
      )
      assert.deepEqual(
        task?.messages?.map((one) => [one.text, one.actor, one.problem]),
        [
          [name, "ana", undefined],
          ["y", "ana", undefined]
        ]
      )
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("that its terminal cannot take is told as not typed, and the next one is typed", () =>
    Effect.gen(function* () {
      const home = yield* taskHome
      yield* Effect.forkScoped(work("one", home))
      const taskId = yield* create(`printf 'Proceed? (y/n) '; read -r yes; echo "got <$yes>"`)
      yield* until(taskId, (task) => task.status === "waiting")
      yield* say(taskId, "x".repeat(20_000))
      const told = yield* until(taskId, (task) => task.messages?.[0]?.problem !== undefined)
      assert.strictEqual(
        told?.messages?.[0]?.problem,
        "its program takes whole lines of at most 4095 bytes and one of the message has 20000: break the line"
      )
      yield* say(taskId, "n")
      yield* until(taskId, (task) => task.finishedAt !== null)
      assert.strictEqual(yield* outputOf(taskId), "Proceed? (y/n) n\r\ngot <n>\r\n")
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("is typed once when its worker dies between mark and typing, and once for one command id", () =>
    Effect.gen(function* () {
      const home = yield* taskHome
      const first = yield* Effect.forkChild(work("one", home))
      const taskId = yield* create(
        `printf 'Proceed? (y/n) '; while read -r l; do echo "<$l>"; [ "$l" = end ] && exit; done`
      )
      yield* until(taskId, (task) => task.status === "waiting")
      const directory = join(home, ".signalbox", "tasks", taskId)
      const [runner] = readFileSync(join(directory, "once", "runner"), "utf8").split(" ")
      const terminal = Number(readFileSync(`/proc/${runner}/task/${runner}/children`, "utf8").trim().split(" ")[0])
      process.kill(terminal, "SIGSTOP")
      const commandId = crypto.randomUUID()
      const sent = yield* say(taskId, "once", commandId)
      const again = yield* say(taskId, "once", commandId)
      assert.isTrue(again.duplicate)
      const version = sent.state?.version ?? 0
      yield* met(() => existsSync(join(directory, "messages", `${version}.text`)))
      yield* Effect.sync(() => first.interruptUnsafe())
      yield* met(() => first.pollUnsafe() !== undefined)
      yield* Effect.forkScoped(work("two", home))
      process.kill(terminal, "SIGCONT")
      yield* say(taskId, "end")
      yield* until(taskId, (task) => task.finishedAt !== null)
      assert.strictEqual(yield* outputOf(taskId), "Proceed? (y/n) once\r\n<once>\r\nend\r\n<end>\r\n")
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("talks to an agent on its own screen, and the session can be continued", () =>
    Effect.gen(function* () {
      const home = yield* taskHome
      yield* Effect.forkScoped(work("one", home))
      const env = { PATH: `${fakeToolsDirectory}:/usr/bin:/bin` }
      const sessionId = crypto.randomUUID()
      const shows = (taskId: string, text: string) =>
        met(() => {
          const out = join(home, ".signalbox", "tasks", taskId, "out")
          return existsSync(out) && readFileSync(out, "utf8").includes(text)
        })
      const prompt = `-n 'fix' "$(id)" é 🚂\nand more`
      const first = yield* create(prompt, { tool: "claude", sessionId, env })
      yield* shows(first, `turn:1 sha256:${sha256(prompt)}`)
      yield* until(first, (task) => task.status === "running")
      const long = "ü 'x' $(id)\n".repeat(2000)
      yield* say(first, long)
      yield* shows(first, `got\x1b[0m sha256:${sha256(long)}`)
      yield* say(first, "exit")
      const task = yield* until(first, (one) => one.finishedAt !== null)
      assert.deepEqual([task?.status, task?.messages?.[0]?.problem], ["succeeded", undefined])
      const second = yield* create("go on", { tool: "claude", resumeOf: first, resumeSession: sessionId, env })
      yield* shows(second, `turn:2 sha256:${sha256("go on")}`)
      yield* until(second, (one) => one.status === "running")
      yield* say(second, "exit")
      assert.strictEqual((yield* until(second, (one) => one.finishedAt !== null))?.status, "succeeded")
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("to a task that ended before it could be typed is told as not typed", () =>
    Effect.gen(function* () {
      const home = yield* taskHome
      const taskId = yield* create(`printf 'Proceed? (y/n) '; read -r l; echo never`)
      const first = yield* Effect.forkChild(work("one", home))
      yield* until(taskId, (task) => task.status === "waiting")
      yield* Effect.sync(() => first.interruptUnsafe())
      yield* met(() => first.pollUnsafe() !== undefined)
      const pid = Number(readFileSync(join(home, ".signalbox", "tasks", taskId, "pid"), "utf8").split(" ")[0])
      yield* say(taskId, "y")
      process.kill(pid, "SIGKILL")
      yield* met(() => existsSync(join(home, ".signalbox", "tasks", taskId, "exit")))
      yield* Effect.forkScoped(work("two", home))
      const task = yield* until(taskId, (one) => one.messages?.[0]?.problem !== undefined && one.finishedAt !== null)
      assert.strictEqual(task?.messages?.[0]?.problem, "it ended before all of the message was typed")
      assert.deepEqual([task?.status, task?.exitCode], ["failed", 137])
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )
})
