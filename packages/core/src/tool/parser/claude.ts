/**
 * The stream of `claude --print --output-format=stream-json`, and of programs that speak the same (qwen).
 *
 * Owns: the meaning of its events. Does not own: starting it (`tools.ts`).
 *
 * Tokens: every `assistant` line repeats the usage of its API message, once per content block, so while it runs the usage is
 * summed over message ids; the final `result` tells the sum over the run, and that replaces ours. Claude counts cached input
 * beside `input_tokens`, Qwen inside: the report has all input, so for Claude the three are added.
 */
import { describeTool, questionOf } from "./describe.ts"
import { amount, answerOf, count, idOf, object, objects, oneLine, readLine, string, strings, textOf } from "./json.ts"
import type { Fields } from "./json.ts"
import { add, lineParser, noteOf, show, summary, unchanged, withFields, without } from "./report.ts"
import type { Step } from "./report.ts"
import type { OutputParser, Shown, ToolReport } from "../Tool.ts"

export const makeClaudeParser = (options: { readonly inputIncludesCache: boolean }): OutputParser =>
  lineParser((report, line) => {
    const event = readLine(line)
    if (event === undefined) return { report, shown: noteOf(line) }
    const named = withFields(report, { sessionId: idOf(string(event, "session_id")) })
    switch (string(event, "type")) {
      case "system":
        return system(named, event)
      case "assistant":
        return assistant(answered(named), event, options.inputIncludesCache)
      case "user":
        return user(answered(named), event)
      case "stream_event":
      case "control_cancel_request":
      case "control_response":
        return unchanged(answered(named))
      case "control_request":
        return controlRequest(named, event)
      case "result":
        return result(answered(named), event, options.inputIncludesCache)
      default:
        return unchanged(named)
    }
  })

export const claudeParser = makeClaudeParser({ inputIncludesCache: false })

/** Whatever the agent does next, the question is no longer open. */
const answered = (report: ToolReport): ToolReport => without(report, "waiting")

const system = (report: ToolReport, event: Fields): Step => {
  const model = idOf(string(event, "model"))
  const subtype = string(event, "subtype")
  const next = withFields(report, { model })
  if (subtype === "init" || subtype === "session_start") {
    return { report: next, shown: model === undefined ? [] : show("note", `model ${model}`) }
  }
  return { report: next, shown: subtype === "compact_boundary" ? show("note", "the conversation was compacted") : [] }
}

const assistant = (report: ToolReport, event: Fields, inputIncludesCache: boolean): Step => {
  const message = object(event, "message")
  const nested = string(event, "parent_tool_use_id") !== undefined
  const model = string(message, "model")
  let next = withFields(usage(report, message, inputIncludesCache), {
    model: report.model ?? (model === "<synthetic>" ? undefined : idOf(model))
  })
  const shown: Array<Shown> = []
  for (const block of objects(message, "content")) {
    const text = string(block, "text")
    switch (string(block, "type")) {
      case "text":
        if (text === undefined || text.trim() === "") break
        shown.push(...show("message", oneLine(text, 2000)))
        // Until `result` tells the answer, the last message stands for it: a killed run has one, too.
        if (!nested) next = withFields(next, { answer: answerOf(text) })
        break
      case "tool_use": {
        const name = string(block, "name") ?? "tool"
        const input = object(block, "input")
        next = withFields(next, { toolUses: add(next.toolUses, 1) })
        if (isQuestion(name)) {
          const question = questionOf(input)
          next = withFields(next, { waiting: question === "" ? "The agent asks a question" : question })
          shown.push(...show("question", question))
        } else shown.push(...show("tool", describeTool(name, input)))
        break
      }
      default:
    }
  }
  return { report: next, shown }
}

const isQuestion = (name: string): boolean => /^(?:AskUserQuestion|ask_user_question|ask_user)$/u.test(name)

/** The usage of one API message, counted once however many lines repeat it (with growing numbers). */
const usage = (report: ToolReport, message: Fields | undefined, inputIncludesCache: boolean): ToolReport => {
  const told = object(message, "usage")
  if (told === undefined) return report
  const id = string(message, "id") ?? ""
  const now = tokens(told, inputIncludesCache)
  const same = id !== "" && report.scratch?.["message"] === id
  const before = (name: string): number =>
    same && typeof report.scratch?.[name] === "number" ? report.scratch[name] : 0
  return withFields(report, {
    inputTokens: add(report.inputTokens, now.input - before("input")),
    outputTokens: add(report.outputTokens, now.output - before("output")),
    cachedTokens: add(report.cachedTokens, now.cached - before("cached")),
    scratch: { message: id.slice(0, 256).toWellFormed().replaceAll("\0", ""), ...now }
  })
}

const tokens = (told: Fields, inputIncludesCache: boolean) => {
  const cached = count(told, "cache_read_input_tokens") ?? 0
  const made = count(told, "cache_creation_input_tokens") ?? 0
  const input = count(told, "input_tokens") ?? 0
  return {
    input: inputIncludesCache ? input : input + cached + made,
    output: count(told, "output_tokens") ?? 0,
    cached
  }
}

const user = (report: ToolReport, event: Fields): Step => ({
  report,
  shown: objects(object(event, "message"), "content")
    .filter((block) => string(block, "type") === "tool_result" && block["is_error"] === true)
    .flatMap((block) => show("error", oneLine(textOf(block, "content") ?? "the tool failed")))
})

const controlRequest = (report: ToolReport, event: Fields): Step => {
  const request = object(event, "request")
  if (string(request, "subtype") !== "can_use_tool") return unchanged(report)
  const name = string(request, "tool_name") ?? "a tool"
  const input = object(request, "input")
  const waiting = isQuestion(name) ? questionOf(input) : `May it? ${describeTool(name, input)}`
  return { report: withFields(report, { waiting }), shown: show("question", waiting) }
}

const result = (report: ToolReport, event: Fields, inputIncludesCache: boolean): Step => {
  const subtype = string(event, "subtype") ?? ""
  // `is_error` decides: an API error comes as subtype "success".
  const failed = event["is_error"] === true || subtype.startsWith("error")
  const told = object(event, "usage")
  const text = string(event, "result")
  const sums = told === undefined ? undefined : tokens(told, inputIncludesCache)
  const next = withFields(failed ? report : without(report, "error"), {
    answer: text === undefined || (failed && report.answer !== undefined) ? undefined : answerOf(text),
    inputTokens: sums?.input,
    outputTokens: sums?.output,
    cachedTokens: sums?.cached,
    costUsd: amount(event, "total_cost_usd"),
    turns: count(event, "num_turns"),
    error: failed ? failure(event, subtype, text) : undefined
  })
  const denials = objects(event, "permission_denials").map(
    (one) => `denied: ${describeTool(string(one, "tool_name") ?? "a tool", object(one, "tool_input"))}`
  )
  return {
    report: without(next, "scratch"),
    shown: [
      ...denials.slice(0, 20).flatMap((text) => show("note", oneLine(text))),
      ...(next.error === undefined ? show("result", summary(next)) : show("error", next.error))
    ]
  }
}

const limits: Readonly<Record<string, string>> = {
  error_max_turns: "the limit of turns was reached",
  error_max_budget_usd: "the budget was used up",
  error_max_structured_output_retries: "the answer did not fit its schema",
  error_during_execution: "the run failed"
}

const failure = (event: Fields, subtype: string, text: string | undefined): string => {
  const error = object(event, "error")
  const told = string(error, "message") ?? strings(event, "errors").join("; ")
  const limit = Object.hasOwn(limits, subtype) ? limits[subtype] : undefined
  const parts = [limit, told === "" ? text : told].filter((part) => part !== undefined && part.trim() !== "")
  return oneLine(parts.length === 0 ? `the run failed (${subtype || "no reason told"})` : parts.join(": "), 1000)
}
