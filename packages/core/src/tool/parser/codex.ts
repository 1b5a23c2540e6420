/**
 * The stream of `codex exec --json`.
 *
 * Owns: the meaning of its events. Does not own: starting it (`tools.ts`).
 *
 * Tokens: `turn.completed` tells the total of the thread so far, so the last one counts; a resumed thread counts from its
 * beginning. `input_tokens` includes the cached ones. The stream tells neither model nor cost.
 */
import { describeTool, questionOf, unwrapped } from "./describe.ts"
import { answerOf, count, idOf, object, objects, oneLine, raw, readLine, string } from "./json.ts"
import type { Fields } from "./json.ts"
import { add, lineParser, noteOf, show, summary, unchanged, withFields, without } from "./report.ts"
import type { Step } from "./report.ts"
import type { ToolReport } from "../Tool.ts"

export const codexParser = lineParser((report, line) => {
  const event = readLine(line)
  if (event === undefined) return { report, shown: noteOf(line) }
  const next = without(report, "waiting")
  switch (string(event, "type")) {
    case "thread.started":
      return unchanged(withFields(next, { sessionId: idOf(string(event, "thread_id")) }))
    case "item.started":
      return started(next, object(event, "item"))
    case "item.completed":
      return completed(next, object(event, "item"))
    case "turn.completed": {
      const usage = object(event, "usage")
      // A lost connection that was mended is told as `error`, too: a completed turn takes it back.
      const done = withFields(without(next, "error", "scratch"), {
        inputTokens: count(usage, "input_tokens"),
        outputTokens: count(usage, "output_tokens"),
        cachedTokens: count(usage, "cached_input_tokens"),
        turns: add(next.turns, 1)
      })
      return { report: done, shown: show("result", summary(done)) }
    }
    case "turn.failed":
      return failed(next, string(object(event, "error"), "message") ?? "the turn failed")
    case "error":
      return failed(next, string(event, "message") ?? "an error without a message")
    case "request_user_input": {
      const waiting = questionOf(event) || "The agent asks a question"
      return { report: withFields(next, { waiting }), shown: show("question", waiting) }
    }
    default:
      return unchanged(next)
  }
})

const failed = (report: ToolReport, message: string): Step => {
  const error = oneLine(message, 1000)
  return { report: withFields(report, { error }), shown: report.error === error ? [] : show("error", error) }
}

/** Items that are told when they begin and again when they end. */
const started = (report: ToolReport, item: Fields | undefined): Step => {
  const line = beginning(item)
  if (line === undefined) return unchanged(report)
  const id = string(item, "id") ?? ""
  return {
    report: withFields(report, {
      toolUses: add(report.toolUses, 1),
      scratch: { open: [...open(report), id].slice(-64) }
    }),
    shown: show("tool", line)
  }
}

const open = (report: ToolReport): ReadonlyArray<string> => {
  const ids = report.scratch?.["open"]
  return Array.isArray(ids) ? ids.filter((one) => typeof one === "string") : []
}

const beginning = (item: Fields | undefined): string | undefined => {
  switch (string(item, "type")) {
    case "command_execution":
      return oneLine(`Run ${unwrapped(string(item, "command") ?? "")}`)
    case "mcp_tool_call":
      return describeTool(
        `mcp__${string(item, "server") ?? "server"}__${string(item, "tool") ?? "tool"}`,
        object(item, "arguments")
      )
    case "web_search":
      return describeTool("web_search", item)
    default:
      return undefined
  }
}

const completed = (report: ToolReport, item: Fields | undefined): Step => {
  const text = string(item, "text") ?? ""
  switch (string(item, "type")) {
    case "agent_message":
      return { report: withFields(report, { answer: answerOf(text) }), shown: show("message", oneLine(text, 2000)) }
    case "command_execution":
    case "mcp_tool_call":
    case "web_search":
      return ended(report, item)
    case "file_change": {
      const changes = objects(item, "changes")
      return {
        report: withFields(report, { toolUses: add(report.toolUses, 1) }),
        shown: [
          ...changes
            .slice(0, 50)
            .flatMap((one) => show("tool", oneLine(`${verbOf(one)} ${string(one, "path") ?? "a file"}`))),
          ...(string(item, "status") === "failed" ? show("error", "the change could not be applied") : [])
        ]
      }
    }
    case "error":
      return { report, shown: show("note", oneLine(string(item, "message") ?? "")) }
    default:
      return unchanged(report)
  }
}

const verbOf = (change: Fields): string =>
  ({ add: "Write", delete: "Delete", update: "Edit" })[string(change, "kind") ?? ""] ?? "Change"

const ended = (report: ToolReport, item: Fields | undefined): Step => {
  const id = string(item, "id") ?? ""
  const known = open(report).includes(id)
  const first = known ? unchanged(report) : started(report, item)
  const left = open(first.report).filter((one) => one !== id)
  const code = raw(item, "exit_code")
  const status = string(item, "status")
  const problem =
    string(object(item, "error"), "message") ??
    (status === "declined"
      ? "declined"
      : status === "failed"
        ? typeof code === "number"
          ? `exit ${code}`
          : "failed"
        : undefined)
  return {
    report:
      left.length === 0 ? without(first.report, "scratch") : withFields(first.report, { scratch: { open: left } }),
    shown: [
      ...first.shown,
      ...(problem === undefined ? [] : show("error", oneLine(`${beginning(item) ?? "tool"}: ${problem}`)))
    ]
  }
}
