/**
 * Secrets of a task: the variables that it takes from the worker's own environment (`envFrom`).
 *
 * Owns: reading them, and taking their values out of what a tool said before that becomes an event. Does not own: the output
 * itself, which is kept byte for byte, nor secrets that only the tool knows.
 * Invariant: the shape of a report is kept; a variable that is not set here hides nothing.
 */
import { Config, Effect, Option, type Schema } from "effect"
import { makeSecretSet, Secrets } from "@signalbox/core/config/secret.ts"
import type { ToolReport } from "@signalbox/core/tool/Tool.ts"

export const variable = (name: string) => Config.option(Config.String(name))

/** From a report to one without the values of these variables and of what this process keeps secret. */
export const reportScrubber = (names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const known = yield* Secrets
    const values = yield* Effect.forEach(names, (name) =>
      Effect.catch(variable(name), () => Effect.succeed(Option.none<string>()))
    )
    const own = makeSecretSet(values.flatMap((value) => (Option.isSome(value) ? [value.value] : [])))
    const scrub = (text: string): string => known.scrub(own.scrub(text))
    return (report: ToolReport): ToolReport => ({
      ...report,
      ...(report.answer === undefined ? {} : { answer: scrub(report.answer) }),
      ...(report.error === undefined ? {} : { error: scrub(report.error) }),
      ...(report.waiting === undefined ? {} : { waiting: scrub(report.waiting) }),
      ...(report.scratch === undefined
        ? {}
        : {
            scratch: Object.fromEntries(
              Object.entries(report.scratch).map(([name, value]) => [name, inside(value, scrub)])
            )
          })
    })
  })

const inside = (value: Schema.Json, scrub: (text: string) => string): Schema.Json => {
  if (typeof value === "string") return scrub(value)
  if (value === null || typeof value !== "object") return value
  if (Array.isArray(value)) return value.map((one: Schema.Json) => inside(one, scrub))
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, inside(one, scrub)]))
}
