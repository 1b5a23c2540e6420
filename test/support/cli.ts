/** The command line in this process, with a home of its own whose hub runs here too. */
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ConfigProvider, Console, Context, DateTime, Effect, Exit, Cause, Layer } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { ensureAdminToken } from "@signalbox/core/config/credentials.ts"
import { openHome } from "@signalbox/core/config/Home.ts"
import { writeHubFile } from "@signalbox/core/config/hub-file.ts"
import { HubAddress } from "@signalbox/hub/HubAddress.ts"
import { run } from "../../packages/cli/src/main.ts"
import { CommandFailed } from "../../packages/cli/src/output.ts"
import { AgentRoomsTest } from "./agents.ts"
import { hubTest, RoomsTest } from "./hub.ts"

export interface Ran {
  readonly code: number
  /** Console lines, and the raw bytes of `task logs`. */
  readonly out: string
  readonly err: string
  readonly bytes: Buffer
}

/** A home that `signalbox` finds by SIGNALBOX_HOME. */
export class TestHome extends Context.Service<TestHome, { readonly directory: string }>()("test/TestHome") {
  static readonly layer = Layer.effect(
    TestHome,
    Effect.acquireRelease(
      Effect.gen(function* () {
        const directory = join(yield* Effect.promise(() => mkdtemp(join(tmpdir(), "signalbox-cli-"))), "home")
        yield* openHome(directory)
        process.env["SIGNALBOX_HOME"] = directory
        return TestHome.of({ directory })
      }),
      () => Effect.sync(() => delete process.env["SIGNALBOX_HOME"])
    )
  )
}

const announced = Layer.effectDiscard(
  Effect.gen(function* () {
    const home = yield* openHome((yield* TestHome).directory)
    const { url } = yield* HubAddress
    yield* writeHubFile(home, { url, pid: process.pid, startedAt: yield* DateTime.now, version: "1.2.3" })
  })
)

const hub = Layer.unwrap(
  Effect.gen(function* () {
    const home = yield* openHome((yield* TestHome).directory)
    const adminToken = yield* ensureAdminToken(home)
    const client = Layer.unwrap(Effect.map(HubAddress, ({ url }) => HubClient.layer(url, adminToken)))
    return Layer.merge(client, announced).pipe(Layer.provideMerge(hubTest({ adminToken })))
  })
)

/** Home, hub and rooms; the command line finds them as any process would. */
export const CliTest = hub.pipe(Layer.provideMerge(RoomsTest), Layer.provideMerge(TestHome.layer))

/** The same with what carries plans out, for agents that enroll. */
export const CliAgentsTest = hub.pipe(Layer.provideMerge(AgentRoomsTest), Layer.provideMerge(TestHome.layer))

/** Runs one command line to its end, or until `stop`. */
export const signalbox = (...args: ReadonlyArray<string>): Effect.Effect<Ran> =>
  Effect.gen(function* () {
    const out: Array<string> = []
    const err: Array<string> = []
    const bytes: Array<Uint8Array> = []
    const captured: Console.Console = {
      ...globalThis.console,
      log: (...words: ReadonlyArray<unknown>) => void out.push(words.join(" ")),
      error: (...words: ReadonlyArray<unknown>) => void err.push(words.join(" "))
    }
    const write = process.stdout.write.bind(process.stdout)
    const exit = yield* Effect.acquireUseRelease(
      Effect.sync(() => {
        process.stdout.write = (chunk: unknown, ...rest: ReadonlyArray<unknown>): boolean => {
          if (!(chunk instanceof Uint8Array)) return write(String(chunk))
          bytes.push(chunk)
          for (const one of rest) if (typeof one === "function") one()
          return true
        }
      }),
      () =>
        Effect.exit(
          run(args, "1.2.3").pipe(
            Effect.provideService(Console.Console, captured),
            // The default provider remembers the environment of the first command line of this process.
            Effect.provide(
              ConfigProvider.layer(
                ConfigProvider.fromEnv({ env: { SIGNALBOX_HOME: process.env["SIGNALBOX_HOME"] ?? "" } })
              )
            )
          )
        ),
      () => Effect.sync(() => (process.stdout.write = write))
    )
    const failure = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
    if (failure !== undefined && !(failure instanceof CommandFailed)) throw failure
    return {
      code: failure === undefined ? 0 : failure.code,
      out: out.join("\n"),
      err: err.join("\n"),
      bytes: Buffer.concat(bytes)
    }
  })
