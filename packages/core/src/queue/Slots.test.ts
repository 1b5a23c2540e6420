import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { Db } from "../postgres/Db.ts"
import { Slots } from "./Slots.ts"
import { layer } from "./SlotsLive.ts"

const SlotsTest = layer.pipe(Layer.provideMerge(DbTest))
const ask = (taskId: string, host = "h1", tool = "claude", hostLimit = 4, toolLimit = 3) => ({
  taskId,
  host,
  tool,
  hostLimit,
  toolLimit
})

describe("slots", () => {
  it.live("never exceed a limit, however many ask at once, and give all of them away", () =>
    Effect.gen(function* () {
      const slots = yield* Slots
      const answers = yield* Effect.all(
        Array.from({ length: 60 }, (_, i) =>
          slots.grant(ask(`t${i}`, `h${i % 2}`, i % 3 === 0 ? "codex" : "claude", 4, 3))
        ),
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
      assert.isTrue(yield* slots.grant(ask("a")))
      assert.isTrue(yield* slots.grant(ask("b")))
      assert.isTrue(yield* slots.grant(ask("a")))
      assert.strictEqual((yield* slots.occupied).length, 2)
      yield* slots.release("a")
      assert.isFalse(yield* slots.grant(ask("c", "h1", "claude", 1, 1)))
      assert.isTrue(yield* slots.grant(ask("c", "h1", "claude", 2, 2)))
      assert.isFalse(yield* slots.grant(ask("d", "h1", "shell", 0, 5)))
    }).pipe(Effect.provide(SlotsTest))
  )

  it.live("cannot be doubled even by a statement that ignores the lock", () =>
    Effect.gen(function* () {
      const [db, slots] = [yield* Db, yield* Slots]
      yield* slots.grant(ask("a", "h1", "claude", 1, 1))
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
})
