/**
 * What goes along with an action when it is dispatched: its time, its look before, its guard, its id.
 *
 * Owns: deadlines, the arguments of `before`, which acts are guarded, command ids. Does not own: the catalogue, grants (hub), the agent's
 * receipts.
 * Invariants: pure; the id of a command follows from plan, step, target and purpose, so a worker that takes over makes the same one.
 */
import { Result, Schema } from "effect"
import { type Action } from "../action/Action.ts"
import { catalog, decodeAction, isActionName } from "../action/catalog.ts"
import { isWayIn } from "../action/sensitive.ts"
import { uuidV5 } from "../projection/Reactor.ts"
import type { Purpose } from "./events.ts"
import { type Question, questionKey } from "./conditions.ts"
import { effectOf } from "../action/told.ts"

export type Args = Readonly<Record<string, Schema.Json>>

/** How long a command waits for its agent before it is given up, in milliseconds. */
export const waitMillis = (action: string, purpose: Purpose): number =>
  purpose !== "act" ? 10_000 : effectOf(action) === "reads" ? 20_000 : 5 * 60_000
/** What an answer may take on its way, after the agent's own time limit. */
export const graceMillis = 30_000

export const timeoutOf = (action: string): number => (isActionName(action) ? catalog[action].timeoutMs : 60_000)

/** @param about the question, for a condition */
export const commandIdOf = (
  planId: string,
  step: number,
  targetId: string,
  purpose: Purpose,
  about?: Question
): string =>
  uuidV5(
    JSON.stringify(["step", planId, step, targetId, purpose, ...(about === undefined ? [] : [questionKey(about)])])
  )

/** The read that is looked at before an act, with its arguments; undefined: there is none. */
export const beforeOf = (action: string, args: Args): { readonly action: string; readonly args: Args } | undefined => {
  if (!isActionName(action)) return undefined
  const { before }: Pick<Action<never>, "before"> = catalog[action]
  if (before === undefined) return undefined
  for (const some of [args, beforeArgs[action]?.(args)]) {
    if (some === undefined) continue
    const fitting = decodeAction(before, some)
    if (Result.isSuccess(fitting)) return { action: before, args: { ...fitting.success.args } }
  }
  return undefined
}

const path = (args: Args): Args => ({ path: args["path"] ?? null })
/** Where the act's own arguments do not fit the look. */
const beforeArgs: Readonly<Record<string, (args: Args) => Args | undefined>> = {
  "config.write": path,
  "config.set": path,
  "config.restore": path,
  "config.add-site": () => ({ unit: "nginx.service" }),
  "package.install": ({ names }) =>
    Array.isArray(names) && names.length === 1 ? { text: names[0] ?? null } : undefined,
  "package.update": () => ({})
}

/** Milliseconds until what cuts a host off is restored by itself. */
const guard = 60_000

export const guardOf = (action: string, args: Args): number | undefined => {
  const file = args["path"]
  return action.startsWith("config.") && effectOf(action) === "acts" && typeof file === "string" && isWayIn(file)
    ? guard
    : undefined
}
