import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { held } from "../../../../test/support/memory.ts"
import { EventLog } from "./EventLog.ts"
import { layer } from "./EventLogLive.ts"

const LogTest = layer.pipe(Layer.provideMerge(DbTest))
const EVENTS = 100_000
/** The events together are about 100 MB as objects; a reader may keep a page or two of them. */
const MAY_GROW = 40 * 1_048_576

describe("a replay of 100,000 events", () => {
  it.live(
    "by readAll, follow and verify is complete, in order, and in bounded memory",
    () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const text = "a line of output as a task prints it, ".repeat(20)
        yield* Effect.forEach(
          Array.from({ length: EVENTS / 500 }, (_, n) => n),
          (n) =>
            log.append({
              stream: `stream-${n % 50}`,
              expected: "any",
              commandId: randomUUID(),
              events: Array.from({ length: 500 }, (_, i) => ({ type: "Printed", data: { n, i, text } })),
              actor: "hub"
            }),
          { concurrency: 8, discard: true }
        )
        const before = held()
        let largest = before
        const watch = (expected: number, position: number) => {
          assert.strictEqual(position, expected)
          if (position % 20_000 === 0) largest = Math.max(largest, held())
          return expected + 1
        }
        const read = yield* log.readAll().pipe(
          Stream.runFold(
            () => 1,
            (next, event) => watch(next, event.position)
          )
        )
        assert.strictEqual(read, EVENTS + 1)
        const followed = yield* log.follow().pipe(
          Stream.takeUntil((one) => one._tag === "CaughtUp"),
          Stream.runFold(
            () => 1,
            (next, one) => (one._tag === "Event" ? watch(next, one.event.position) : next)
          )
        )
        assert.strictEqual(followed, EVENTS + 1)
        const verdict = yield* log.verify({
          progress: () => Effect.sync(() => (largest = Math.max(largest, held())))
        })
        assert.deepInclude(verdict, { ok: true, events: EVENTS })
        assert.isBelow(largest - before, MAY_GROW)
      }).pipe(Effect.provide(LogTest)),
    300_000
  )
})
