/**
 * The stream of `opencode run --format=json`.
 *
 * Owns: the meaning of its events. Does not own: starting it (`tools.ts`).
 *
 * Tokens and cost: every `step_finish` tells its own step, so they are summed; `input` is fresh input, cache reads and writes
 * are told beside it, and reasoning beside output: the report has all of each. A turn is a step. Permission is never waited
 * for: without --auto it is rejected at once, and `done` lists what was.
 */
import { describeTool } from "./describe.ts"
import { amount, answerOf, count, idOf, object, oneLine, readLine, string, strings } from "./json.ts"
import type { Fields } from "./json.ts"
import { add, lineParser, noteOf, show, summary, unchanged, withFields, without } from "./report.ts"
import type { Step } from "./report.ts"
import type { ToolReport } from "../Tool.ts"

export const opencodeParser = lineParser((report, line) => {
  const event = readLine(line)
  if (event === undefined) return { report, shown: noteOf(line) }
  const next = withFields(without(report, "waiting"), { sessionId: idOf(string(event, "sessionID")) })
  const part = object(event, "part")
  switch (string(event, "type")) {
    case "step_start":
      return unchanged(without(next, "scratch"))
    case "text": {
      const text = string(part, "text") ?? ""
      // Several texts of one step are one answer.
      const answer = next.scratch?.["said"] === true && next.answer !== undefined ? `${next.answer}\n${text}` : text
      return {
        report: withFields(next, { answer: answerOf(answer), scratch: { said: true } }),
        shown: show("message", oneLine(text, 2000))
      }
    }
    case "tool_use":
      return toolUse(next, part)
    case "step_finish":
      return unchanged(stepFinish(next, part))
    case "error": {
      const error = oneLine(failure(event), 1000)
      return { report: withFields(next, { error }), shown: show("error", error) }
    }
    case "done": {
      const rejected = strings(event, "rejected").map((one) => oneLine(one, 80))
      const done = without(next, "scratch")
      return {
        report: done,
        shown: [
          ...(rejected.length === 0
            ? []
            : show("note", `rejected, because nobody could be asked: ${rejected.join(", ")}`)),
          ...show("result", summary(done))
        ]
      }
    }
    default:
      return unchanged(next)
  }
})

const toolUse = (report: ToolReport, part: Fields | undefined): Step => {
  const state = object(part, "state")
  const line = describeTool(string(part, "tool") ?? "tool", object(state, "input"))
  return {
    report: withFields(report, { toolUses: add(report.toolUses, 1) }),
    shown: [
      ...show("tool", line),
      ...(string(state, "status") === "error"
        ? show("error", oneLine(string(state, "error") ?? "the tool failed"))
        : [])
    ]
  }
}

const stepFinish = (report: ToolReport, part: Fields | undefined): ToolReport => {
  const tokens = object(part, "tokens")
  const cache = object(tokens, "cache")
  const cached = count(cache, "read")
  return withFields(report, {
    turns: add(report.turns, 1),
    inputTokens: add(report.inputTokens, add(count(tokens, "input"), add(cached, count(cache, "write")))),
    outputTokens: add(report.outputTokens, add(count(tokens, "output"), count(tokens, "reasoning"))),
    cachedTokens: add(report.cachedTokens, cached),
    // Sums of decimal fractions: rounded, or $0.30000000000000004 is told.
    costUsd: sum(report.costUsd, amount(part, "cost"))
  })
}

const sum = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined && b === undefined ? undefined : Math.round(((a ?? 0) + (b ?? 0)) * 1e9) / 1e9

const failure = (event: Fields): string => {
  const error = object(event, "error")
  return (
    string(object(error, "data"), "message") ??
    string(error, "message") ??
    string(error, "name") ??
    string(event, "error") ??
    "an error without a message"
  )
}
