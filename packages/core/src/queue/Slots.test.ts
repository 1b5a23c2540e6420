import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { Db } from "../postgres/Db.ts"
import { Slots } from "./Slots.ts"
import { layer } from "./SlotsLive.ts"

const SlotsTest = layer.pipe(Layer.provideMerge(DbTest))
const grant = (taskId: string, host = "h1", tool = "claude", hostLimit = 4, toolLimit = 3) =>
  Effect.flatMap(Slots, (slots) =>
    Effect.map(slots.grant(host, [{ taskId, tool, hostLimit, toolLimit }]), (granted) => granted.has(taskId))
  )

describe("slots", () => {
  it.live("never exceed a limit, however many ask at once, and give all of them away", () =>
    Effect.gen(function* () {
      const slots = yield* Slots
      const answers = yield* Effect.all(
        Array.from({ length: 60 }, (_, i) => grant(`t${i}`, `h${i % 2}`, i % 3 === 0 ? "codex" : "claude", 4, 3)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(answers.filter((granted) => granted).length, 8)
      const occupied = yield* slots.occupied
      for (const host of ["h0", "h1"]) {
        const here = occupied.filter((slot) => slot.host === host)
        assert.strictEqual(here.length, 4)
        assert.isAtMost(here.filter((slot) => slot.tool === "claude").length, 3)
      }
    }).pipe(Effect.provide(SlotsTest))
  )

  it.live("are granted again to a task that has one, and to another after release; a lowered limit holds at once", () =>
    Effect.gen(function* () {
      const slots = yield* Slots
      assert.isTrue(yield* grant("a"))
      assert.isTrue(yield* grant("b"))
      assert.isTrue(yield* grant("a"))
      assert.strictEqual((yield* slots.occupied).length, 2)
      yield* slots.release("a")
      assert.isFalse(yield* grant("c", "h1", "claude", 1, 1))
      assert.isTrue(yield* grant("c", "h1", "claude", 2, 2))
      assert.isFalse(yield* grant("d", "h1", "shell", 0, 5))
    }).pipe(Effect.provide(SlotsTest))
  )

  it.live("go to the first of a line that asks at once, within the limits of host and tool", () =>
    Effect.gen(function* () {
      const slots = yield* Slots
      yield* grant("old", "h1", "claude", 4, 2)
      const line = ["a", "b", "c", "d", "e"].map((taskId, i) => ({
        taskId,
        tool: i < 3 ? "claude" : "codex",
        hostLimit: 4,
        toolLimit: i < 3 ? 2 : 1_000_000
      }))
      const granted = yield* slots.grant("h1", [{ taskId: "old", tool: "claude", hostLimit: 4, toolLimit: 2 }, ...line])
      assert.deepStrictEqual([...granted], ["old", "a", "d", "e"])
      assert.strictEqual((yield* slots.occupied).length, 4)
    }).pipe(Effect.provide(SlotsTest))
  )

  it.live("cannot be doubled even by a statement that ignores the lock", () =>
    Effect.gen(function* () {
      const db = yield* Db
      yield* grant("a", "h1", "claude", 1, 1)
      const error = yield* Effect.flip(
        db.query(
          "a bug",
          (sql) =>
            sql`insert into queue.slot (task_id, host, tool, host_slot, tool_slot) values ('b', 'h1', 'codex', 1, 1)`
        )
      )
      assert.strictEqual(error.code, "23505")
    }).pipe(Effect.provide(SlotsTest))
  )

  it.live(
    "are taken by many at once, one statement each, beside grants, and no limit is exceeded nor a grant disturbed",
    () =>
      Effect.gen(function* () {
        const slots = yield* Slots
        const wanted = (taskId: string) => ({ taskId, tool: "shell", hostLimit: 6, toolLimit: 5 })
        assert.isTrue(yield* slots.take("h1", wanted("first")))
        assert.isFalse(yield* slots.take("h1", wanted("first")), "it has one")
        yield* Effect.all(
          Array.from({ length: 30 }, (_, i) =>
            i % 3 === 0 ? grant(`g${i}`, "h1", "shell", 6, 5) : slots.take("h1", wanted(`t${i}`))
          ),
          { concurrency: "unbounded" }
        )
        assert.strictEqual((yield* slots.occupied).length, 5)
        assert.isFalse(yield* slots.take("h1", wanted("late")))
        yield* slots.release("first")
        assert.isTrue(yield* slots.take("h1", wanted("late")))
        assert.isFalse(yield* slots.take("h1", { taskId: "low", tool: "codex", hostLimit: 5, toolLimit: 5 }))
        assert.isTrue(yield* slots.take("h1", { taskId: "high", tool: "codex", hostLimit: 6, toolLimit: 5 }))
      }).pipe(Effect.provide(SlotsTest))
  )
})
