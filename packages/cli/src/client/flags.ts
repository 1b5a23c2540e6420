/** Flags that several commands share. Declared here once, so that their words and help are the same everywhere. */
import { Effect, Option } from "effect"
import { CliError, Flag } from "effect/cli"
import { parseDuration } from "./time.ts"

/** Absent flags become undefined. */
export const maybe = <A>(flag: Flag.Flag<A>) => Flag.optional(flag).pipe(Flag.map(Option.getOrUndefined))

export const flag = (name: string, description: string) => Flag.String(name).pipe(Flag.withDescription(description))

export const switchOn = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

export const many = (name: string, description: string) => flag(name, description).pipe(Flag.atLeast(0))

export const duration = (name: string, description: string) =>
  flag(name, `${description} (90s, 10m, 2h, 1d)`).pipe(
    Flag.mapEffect((text) => {
      const parsed = parseDuration(text)
      return "value" in parsed
        ? Effect.succeed(parsed.value)
        : Effect.fail(new CliError.InvalidValue({ option: name, value: text, expected: parsed.problem, kind: "flag" }))
    })
  )

/** K=V, repeatable; the last one of a name wins. */
export const env = Flag.KeyValuePair("env").pipe(
  Flag.withDescription("Environment variable NAME=VALUE; repeatable"),
  Flag.withDefault({})
)

/** `--host` and `--server` are the same. */
export const host = Flag.String("host").pipe(Flag.withAlias("server"))
