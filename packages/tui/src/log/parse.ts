/**
 * The parser of an agent's structured output, as the log wants it: lines in, what a person reads out.
 *
 * Owns: keeping the parser's state from line to line. Does not own: the formats (core's tool room).
 * Invariant: plain text, which a terminal shows, too, has no parser: its lines are shown as they are.
 */
import type { TaskView } from "@signalbox/core/task/view.ts"
import { isInteractive } from "@signalbox/core/tool/interactive.ts"
import { parsers } from "@signalbox/core/tool/parser/parsers.ts"
import type { OutputFormat } from "@signalbox/core/tool/Tool.ts"
import type { Parse } from "./lines.ts"

const isFormat = (format: string): format is OutputFormat => Object.hasOwn(parsers, format)

export const parseOf = (format: string | undefined, params: TaskView["params"] = {}): Parse | undefined => {
  if (format === undefined || isInteractive(params) || format === "text" || !isFormat(format)) return undefined
  const parser = parsers[format]
  let report = parser.initial
  return (line) => {
    const next = parser.line(report, line)
    report = next.report
    return next.shown
  }
}
