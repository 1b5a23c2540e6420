/**
 * A plain read as a command among the others: with help, completions and usage errors.
 *
 * Owns: turning an entry of `read/table.ts` into a command. Does not own: what it prints.
 */
import { Console, Effect, Option, Redacted, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { HubConnection, withConnection } from "../client/HubConnection.ts"
import { CommandFailed, Json } from "../output.ts"
import { askAt } from "../read/ask.ts"
import {
  type ArgumentSpec,
  type FlagSpec,
  type Given,
  givenOf,
  type Read,
  ReadFailed,
  type Value
} from "../read/definition.ts"

/** @param unless does what the flag `read.unless` asks for */
export const reading = <E extends { readonly message: string } = never, R = never>(
  read: Read,
  unless?: (given: Given) => Effect.Effect<void, E, R>
) =>
  commandOf(read, (given) =>
    Effect.gen(function* () {
      if (unless !== undefined && read.unless !== undefined && given.get(read.unless)) return yield* unless(given)
      yield* withConnection(printed(read, given))
    })
  )

export const commandOf = <E, R>(read: Read, act: (given: Given) => Effect.Effect<void, E, R>) =>
  Command.make(read.names[0]?.at(-1) ?? "", configOf(read), (values) =>
    Effect.flatMap(Json, (json) => act(givenOf(values, json)))
  ).pipe(
    Command.withDescription(read.about),
    Command.withExamples((read.examples ?? []).map((command) => ({ command })))
  )

const printed = (read: Read, given: Given) =>
  Effect.gen(function* () {
    const { url, token, fingerprint } = yield* HubConnection
    const pieces = read.print(given, askAt({ url, token: Redacted.value(token), fingerprint }))
    yield* Stream.fromAsyncIterable(pieces, (cause) => cause).pipe(
      Stream.runForEach((piece) => Console.log(piece)),
      Effect.catch((cause) =>
        cause instanceof ReadFailed
          ? Effect.fail(new CommandFailed({ reason: cause.message, code: cause.code }))
          : Effect.die(cause)
      )
    )
  })

const configOf = (read: Read): Record<string, Flag.Flag<Value> | Argument.Argument<Value>> =>
  Object.fromEntries([
    ...read.arguments.map((spec) => [spec.name, argumentOf(spec)] as const),
    ...read.flags.map((spec) => [spec.name, flagOf(spec)] as const)
  ])

const argumentOf = ({ kind, name, about }: ArgumentSpec): Argument.Argument<Value> => {
  const one = Argument.String(name).pipe(Argument.withDescription(about))
  return kind === "required" ? one : one.pipe(Argument.optional, Argument.map(Option.getOrUndefined))
}

const flagOf = (spec: FlagSpec): Flag.Flag<Value> => {
  switch (spec.kind) {
    case "text":
      return maybe(named(Flag.String(spec.name), spec))
    case "texts":
      return named(Flag.String(spec.name), spec).pipe(Flag.atLeast(0))
    case "whole": {
      const one = named(Flag.Int(spec.name), spec)
      return spec.otherwise === undefined ? maybe(one) : one.pipe(Flag.withDefault(spec.otherwise))
    }
    case "switch":
      return named(Flag.Boolean(spec.name), spec).pipe(Flag.withDefault(false))
  }
}
const named = <A>(flag: Flag.Flag<A>, { alias, about }: FlagSpec): Flag.Flag<A> =>
  (alias === undefined ? flag : Flag.withAlias(flag, alias)).pipe(Flag.withDescription(about))
const maybe = <A>(flag: Flag.Flag<A>) => Flag.optional(flag).pipe(Flag.map(Option.getOrUndefined))
