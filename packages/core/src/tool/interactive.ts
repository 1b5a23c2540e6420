/**
 * Tasks that run on a terminal of their own, which people join and type into.
 *
 * Owns: the parameter that asks for it and what it means for reading the output. Does not own: which tools take it
 * (`tools.ts`, `userTool.ts`), the terminal (worker).
 * Invariant: the name is reserved: no tool has a parameter of another meaning under it.
 */
import type { Schema } from "effect"
import { type Flag, onOff, silent } from "./flags.ts"
import type { OutputFormat } from "./Tool.ts"

export const interactiveName = "interactive"

export const interactiveFlag: Flag = silent(
  onOff("", "Run on a terminal of its own: task attach joins it, task message types into it; output is what it shows.")
)

export const isInteractive = (params: Readonly<Record<string, Schema.Json>>): boolean =>
  params[interactiveName] === true

/** A terminal shows text, whatever the tool's stream would be. */
export const formatOf = (format: OutputFormat, params: Readonly<Record<string, Schema.Json>>): OutputFormat =>
  isInteractive(params) ? "text" : format
