/**
 * What a task's output says, folded as it comes: pure.
 *
 * Owns: lines → report, and which news are worth an event. Does not own: storing bytes, appending events.
 * Invariants: the fold depends on the bytes alone, never on how they were cut; an event is worth it when a person would want
 * to know (a session, a question, an error), sums only every so often.
 */
import { split, type Splitter, splitterAt, last, unfinished } from "@signalbox/core/tool/lines.ts"
import type { OutputParser, ToolReport } from "@signalbox/core/tool/Tool.ts"

export interface Observed {
  readonly splitter: Splitter
  /** Of whole lines. */
  readonly lines: ToolReport
  /** With the unfinished last line: what a person would see now. */
  readonly report: ToolReport
}

export const nothingObserved = (parser: OutputParser): Observed => ({
  splitter: splitterAt(0),
  lines: parser.initial,
  report: parser.initial
})

export const observe = (parser: OutputParser, before: Observed, chunk: Uint8Array): Observed => {
  const { state, lines } = split(before.splitter, chunk)
  let report = before.lines
  for (const line of lines) report = parser.line(report, line.text).report
  return { splitter: state, lines: report, report: parser.partial(report, unfinished(state)) }
}

/** When the process has ended, the unfinished line is a line, and nobody waits for an answer. */
export const concluded = (parser: OutputParser, observed: Observed): ToolReport => {
  const rest = last(observed.splitter)
  return rest === undefined ? observed.lines : parser.line(observed.lines, rest.text).report
}

/** Sums are told at most this often, milliseconds. */
export const sumsEvery = 10_000

export const worthTelling = (told: ToolReport, now: ToolReport, sinceToldMs: number): boolean =>
  told.sessionId !== now.sessionId ||
  told.model !== now.model ||
  told.waiting !== now.waiting ||
  told.error !== now.error ||
  (sinceToldMs >= sumsEvery &&
    (told.inputTokens !== now.inputTokens || told.outputTokens !== now.outputTokens || told.costUsd !== now.costUsd))
