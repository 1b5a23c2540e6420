import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Logger, Ref } from "effect"
import { TestClock } from "effect/testing"
import { makeSecretSet, Secrets } from "../config/secret.ts"
import { jsonLines, rotatingFile } from "./logs.ts"
import { count, gauge, metricsText, queueMetrics, taskMetrics, timed } from "./metrics.ts"
import { Progress, withProgress } from "./Progress.ts"

const logged = <A, E>(self: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    yield* self.pipe(Effect.exit, Effect.provide(Logger.layer([jsonLines((line) => lines.push(line))])))
    return lines
  })

describe("logs", () => {
  it.effect("are one JSON object per line, with fields and cause", () =>
    Effect.gen(function* () {
      const lines = yield* logged(
        Effect.logWarning("two\nlines", new Error("broken")).pipe(Effect.annotateLogs({ host: "a" }))
      )
      assert.lengthOf(lines, 1)
      assert.match(lines[0]!, /^[^\n]*\n$/)
      const line = JSON.parse(lines[0]!)
      assert.strictEqual(line.level, "warn")
      assert.deepStrictEqual(line.fields, { host: "a" })
      assert.include(JSON.stringify(line), "broken")
    })
  )

  it.effect("hold no known secret, wherever it stands", () =>
    Effect.gen(function* () {
      const text = 'k"ey-12345678'
      const lines = yield* logged(
        Effect.logError(`a ${text}`, { deep: { url: `x?k=${encodeURIComponent(text)}` } }, new Error(text)).pipe(
          Effect.annotateLogs({ key: text }),
          Effect.provideService(Secrets, makeSecretSet([text]))
        )
      )
      assert.notInclude(lines[0], "12345678")
      assert.isObject(JSON.parse(lines[0]!))
    })
  )

  it("in a file never take more than their share of the disk, and lose no line before that", () => {
    const directory = fs.mkdtempSync(join(tmpdir(), "signalbox-logs-"))
    const write = rotatingFile({ directory, role: "tui", maxBytes: 1000, keep: 2 })
    for (let n = 0; n < 450; n++) write(`line ${String(n).padStart(4, "0")}\n`) // 10 bytes each
    const names = fs.readdirSync(directory).toSorted()
    assert.deepStrictEqual(names, ["tui.log", "tui.log.1", "tui.log.2"])
    const text = ["tui.log.2", "tui.log.1", "tui.log"].map((name) => fs.readFileSync(join(directory, name), "utf8"))
    assert.isTrue(text.every((part) => part.length <= 1000))
    assert.include(text.join(""), "line 0449")
    const numbers = [...text.join("").matchAll(/line (\d+)/g)].map((match) => Number(match[1]))
    assert.deepStrictEqual(
      numbers,
      Array.from({ length: numbers.length }, (_, n) => 450 - numbers.length + n)
    )
    assert.strictEqual(fs.statSync(join(directory, "tui.log")).mode & 0o777, 0o600)
    fs.rmSync(directory, { recursive: true })
    assert.doesNotThrow(() => write("the directory is gone\n"))
  })
})

describe("metrics", () => {
  it.effect("are told to Prometheus with their labels, also for work that failed", () =>
    Effect.gen(function* () {
      yield* count(taskMetrics.settled, { tool: "claude", status: "succeeded" }, 2)
      yield* gauge(taskMetrics.running, 3, { host: "a" })
      yield* Effect.exit(Effect.fail("x").pipe(timed(queueMetrics.jobSeconds, { queue: "task" })))
      const text = yield* metricsText
      assert.match(text, /signalbox_tasks_settled_total\{[^}]*status="succeeded"[^}]*\} 2/)
      assert.match(text, /signalbox_tasks_running\{host="a"\} 3/)
      assert.match(text, /signalbox_queue_job_seconds_count\{queue="task"\} 1/)
      assert.match(text, /# HELP signalbox_tasks_settled_total Tasks that ended/)
    })
  )
})

describe("progress", () => {
  it.effect("is told once after a second, and not at all when it was quicker", () =>
    Effect.gen(function* () {
      const told = yield* Ref.make<ReadonlyArray<string>>([])
      const gate = yield* Deferred.make<void>()
      const tell = (message: string) => Ref.update(told, (all) => [...all, message])
      const slow = yield* Deferred.await(gate).pipe(
        withProgress("slow…"),
        Effect.provideService(Progress, tell),
        Effect.forkChild
      )
      yield* Effect.succeed(1).pipe(withProgress("quick…"), Effect.provideService(Progress, tell))
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual(yield* Ref.get(told), [])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* Ref.get(told), ["slow…"])
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(slow)
    })
  )
})
