import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { DbTest } from "../../../../test/support/database.ts"
import { added } from "../../../../test/support/tally.ts"
import { until } from "../../../../test/support/until.ts"
import type { RecordedEvent } from "../log/Event.ts"
import { EventLog } from "../log/EventLog.ts"
import { layer as logLayer } from "../log/EventLogLive.ts"
import { openCheckpoint } from "./checkpoint.ts"
import { followForever } from "./follow.ts"
import { Precedence } from "./Precedence.ts"
import { makeTail } from "./tail.ts"

const event = (position: number, stream: string, type: string): RecordedEvent => ({
  position,
  stream,
  version: 1,
  type,
  data: {},
  actor: "test",
  commandId: "",
  correlationId: "",
  causationId: null,
  at: "2026-11-21T09:00:00.000000Z",
  hash: ""
})
const page = [event(7, "talk/a", "Said"), event(8, "talk/a", "Asked")]
const asked = ({ type }: RecordedEvent) => type === "Asked"
const wants = (...types: ReadonlyArray<string>) => new Set(types)
/** Whether it has ended so far. */
const over = (fiber: Fiber.Fiber<unknown>) => Effect.map(TestClock.adjust(0), () => fiber.pollUnsafe() !== undefined)

describe("what a person waits for", () => {
  it.effect("goes before followers until it is under way, and a moment longer", () =>
    Effect.gen(function* () {
      const precedence = yield* Precedence
      const { done } = yield* precedence.answers("talk/", asked)
      const follower = yield* Effect.forkChild(precedence.give(page, wants("Asked")))
      const idle = yield* Effect.forkChild(precedence.give(page, wants("Other")))
      yield* TestClock.adjust("10 millis")
      assert.deepStrictEqual([yield* over(follower), yield* over(idle)], [false, false])
      done(8)
      assert.isFalse(yield* over(follower), "it is on its way")
      yield* TestClock.adjust("5 millis")
      assert.deepStrictEqual([yield* over(follower), yield* over(idle)], [true, true])
    }).pipe(Effect.scoped, Effect.provide(Precedence.layer))
  )

  it.effect("holds nobody for longer than 25 ms, whatever becomes of it", () =>
    Effect.gen(function* () {
      const precedence = yield* Precedence
      yield* precedence.answers("talk/", asked)
      const follower = yield* Effect.forkChild(precedence.give(page, wants("Asked")))
      yield* TestClock.adjust("24 millis")
      assert.isFalse(yield* over(follower))
      yield* TestClock.adjust("1 millis")
      assert.isTrue(yield* over(follower))
    }).pipe(Effect.scoped, Effect.provide(Precedence.layer))
  )

  it.effect("holds nobody who has other work in the page, and nobody where nothing is answered", () =>
    Effect.gen(function* () {
      const precedence = yield* Precedence
      const passes = (events: ReadonlyArray<RecordedEvent>, ...types: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const follower = yield* Effect.forkChild(precedence.give(events, wants(...types)))
          const passed = yield* over(follower)
          yield* Fiber.interrupt(follower)
          return passed
        })
      assert.isTrue(yield* passes(page, "Asked"), "this process answers nobody")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* precedence.answers("talk/", asked)
          assert.isFalse(yield* passes(page, "Asked"))
          assert.isTrue(yield* passes([event(9, "talk/a", "Said")], "Said"), "nobody asked")
          assert.isTrue(yield* passes([...page, event(9, "work/b", "Made")], "Made", "Asked"), "other work")
          assert.isFalse(yield* passes([...page, event(9, "work/b", "Made")], "Asked"), "work of others")
          assert.isTrue(yield* passes([event(9, "work/b", "Asked")], "Asked"), "the same name in another room")
        })
      )
      assert.isTrue(yield* passes(page, "Asked"), "it answers nobody any more")
    }).pipe(Effect.provide(Precedence.layer))
  )
})

describe("followers of a process that answers", () => {
  it.live("apply what is at the head once the answer is under way; a backlog is not held up", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const precedence = yield* Precedence
      const given: Array<ReadonlyArray<number>> = []
      const opened = yield* Deferred.make<void>()
      const gated = Precedence.of({
        ...precedence,
        give: (events) =>
          Effect.andThen(
            Effect.sync(() => given.push(events.map(({ position }) => position))),
            Deferred.await(opened)
          )
      })
      for (let n = 1; n <= 200; n++) yield* log.append(added("a", n))
      const tail = yield* Effect.provideService(makeTail, Precedence, gated)
      yield* tail.past(199)
      const applied: Array<number> = []
      const follower = {
        name: "one",
        target: "read" as const,
        version: 1,
        from: "beginning" as const,
        wants: new Set(["Added"]),
        apply: (events: ReadonlyArray<RecordedEvent>) =>
          Effect.sync(() => void applied.push(...events.map(({ position }) => position)))
      }
      yield* openCheckpoint(follower, 0)
      yield* Effect.forkScoped(followForever(follower, tail))
      yield* until(
        "it stands at the head",
        Effect.sync(() => given.length > 0)
      )
      assert.strictEqual(given[0]?.at(-1), 200)
      assert.isAbove(given[0]?.[0] ?? 0, 1, "the first page was none of the head")
      assert.strictEqual(applied.at(-1), (given[0]?.[0] ?? 0) - 1)
      yield* Deferred.succeed(opened, undefined)
      yield* until(
        "all is applied",
        Effect.sync(() => applied.at(-1) === 200)
      )
      assert.deepStrictEqual(
        applied,
        Array.from({ length: 200 }, (_, n) => n + 1)
      )
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.mergeAll(Precedence.layer, logLayer.pipe(Layer.provideMerge(Layer.fresh(DbTest)))))
    )
  )
})
