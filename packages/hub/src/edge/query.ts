/** Query parameters of raw routes: one value each, decoded, or one sentence why not. */
import { Effect } from "effect"
import { Invalid } from "@signalbox/core/api/problems.ts"

type Given = string | ReadonlyArray<string> | undefined

export const oneOf = (name: string, given: Given): Effect.Effect<string | undefined, Invalid> => {
  if (given === undefined || typeof given === "string")
    return (given ?? "").length > 512
      ? Effect.fail(new Invalid({ detail: `${name} is longer than 512 characters.` }))
      : Effect.succeed(given === "" ? undefined : given)
  return Effect.fail(new Invalid({ detail: `${name} may be given once only.` }))
}

export const wholeNumber = (name: string, given: Given): Effect.Effect<number | undefined, Invalid> =>
  Effect.flatMap(oneOf(name, given), (text) => {
    if (text === undefined) return Effect.succeed(undefined)
    return /^\d{1,15}$/.test(text)
      ? Effect.succeed(Number(text))
      : Effect.fail(new Invalid({ detail: `${name} must be a whole number, not "${text.slice(0, 40)}".` }))
  })
