import { stat } from "node:fs/promises"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import { matches, seal } from "./password.ts"

const password = Redacted.make("correct horse battery")
const other = Redacted.make("incorrect horse battery")

it.live("thirty sign-ins at once take the memory and the threads of two, and all are answered", () =>
  Effect.gen(function* () {
    const sealed = yield* seal(password)
    let answered = 0
    const all = yield* Effect.forkChild(
      Effect.forEach(
        Array.from({ length: 30 }, (_, n) => n),
        (n) =>
          Effect.tap(matches(n % 3 === 0 ? other : password, sealed), () => Effect.sync(() => void (answered += 1))),
        { concurrency: "unbounded" }
      ),
      { startImmediately: true }
    )
    // Node's threads serve in order: behind thirty hashes a look at the disk would come last.
    yield* Effect.promise(() => stat("/"))
    assert.isAtMost(answered, 10)
    const answers = yield* Fiber.join(all)
    assert.deepStrictEqual(
      answers,
      answers.map((_, n) => n % 3 !== 0)
    )
  })
)

it.live("whoever hangs up gives the turn on when the hash is done", () =>
  Effect.gen(function* () {
    const sealed = yield* seal(password)
    const impatient = yield* Effect.forEach([1, 2, 3, 4], () =>
      Effect.forkChild(matches(password, sealed), { startImmediately: true })
    )
    yield* Effect.forEach(impatient, Fiber.interrupt, { concurrency: "unbounded" })
    assert.isTrue(yield* matches(password, sealed))
  })
)
