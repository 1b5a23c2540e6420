/**
 * Programs that print text for people: crush, blackbox, ollama, shell.
 *
 * Owns: the tail of the output as the answer, and seeing that an unfinished last line asks a person. Does not own: success,
 * which is the exit code's.
 * Invariants: only the unfinished line is ever taken for a question, and only when it looks like one beyond doubt; any further
 * output takes the question back.
 */
import { clean, oneLine } from "./json.ts"
import { withFields, without } from "./report.ts"
import type { OutputParser } from "../Tool.ts"

/** Characters; the report is stored with every batch of output, so it stays small. The log has the whole. */
export const tailLimit = 16 * 1024

/** What is kept when the limit is passed: half, so that a million lines do not copy the whole a million times. */
const keptTail = tailLimit / 2

export const textParser: OutputParser = {
  initial: {},
  line: (report, line) => {
    const text = clean(line.length > tailLimit * 4 ? line.slice(-tailLimit * 4) : line).replaceAll("\n", " ")
    const answer = report.answer === undefined ? text : `${report.answer}\n${text}`
    return {
      report: withFields(without(report, "waiting"), { answer: tail(answer) }),
      // An empty line is a line of the output, too.
      shown: [{ kind: "message", text: text.length > 2000 ? `${text.slice(0, 1999).toWellFormed()}…` : text }]
    }
  },
  partial: (report, text) => {
    const asked = questionIn(text)
    return asked === undefined ? without(report, "waiting") : withFields(report, { waiting: asked })
  }
}

/** Whole lines from the end. */
const tail = (text: string): string => {
  if (text.length <= tailLimit) return text
  const cut = text.slice(-keptTail)
  const start = cut.indexOf("\n")
  return (start === -1 ? cut : cut.slice(start + 1)).toWellFormed()
}

const choices = /[([]\s*(?:y(?:es)?\s*\/\s*n(?:o)?(?:\s*\/[^)\]]{1,20})?)\s*[)\]]\s*[:?>]?\s*$/iu

/** Each is the end, or nearly the end, of a line that waits; the start alone would fit ordinary prose. */
const questions: ReadonlyArray<RegExp> = [
  choices,
  /\b(?:do you want to|would you like to|are you sure)\b[^.!]{0,200}\?\s*(?:[([][^)\]]{1,40}[)\]])?\s*[:>]?\s*$/iu,
  /\b(?:password|passphrase)\b[^!?]{0,160}:\s*$/iu,
  /\b(?:press|hit)\s+(?:\[?enter\]?|\[?return\]?|any key)(?:\s+(?:to|when|for)\b[^.!?]{0,60})?[.:…\s]{0,8}$/iu,
  /\b(?:continue|proceed|overwrite|confirm)\?\s*(?:[([][^)\]]{1,40}[)\]])?\s*[:>]?\s*$/iu,
  /^(?:enter|type|select|choose)\b[^.!?]{1,120}:\s*$/iu,
  /\(yes\/no(?:\/\[fingerprint\])?\)\?\s*$/iu
]

/** The question that an unfinished line asks; undefined when it is only unfinished. */
export const questionIn = (line: string): string | undefined => {
  // A progress bar rewrites its line: what follows the last carriage return is what stands there.
  const text = clean(line.slice(-2000)).split("\n").at(-1)?.trimStart() ?? ""
  if (text.trim() === "" || text.length > 400) return undefined
  return questions.some((one) => one.test(text)) ? oneLine(text, 300) : undefined
}
