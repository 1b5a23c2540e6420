/**
 * The stream of `gemini --output-format=stream-json`.
 *
 * Owns: the meaning of its events. Does not own: starting it (`tools.ts`).
 *
 * A message comes in pieces (`delta`), cut anywhere: the pieces since the last tool are the answer, and whole lines of them are
 * shown. Tokens and tool calls: `result.stats` tells the sums of the run; `input_tokens` includes the cached ones. The stream
 * tells neither cost nor turns.
 */
import { describeTool, questionOf } from "./describe.ts"
import { answerOf, count, idOf, object, oneLine, readLine, string } from "./json.ts"
import type { Fields } from "./json.ts"
import { add, lineParser, noteOf, show, summary, unchanged, withFields, without } from "./report.ts"
import type { Step } from "./report.ts"
import type { Shown, ToolReport } from "../Tool.ts"

export const geminiParser = lineParser((report, line) => {
  const event = readLine(line)
  if (event === undefined) return { report, shown: noteOf(line) }
  const next = without(report, "waiting")
  switch (string(event, "type")) {
    case "init": {
      const model = idOf(string(event, "model"))
      return {
        report: withFields(next, { sessionId: idOf(string(event, "session_id")), model }),
        shown: model === undefined ? [] : show("note", `model ${model}`)
      }
    }
    case "message":
      return string(event, "role") === "assistant" ? message(next, event) : unchanged(next)
    case "tool_use":
      return then(closed(next), (report) => toolUse(report, event))
    case "tool_result":
      return then(closed(next), (report) => toolResult(report, event))
    case "error": {
      const text = oneLine(string(event, "message") ?? "an error without a message", 1000)
      const fatal = string(event, "severity") !== "warning"
      return then(closed(next), (report) => ({
        report: fatal ? withFields(report, { error: text }) : report,
        shown: show(fatal ? "error" : "note", text)
      }))
    }
    case "result":
      return then(closed(next), (report) => result(report, event))
    default:
      return unchanged(next)
  }
})

const then = (step: Step, next: (report: ToolReport) => Step): Step => {
  const second = next(step.report)
  return { report: second.report, shown: [...step.shown, ...second.shown] }
}

/** `scratch.pending`: the message at hand is unfinished, and this is its last, unfinished line. */
const message = (report: ToolReport, event: Fields): Step => {
  const piece = string(event, "content") ?? ""
  if (event["delta"] !== true) {
    return then(closed(report), (report) => ({
      report: withFields(report, { answer: answerOf(piece) }),
      shown: show("message", oneLine(piece, 2000))
    }))
  }
  const pending = report.scratch?.["pending"]
  const text = typeof pending === "string" ? pending + piece : piece
  const lines = text.split("\n")
  const rest = lines.pop() ?? ""
  return {
    report: withFields(report, {
      answer: answerOf(typeof pending === "string" ? (report.answer ?? "") + piece : piece),
      // Not cleaned: an escape sequence may be cut by a piece. It is when it is shown.
      scratch: { pending: rest.slice(-4096).toWellFormed().replaceAll("\0", "") }
    }),
    shown: lines.flatMap((line): ReadonlyArray<Shown> => show("message", oneLine(line, 2000)))
  }
}

/** Ends the message at hand. */
const closed = (report: ToolReport): Step => {
  const pending = report.scratch?.["pending"]
  return {
    report: without(report, "scratch"),
    shown: typeof pending === "string" ? show("message", oneLine(pending, 2000)) : []
  }
}

const toolUse = (report: ToolReport, event: Fields): Step => {
  const name = string(event, "tool_name") ?? "tool"
  const input = object(event, "parameters")
  const counted = withFields(report, { toolUses: add(report.toolUses, 1) })
  if (name !== "ask_user") return { report: counted, shown: show("tool", describeTool(name, input)) }
  const waiting = questionOf(input) || "The agent asks a question"
  return { report: withFields(counted, { waiting }), shown: show("question", waiting) }
}

const toolResult = (report: ToolReport, event: Fields): Step => ({
  report,
  shown:
    string(event, "status") === "error"
      ? show(
          "error",
          oneLine(string(object(event, "error"), "message") ?? string(event, "output") ?? "the tool failed")
        )
      : []
})

const result = (report: ToolReport, event: Fields): Step => {
  const stats = object(event, "stats")
  const failed = string(event, "status") === "error"
  const next = withFields(failed ? report : without(report, "error"), {
    inputTokens: count(stats, "input_tokens"),
    outputTokens: count(stats, "output_tokens"),
    cachedTokens: count(stats, "cached"),
    toolUses: count(stats, "tool_calls"),
    error: failed
      ? oneLine(string(object(event, "error"), "message") ?? report.error ?? "the run failed", 1000)
      : undefined
  })
  return { report: next, shown: next.error === undefined ? show("result", summary(next)) : show("error", next.error) }
}
