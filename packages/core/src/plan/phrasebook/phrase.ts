/**
 * What a phrase is, and a row of the tables in which phrases stand.
 *
 * Owns: the shape. Does not own: the phrases (`said-*.ts`), finding them by their first word (`phrases.ts`).
 */
import type { Schema } from "effect"
import type { ActionName } from "../../action/catalog.ts"
import type { Batch } from "../plan.ts"
import type { Pattern } from "./pattern.ts"

type Values = { readonly [name: string]: Schema.Json }
export interface Phrase {
  readonly action: ActionName
  readonly pattern: Pattern
  /** Fixed arguments. */
  readonly args: Values
  /** What is done after it with the same arguments. */
  readonly after?: ActionName
  /** What the phrase itself says of it. */
  readonly batch?: Batch
}

export type Row = readonly [
  action: ActionName,
  phrases: ReadonlyArray<string>,
  args?: Values,
  more?: Pick<Phrase, "after" | "batch">
]

export const show =
  "(show|show me|let me see|get|get me|give me|tell me|display|print|list|read|fetch|see|what are|what is|check)"
export const logs = "(show|show me|let me see|get|get me|give me|display|print|tail|read|fetch|see|check|search)"
export const os =
  "(os|os version|operating system|kernel|kernel version|distribution|distro|release|linux|linux version|version of linux|version of debian|version of ubuntu|debian version|ubuntu version|debian|ubuntu)"
