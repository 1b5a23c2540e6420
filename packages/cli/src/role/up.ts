/**
 * `signalbox up`: everything on this machine, and the full-screen view when there is a terminal.
 *
 * Owns: the split in two processes — the view must not wait for the work, nor the work die of the view — and their common end.
 * Does not own: what serves (`serve.ts`), the view (`tui`).
 * Invariants: a hub that runs already in this home is used and left running; the served process ends with its parent, even
 * when that is killed; tasks go on in any case, for they live in tmux on their hosts.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { Duration, Effect, Option, Redacted, Schedule } from "effect"
import { readAdminToken } from "@signalbox/core/config/credentials.ts"
import { elsewhere } from "@signalbox/core/config/elsewhere.ts"
import { Home } from "@signalbox/core/config/Home.ts"
import { type HubInfo, readHubFile } from "@signalbox/core/config/hub-file.ts"
import { installationRoot } from "@signalbox/core/config/root.ts"
import { failed, talk } from "../output.ts"
import { serve } from "./serve.ts"

const patience = Duration.minutes(3)

export const up = (options: { readonly headless: boolean; readonly withParent: boolean }) => {
  if (options.withParent)
    return serve({ hub: true, worker: true, ports: "local", logs: "file" }).pipe(Effect.raceFirst(parentIsGone))
  const screen = process.stdin.isTTY === true && process.stdout.isTTY === true
  return options.headless || !screen ? alone : withView
}

/** Headless: this process serves, unless another one of this home does. */
const alone = Effect.gen(function* () {
  const running = yield* runningHub
  if (Option.isSome(running))
    return yield* failed(
      `Signalbox is up already in this home at ${running.value.url} (process ${running.value.pid}). Stop that one, or set another SIGNALBOX_HOME.`
    )
  return yield* serve({ hub: true, worker: true, ports: "local", logs: "stderr" })
}).pipe(Effect.provide(Home.layer))

const withView = Effect.scoped(
  Effect.gen(function* () {
    const running = yield* runningHub
    const { url } = Option.isSome(running) ? running.value : yield* startServer
    // what SIGNALBOX_HUB_URL names is another hub, and its token is none of this one's
    const chosen = elsewhere(process.env)
    const given = "problem" in chosen || chosen.url !== undefined ? undefined : chosen.token
    const token = given === undefined ? yield* readAdminToken(yield* Home) : Redacted.make(given)
    yield* view({ url, token })
  })
).pipe(Effect.provide(Home.layer))

/** Opens the view on a hub; its exit code is the command's. */
export const view = (hub: {
  readonly url: string
  readonly token: Redacted.Redacted
  readonly fingerprint?: string | undefined
}) =>
  Effect.gen(function* () {
    const { url: baseUrl, token, fingerprint } = hub
    const { runTui } = yield* Effect.promise(() => import("@signalbox/tui/main.tsx"))
    const code = yield* Effect.promise(() =>
      runTui({ baseUrl, token: Redacted.value(token), fingerprint, version: installationRoot().version })
    )
    if (code !== 0) yield* Effect.sync(() => void (process.exitCode = code))
  })

export const runningHub = Effect.gen(function* () {
  const state = yield* readHubFile(yield* Home)
  return state._tag === "Running" ? Option.some(state.hub) : Option.none<HubInfo>()
})

/** A child that serves; what it says until it is ready is shown, afterwards it is in the home's log. */
const startServer = Effect.gen(function* () {
  const entry = process.argv[1]
  if (entry === undefined) return yield* failed("This program cannot find itself. Start it as signalbox up.")
  const said: Array<string> = []
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [...process.execArgv, entry, "up", "--with-parent"], {
        stdio: ["pipe", "ignore", "pipe"]
      })
    ),
    stop
  )
  let ready = false
  child.stderr.on("data", (chunk: Buffer) => {
    if (ready) return
    const text = chunk.toString()
    said.push(text)
    process.stderr.write(text)
  })
  const ended = Effect.callback<never, ReturnType<typeof failed>>((resume) => {
    const tell = (): void =>
      resume(
        Effect.fail(
          failed(
            said.length > 0 ? "" : "The server ended before it was ready. See the log in the home's logs directory."
          )
        )
      )
    if (child.exitCode === null) child.once("exit", tell)
    else tell()
  })
  yield* talk("Starting Signalbox…")
  const announced = runningHub.pipe(
    Effect.map((hub) => Option.filter(hub, ({ pid }) => pid === child.pid)),
    Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: Option.isSome }),
    Effect.map(Option.getOrThrow),
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () => Effect.fail(failed(`The server was not ready after ${Duration.format(patience)}.`))
    })
  )
  const hub = yield* Effect.raceFirst(announced, ended)
  ready = true
  return hub
})

/** Asks it to end and waits; one that hangs is left to end by its closed standard input. */
const stop = (server: ChildProcess): Effect.Effect<void> =>
  Effect.gen(function* () {
    if (server.exitCode !== null || server.signalCode !== null) return
    yield* talk("Stopping. Running tasks go on; signalbox up shows them again.")
    yield* Effect.callback<void>((resume) => {
      server.once("exit", () => resume(Effect.void))
      server.kill("SIGTERM")
    }).pipe(Effect.timeoutOption("15 seconds"))
  })

/** Our standard input is the parent's end of a pipe: it closes when the parent ends, however it ends. */
const parentIsGone = Effect.callback<void>((resume) => {
  process.stdin.resume()
  process.stdin.once("end", () => resume(Effect.void))
  process.stdin.once("error", () => resume(Effect.void))
})
