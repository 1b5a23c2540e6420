/** A process that holds the embedded Postgres: tells what it got as a JSON line, and gives it back when its stdin ends. */
import { flushCompileCache } from "node:module"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Exit, Logger } from "effect"
import { holdPostgres } from "@signalbox/core/postgres/embedded.ts"
import { Progress } from "@signalbox/core/observe/Progress.ts"

flushCompileCache() // of a child that is killed nothing is kept (`temporary.ts` says where)

const [home = "", programs, system] = process.argv.slice(2)
const say = (line: object) => Effect.sync(() => process.stdout.write(`${JSON.stringify(line)}\n`))
const stdinEnds = Effect.callback<void>((resume) => {
  process.stdin.resume().once("end", () => resume(Effect.void))
})

Effect.gen(function* () {
  const held = yield* holdPostgres({
    home,
    ...(programs === undefined || programs === "" ? {} : { programs }),
    ...(system === undefined ? {} : { system })
  })
  yield* say({ url: held.url, pid: yield* held.pid, uid: process.getuid?.() })
  yield* Effect.raceFirst(stdinEnds, held.failed)
}).pipe(
  Effect.scoped,
  Effect.tapError((error) => say({ error: error.message })),
  Effect.exit,
  Effect.flatMap((exit) => (Exit.isSuccess(exit) ? say({ released: true }) : Effect.failCause(exit.cause))),
  Effect.provideService(Progress, (message) => say({ progress: message })),
  Effect.provide(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])),
  (main) => NodeRuntime.runMain(main, { disableErrorReporting: true })
)
