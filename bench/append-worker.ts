/** One of the processes of `append.ts`: warms up, says "ready", appends on "go", says "done", leaves on "end". */
import { once } from "node:events"
import { Effect } from "effect"
import { appendMany, logAt } from "./append.ts"

const [url = "", callers = "16", events = "3000"] = process.argv.slice(2)
const tell = (text: string) => Effect.sync(() => process.send?.(text))
const hear = Effect.promise(() => once(process, "message"))

await Effect.runPromise(
  Effect.gen(function* () {
    yield* appendMany(Number(callers), Number(callers) * 4, [])
    yield* tell("ready")
    yield* hear
    yield* appendMany(Number(callers), Number(events), [])
    yield* tell("done")
    yield* hear
  }).pipe(Effect.provide(logAt(url)))
)
process.disconnect()
