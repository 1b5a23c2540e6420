/**
 * How commands speak: data on stdout (a table for people, one JSON document with --json), talk on stderr.
 *
 * Owns: the --json flag, exit codes. Does not own: what is said, color (`paint.ts`).
 * Invariants: exit 0 = it is so, 1 = it failed or is not so, 2 = wrong usage or cannot tell; with --json nothing but JSON is on stdout.
 */
import { Console, Effect, Runtime, Schema } from "effect"
import { Flag, GlobalFlag } from "effect/cli"

export const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(Flag.withDescription("Answer with one JSON document"), Flag.withDefault(false))
})

/** A command's own "no": the sentence goes to stderr, `code` to the shell. */
export class CommandFailed extends Schema.TaggedError<CommandFailed>()("CommandFailed", {
  reason: Schema.String,
  code: Schema.Int
}) {
  override readonly [Runtime.errorExitCode] = this.code
  override readonly [Runtime.errorReported] = false
  override get message(): string {
    return this.reason
  }
}
/** Exit 1. An empty reason says nothing more: the data has said it. */
export const failed = (reason: string) => new CommandFailed({ reason, code: 1 })
/** Exit 2: asked for something that cannot be, or that cannot be known now. */
export const cannotTell = (reason: string) => new CommandFailed({ reason, code: 2 })

/** @param value what --json prints @param human what a person reads, loaded only then; no line when empty */
export const answer = (value: Schema.Json, human: () => string | Promise<string>) =>
  Effect.gen(function* () {
    if (yield* Json) return yield* Console.log(printable(JSON.stringify(value)))
    const text = yield* Effect.promise(async () => human())
    if (text !== "") yield* Console.log(text)
  })

/** JSON leaves DEL and the C1 controls as they are, and a terminal may act on them. */
export const printable = (json: string): string =>
  // oxlint-disable-next-line no-control-regex
  json.replaceAll(/[\u007f-\u009f]/gu, (one) => `\\u00${one.charCodeAt(0).toString(16)}`)

/** Talk: never mixed with data. */
export const talk = (text: string): Effect.Effect<void> => Console.error(text)
