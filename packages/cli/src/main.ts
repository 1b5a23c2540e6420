/**
 * Runs one command line: arguments to command, errors to one sentence and an exit code.
 *
 * Owns: the root command, usage errors, the last catch. Does not own: any noun (`registry.ts`), stdout's form (`output.ts`).
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, identity, Layer, Logger, Option, References } from "effect"
import { CliConfig, CliOutput, Command, Completions, Flag, GlobalFlag } from "effect/cli"
import { loadDotEnv } from "@signalbox/core/config/dotenv.ts"
import { elsewhere } from "@signalbox/core/config/elsewhere.ts"
import { inWords } from "@signalbox/core/config/words.ts"
import { Progress } from "@signalbox/core/observe/Progress.ts"
import { CommandFailed, Json, talk } from "./output.ts"
import { wantsColor } from "./paint.ts"
import { guardRejections } from "./rejections.ts"
import { loadFor } from "./registry.ts"

export const main = (args: ReadonlyArray<string>, version: string): void => {
  guardRejections()
  NodeRuntime.runMain(run(args, version), { disableErrorReporting: true })
}

/** One whole command line. Fails only with what has been said already. */
export const run = (args: ReadonlyArray<string>, version: string): Effect.Effect<void, CommandFailed> =>
  Effect.gen(function* () {
    yield* loadDotEnv(process.cwd(), process.env)
    const pin = elsewhere(process.env)
    const fingerprint = "problem" in pin ? undefined : pin.fingerprint
    const pinned =
      fingerprint === undefined
        ? identity
        : (yield* Effect.promise(() => import("./client/pinned.ts"))).withPin(fingerprint)
    const commands = yield* Effect.promise(() => loadFor(args))
    const root = Command.make("signalbox").pipe(
      Command.withDescription(
        "Run AI command-line tools on any host so that no disconnect ends them; every act is an event"
      ),
      Command.withSubcommands(commands),
      Command.withGlobalFlags([Json])
    )
    yield* Command.runWith(root, { version })(args).pipe(Effect.scoped, pinned)
  }).pipe(
    // help that nobody asked for: a verb is missing, or something is wrong with the words
    Effect.catchTag("ShowHelp", (help) =>
      Effect.andThen(
        usage(
          help.commandPath,
          help.errors.map((error) => inWords(error.message))
        ),
        Effect.fail(new CommandFailed({ reason: "", code: 2 }))
      )
    ),
    Effect.catch((error) =>
      error instanceof CommandFailed
        ? Effect.andThen(error.reason === "" ? Effect.void : talk(`error: ${error.reason}`), Effect.fail(error))
        : Effect.andThen(talk(`error: ${error.message}`), Effect.fail(new CommandFailed({ reason: "", code: 1 })))
    ),
    Effect.provideService(Progress, talk),
    Effect.provide(Layer.mergeAll(presenter, builtIns, plainLogs, NodeServices.layer))
  )

const usage = (path: ReadonlyArray<string>, errors: ReadonlyArray<string>): Effect.Effect<void> =>
  talk([...errors.map((error) => `error: ${error}`), `Try: ${path.join(" ")} --help`].join("\n"))

/** Help that was asked for is data; help after an error is talk, and `usage` says it shorter. */
const presenter = Layer.suspend(() => {
  const formatter = CliOutput.defaultFormatter({ colors: wantsColor(process.stdout, process.env) })
  return Layer.merge(
    CliOutput.layer(formatter),
    CliOutput.layerPresenter({
      present: (event) => {
        if (event._tag === "Version") return Console.log(`${event.name} ${event.version}`)
        if (event._tag === "InvalidInvocation") return Effect.void
        const help = formatter.formatHelpDoc(event.helpDoc)
        return event.reason === "Requested" ? Console.log(help) : Console.error(help)
      }
    })
  )
})

/** `--completions` for the shells that are promised; no wizard, no log levels. */
const completions = GlobalFlag.Action({
  flag: Flag.Literals("completions", ["bash", "zsh", "fish"]).pipe(
    Flag.map((shell): Completions.Shell => shell),
    Flag.optional,
    Flag.withDescription("Print a completion script for this shell")
  ),
  run: (shell, { command }) =>
    Option.match(shell, {
      onNone: () => Effect.void,
      onSome: (name) =>
        Effect.flatMap(
          Effect.promise(() => import("./completions.ts")),
          ({ completionScript }) => Console.log(completionScript(name, Completions.fromCommand(command)))
        )
    })
})
const builtIns = CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, completions] })

/** Warnings of libraries inside a command: a line on stderr, never on stdout. */
const plainLogs = Layer.merge(
  Logger.layer([
    Logger.make(({ logLevel, message }) => void process.stderr.write(`${logLevel.toLowerCase()}: ${words(message)}\n`))
  ]),
  Layer.succeed(References.MinimumLogLevel, "Warn")
)
const words = (message: unknown): string => (Array.isArray(message) ? message : [message]).map(String).join(" ")
