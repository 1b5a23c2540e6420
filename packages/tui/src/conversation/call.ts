/**
 * A tool call as data: what would run, exactly as it would run.
 *
 * Owns: drawing names and values. Does not own: deciding (`act.ts`), running (worker).
 * Invariants: what a person is asked to approve is shown whole; a character that a terminal would hide or obey is shown as its
 * number, for what cannot be seen cannot be approved.
 */
import type { TranscriptCall } from "@signalbox/core/conversation/transcript.ts"
import type { Row, Style } from "../row.ts"
import { say } from "../row.ts"
import { clean, width } from "../text.ts"
import { broken } from "./flow.ts"

const hidden = /[\p{Cc}\p{Cs}\p{Cf}\p{Me}\p{Variation_Selector}\p{Emoji_Modifier}\u2028\u2029\u{e0000}-\u{e0fff}]/gu

/** Every character is seen; line breaks stay. */
export const visible = (text: string): string =>
  text.replace(hidden, (one) => (one === "\n" ? one : `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`))

const text = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value, undefined, 2) ?? String(value))

const fields = (args: unknown): ReadonlyArray<readonly [string, string]> =>
  typeof args === "object" && args !== null && !Array.isArray(args)
    ? Object.entries(args).map(
        ([name, value]) => [visible(name).replaceAll("\n", "\\n"), visible(text(value))] as const
      )
    : [["", visible(text(args))]]

/** `name  value` with the value broken over as many rows as it takes. */
export const callRows = (call: Pick<TranscriptCall, "name" | "args">, columns: number): ReadonlyArray<Row> => {
  const all = fields(call.args)
  if (all.length === 0) return [[say("  nothing is given to it", { dim: true })]]
  const names = Math.min(16, Math.max(0, ...all.map(([name]) => width(name))))
  const room = Math.max(4, columns - names - 3)
  return all.flatMap(([name, value]): ReadonlyArray<Row> => {
    const rows = value.split("\n").flatMap((line) => broken(line, room))
    const heads = broken(name, Math.max(1, names))
    return Array.from({ length: Math.max(rows.length, heads.length) }, (_, i): Row => {
      const head = heads[i] ?? ""
      return [say(`  ${head}${" ".repeat(Math.max(0, names - width(head)))} `, { dim: true }), say(rows[i] ?? "")]
    })
  })
}

/** Rows that the question about a call may take in a pane. */
export const callRoom = (paneRows: number): number => Math.max(2, Math.floor(paneRows / 2))

/** One row for a call that is decided. */
export const callLine = (call: TranscriptCall, columns: number): Row => {
  const state = states[call.state === "answered" && call.answer?.isError === true ? "error" : call.state]
  const args = (call.state === "asked" ? [] : fields(call.args))
    .map(([name, value]) => `${name} ${value.slice(0, 200).replaceAll("\n", "⏎")}`)
    .join(" · ")
  const head = `${clean(visible(call.name))} `
  const room = Math.max(0, columns - width(head) - 2 - (state.word === "" ? 0 : state.word.length + 2))
  const [shown = ""] = broken(args, Math.max(1, room - 1))
  return [
    say(`${state.glyph} `, state.style),
    say(head, { bold: true }),
    say(shown.length < args.length ? `${shown}…` : shown, { dim: true }),
    ...(state.word === "" ? [] : [say(`  ${state.word}`, state.style)])
  ]
}

const states: Readonly<
  Record<TranscriptCall["state"] | "error", { readonly glyph: string; readonly word: string; readonly style: Style }>
> = {
  asked: { glyph: "?", word: "waits for a yes or no", style: { color: "yellow" } },
  ready: { glyph: "▸", word: "running", style: { color: "cyan" } },
  refused: { glyph: "✗", word: "refused", style: { color: "magenta" } },
  answered: { glyph: "✓", word: "", style: { color: "green" } },
  error: { glyph: "✗", word: "failed", style: { color: "red" } }
}
