/** The watchers on directories that this test writes itself: many tasks, written to while they are watched. */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { localHost as local } from "@signalbox/core/host/view.ts"
import { Effect, Fiber, Queue, Stream } from "effect"
import { testLog } from "../../../../test/support/sshd.ts"
import { transportLayer } from "./TransportLive.ts"
import { type Cursor, watch, type WatchOptions } from "./watch.ts"
import type { WatchRecord } from "./watch-record.ts"

const boot = "0a1b2c3d-0000-4000-8000-000000000000"

const newHome = Effect.acquireRelease(
  Effect.promise(async () => {
    const home = await fs.mkdtemp(join(tmpdir(), "watched-"))
    await fs.mkdir(join(home, ".signalbox/active", testLog), { recursive: true })
    await fs.mkdir(join(home, ".signalbox/tasks"))
    return home
  }),
  (home) => Effect.promise(() => fs.rm(home, { recursive: true, force: true, maxRetries: 5 }))
)
const using = (home: string) =>
  Effect.provide(
    transportLayer({
      log: testLog,
      ssh: { resolve: () => Effect.succeed(undefined), home, env: {}, knownHosts: [] },
      local: { home, env: process.env }
    })
  )

/** As launch.sh and run.sh leave a task. */
const fake = (home: string, id: string) => {
  const directory = join(home, ".signalbox/tasks", id)
  const put = async (name: string, text: string) => {
    await fs.writeFile(join(directory, `${name}.tmp`), text)
    await fs.rename(join(directory, `${name}.tmp`), join(directory, name))
  }
  return {
    make: async () => {
      await fs.mkdir(directory)
      await fs.symlink(`../../tasks/${id}`, join(home, ".signalbox/active", testLog, id))
      await put("pid", `17 42 ${boot} 16\n`)
    },
    write: (name: "out" | "err", bytes: Uint8Array | string) => fs.appendFile(join(directory, name), bytes),
    end: (code: number) => put("exit", `${code} 1700000000\n`),
    read: (name: "out" | "err") => fs.readFile(join(directory, name))
  }
}

const quick: WatchOptions = { tickSeconds: 0.02 }
const ways: ReadonlyArray<readonly [string, WatchOptions]> = [
  ["by what the kernel says", quick],
  ["by looking", { ...quick, withoutNews: true }]
]

const bytesOf = (records: ReadonlyArray<WatchRecord>, id: string, stream: "out" | "err"): Buffer => {
  const pieces = records.flatMap((one) =>
    one._tag === "Output" && one.id === id && one.stream === stream ? [one] : []
  )
  let at = 0
  for (const piece of pieces) {
    assert.strictEqual(piece.offset, at, `${id} ${stream}: dense`)
    at += piece.bytes.length
  }
  return Buffer.concat(pieces.map((piece) => piece.bytes))
}

describe("a host with many tasks", () => {
  for (const [how, options] of ways)
    it.live(`${how}: every byte of every task once, and its end after the last`, () =>
      Effect.gen(function* () {
        const home = yield* newHome
        const ids = Array.from({ length: 120 }, (_, n) => `task-20261120-143022-${String(n).padStart(6, "0")}`)
        const tasks = ids.map((id) => fake(home, id))
        // a third is there before, and has written
        for (const task of tasks.slice(0, 40)) {
          yield* Effect.promise(() => task.make())
          yield* Effect.promise(() => task.write("out", "before\n"))
        }
        const left = new Set(ids)
        const watching = yield* watch(local, [], options).pipe(
          Stream.takeUntil((record) => {
            if (record._tag === "Exited") left.delete(record.id)
            return left.size === 0
          }),
          Stream.runCollect,
          Effect.timeout("120 seconds"),
          using(home),
          Effect.forkChild
        )
        yield* Effect.promise(() =>
          Promise.all(
            tasks.map(async (task, n) => {
              if (n >= 40) await task.make()
              for (let turn = 0; turn < 30; turn++) {
                await task.write("out", randomBytes(1 + ((turn * 37 + n) % 500)))
                if (turn % 10 === 0) await task.write("err", `${turn}\n`)
              }
              if (n === 50) await task.write("out", randomBytes(900_000))
              await task.end(n % 200)
            })
          )
        )
        const records = yield* Fiber.join(watching)
        for (const [n, id] of ids.entries()) {
          for (const stream of ["out", "err"] as const) {
            const wanted = yield* Effect.promise(() => tasks[n]?.read(stream) ?? Promise.resolve(Buffer.alloc(0)))
            assert.isTrue(bytesOf(records, id, stream).equals(wanted), `${id} ${stream}`)
          }
          const own = records.filter((record) => record._tag !== "Beat" && record.id === id)
          assert.deepStrictEqual(own[0], { _tag: "Started", id, pid: 17, bootId: boot })
          assert.deepStrictEqual(own.at(-1), { _tag: "Exited", id, code: n % 200, at: 1_700_000_000 })
        }
      }).pipe(Effect.scoped)
    )

  for (const [how, options] of ways)
    it.live(`${how}: what is written after a long silence is told, and what was cut too`, () =>
      Effect.gen(function* () {
        const home = yield* newHome
        const id = "task-20261120-143022-abc123"
        const task = fake(home, id)
        yield* Effect.promise(() => task.make())
        yield* Effect.promise(() => task.write("out", "stored already"))
        const cursors: ReadonlyArray<Cursor> = [{ id, stream: "out", offset: 14 }]
        const told = yield* Queue.unbounded<WatchRecord>()
        yield* watch(local, cursors, options).pipe(
          Stream.runForEach((record) => Queue.offer(told, record)),
          Effect.forkScoped,
          using(home)
        )
        const next = Queue.take(told).pipe(Effect.timeout("60 seconds"))
        const nextOutput = Effect.repeat(next, { until: (record) => record._tag !== "Beat" })
        assert.deepInclude(yield* nextOutput, { _tag: "Started", id })
        // three idle seconds: longer than a task counts as busy
        for (let beats = 0; beats < 3;) if ((yield* next)._tag === "Beat") beats++
        yield* Effect.promise(() => task.write("out", "x"))
        const late = yield* nextOutput
        assert.deepInclude(late, { _tag: "Output", id, stream: "out", offset: 14 })
        yield* Effect.promise(() => fs.writeFile(join(home, ".signalbox/tasks", id, "out"), ""))
        assert.deepStrictEqual(yield* nextOutput, { _tag: "Truncated", id, stream: "out", size: 0 })
        yield* Effect.promise(() => task.write("out", "anew"))
        assert.deepInclude(yield* nextOutput, { _tag: "Output", offset: 0, bytes: Buffer.from("anew") })
      }).pipe(Effect.scoped)
    )
})
