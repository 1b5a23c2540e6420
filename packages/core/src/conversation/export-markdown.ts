/**
 * A transcript as Markdown. Pure.
 *
 * Invariants: a fence is longer than any run of backticks in it; words of a message stay Markdown, but a fence or HTML block that
 * it leaves open ends with it; control characters are gone.
 */
import { isUncounted, uncountedOf } from "./counted.ts"
import type { Attachment } from "./events.ts"
import type { CallFacts, TranscriptCall, TranscriptEntry } from "./transcript.ts"
import type { ConversationView } from "./view.ts"

export const headInMarkdown = (view: ConversationView, exportedAt: string): string =>
  [
    `# ${oneLine(view.title) || view.conversationId}`,
    "",
    `- Conversation: ${view.conversationId}`,
    `- Model: ${oneLine(view.model)}`,
    `- Begun: ${time(view.createdAt)}`,
    ...(view.forkOf === null ? [] : [`- Fork of: ${view.forkOf.conversationId} at ${view.forkOf.version}`]),
    `- Exported: ${time(exportedAt)}`,
    ...(view.system === null ? [] : ["", "Instructions:", "", fenced(view.system)]),
    "",
    ""
  ].join("\n")

export const entryInMarkdown = (entry: TranscriptEntry): string => {
  switch (entry.kind) {
    case "message":
      return block(`${oneLine(entry.actor)} · ${time(entry.at)}`, [words(entry.text), ...files(entry.attachments)])
    case "copied": {
      const who = entry.role === "user" ? "Person" : oneLine(entry.model ?? "model")
      return block(`${who} · ${time(entry.at)}`, [words(entry.text), ...files(entry.attachments)])
    }
    case "reply": {
      const state = {
        open: " · still being written",
        completed: "",
        failed: " · failed",
        interrupted: " · interrupted"
      }[entry.status]
      return block(
        `${oneLine(entry.model)} · ${time(entry.endedAt ?? entry.at)}${state}${entry.superseded ? " · replaced by a later reply" : ""}`,
        [
          ...entry.steps.flatMap((step) => [words(step.text), ...step.calls.map(tool)]),
          words(entry.text),
          entry.failure === null ? "" : `> ${oneLine(entry.failure.message)}`,
          usage(entry.calls, uncountedOf(entry))
        ]
      )
    }
    case "summary":
      return block(
        `Summary of ${entry.fromVersion} to ${entry.throughVersion} by ${oneLine(entry.call.model)} · ${time(entry.at)}`,
        [words(entry.text), usage([entry.call], isUncounted(entry.call, undefined) ? 1 : 0)]
      )
    case "note":
      return note(entry)
  }
}

const note = ({ at, note: one }: Extract<TranscriptEntry, { readonly kind: "note" }>): string => {
  switch (one._tag) {
    case "started":
      return one.carried
        .map((summary) => block(`Carried over from ${summary.conversationId}`, [words(summary.text)]))
        .join("")
    case "model":
      return `*${time(at)}: the model is now ${oneLine(one.model)}*\n\n`
    case "renamed":
      return `*${time(at)}: renamed to ${oneLine(one.title)}*\n\n`
    case "summary-failed":
      return `*${time(at)}: no summary could be made: ${oneLine(one.message)}*\n\n`
  }
}

const block = (heading: string, parts: ReadonlyArray<string>): string =>
  `## ${heading}\n\n${parts
    .filter((part) => part !== "")
    .map((part) => `${part}\n\n`)
    .join("")}`

const files = (attachments: ReadonlyArray<Attachment>): ReadonlyArray<string> =>
  attachments.map((one) => `Attachment ${code(one.name)}:\n\n${fenced(one.text)}`)

const tool = (call: TranscriptCall): string => {
  const state = { asked: "waits for a yes or no", ready: "approved", refused: "refused", answered: "" }[call.state]
  const answer =
    call.answer === null ? "" : `\n\n${call.answer.isError ? "Failed" : "Answer"}:\n\n${fenced(call.answer.text)}`
  return `Tool ${code(call.name)}${state === "" ? "" : ` (${state})`}:\n\n${fenced(JSON.stringify(call.args, undefined, 2), "json")}${answer}`
}

const usage = (calls: ReadonlyArray<CallFacts>, uncounted: number): string => {
  const counted = calls.flatMap((call) => (call.usage === null ? [] : [call.usage]))
  if (counted.length === 0) return uncounted === 0 ? "" : "*tokens and price unknown*"
  const sum = (pick: (one: (typeof counted)[number]) => number) => counted.reduce((total, one) => total + pick(one), 0)
  const priced = calls.filter((call) => call.usage !== null)
  const cost = priced.some((call) => call.cost === null)
    ? "price unknown"
    : `$${priced.reduce((total, call) => total + (call.cost?.usd ?? 0), 0).toFixed(6)}`
  return `*${sum((one) => one.inputTokens)} tokens in, ${sum((one) => one.outputTokens)} out, ${cost}${uncounted === 0 ? "" : `; of ${uncounted === 1 ? "another call" : `${uncounted} other calls`} unknown`}*`
}

const time = (iso: string): string => `${iso.slice(0, 19).replace("T", " ")} UTC`

// oxlint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/gu
const plain = (text: string): string => text.replaceAll("\r\n", "\n").replace(controls, "")

const oneLine = (text: string): string =>
  plain(text.replaceAll(/\s+/gu, " "))
    .trim()
    .replace(/[\\`*_[\]<>#|]/gu, "\\$&")

const runOf = (text: string): number => Math.max(0, ...[...text.matchAll(/`+/gu)].map(([run]) => run.length))

const fenced = (text: string, language = ""): string => {
  const shown = plain(text)
  const fence = "`".repeat(Math.max(3, runOf(shown) + 1))
  return `${fence}${language}\n${shown}${shown.endsWith("\n") || shown === "" ? "" : "\n"}${fence}`
}

const code = (text: string): string => {
  const shown = plain(text).replaceAll(/\s+/gu, " ")
  const ticks = "`".repeat(runOf(shown) + 1)
  return `${ticks} ${shown} ${ticks}`
}

/** A message's own Markdown, closed at its end; headings stay below those of the document. */
const words = (text: string): string => {
  if (text === "") return ""
  let open = ""
  const lines = plain(text)
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [, fence = "", rest = ""] = /^ {0,3}(`{3,}|~{3,})(.*)$/u.exec(line) ?? []
      if (open !== "") {
        if (fence.startsWith(open) && rest.trim() === "") open = ""
        return line
      }
      if (fence !== "" && !(fence.startsWith("`") && rest.includes("`"))) {
        open = fence
        return line
      }
      return line
        .replace(
          /<(?=[!?]|\/?(?:script|pre|style|textarea|title|noscript|iframe|details|summary|div|table)\b)/giu,
          "&lt;"
        )
        .replace(
          /^( {0,3})(#{1,6})(?=\s)/u,
          (_, indent: string, marks: string) => `${indent}${"#".repeat(Math.min(6, marks.length + 2))}`
        )
        .replace(/^( {0,3})(=+|-+)\s*$/u, "$1\\$2")
    })
  return [...lines, ...(open === "" ? [] : [open])].join("\n")
}
