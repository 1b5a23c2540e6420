/**
 * The entries of a conversation as rows.
 *
 * Owns: how messages, replies, summaries and notes look. Does not own: Markdown, which rows are seen (`place.ts`).
 * Invariants: what a person wrote is shown as it was written; what a model wrote as Markdown; an entry is drawn once for a
 * width, for the fold keeps what did not change; only the open reply is drawn again, and of it only its last part.
 */
import type { ReplyEntry, TranscriptEntry, TranscriptStep } from "@signalbox/core/conversation/transcript.ts"
import { bytes, clock, duration, many } from "../format.ts"
import { type Row, type Style, say, said, spread } from "../row.ts"
import { oneLine, width } from "../text.ts"
import { callLine, callRows } from "./call.ts"
import { flow } from "./flow.ts"
import { markdown } from "./markdown.ts"
import type { Blocks } from "./place.ts"
import { Streaming } from "./streaming.ts"
import { liveText, type Talk } from "./talk.ts"
import { fitting, modelName, replySpent } from "./words.ts"

/** Text stands below its speaker, two columns in. */
const indent = 2
/** Longer lines are hard to read. */
const widest = 120

export const blocksOf = (talk: Talk, columns: number, now: number): Blocks => {
  const { entries } = talk
  const room = Math.min(columns, widest)
  return {
    count: entries.length,
    keyAt: (index) => {
      const entry = entries[index]
      return entry === undefined
        ? ""
        : entry.kind === "copied"
          ? `${entry.version}.${entry.nth}`
          : String(entry.version)
    },
    rowsAt: (index) => {
      const entry = entries[index]
      if (entry === undefined) return []
      return entry.kind === "reply" && entry.status === "open" ? openRows(talk, entry, room, now) : drawn(entry, room)
    }
  }
}

const cache = new WeakMap<object, { readonly columns: number; readonly rows: ReadonlyArray<Row> }>()

const once = <A extends object>(
  thing: A,
  columns: number,
  draw: (thing: A, columns: number) => ReadonlyArray<Row>
): ReadonlyArray<Row> => {
  const known = cache.get(thing)
  if (known?.columns === columns) return known.rows
  const rows = draw(thing, columns)
  cache.set(thing, { columns, rows })
  return rows
}

/** With a blank row below. */
const drawn = (entry: TranscriptEntry, columns: number): ReadonlyArray<Row> => once(entry, columns, entryRows)

const inside = (rows: ReadonlyArray<Row>): ReadonlyArray<Row> =>
  rows.map((row) => (row.length === 0 ? row : [say(" ".repeat(indent)), ...row]))

const entryRows = (entry: TranscriptEntry, columns: number): ReadonlyArray<Row> => {
  const room = columns - indent
  switch (entry.kind) {
    case "message":
    case "copied": {
      const files = entry.attachments.map((file): Row => [
        say("▫ ", { dim: true }),
        said(`${oneLine(file.name, 60)} · ${bytes(file.text.length)}`, Math.max(1, room - 2), { dim: true })
      ])
      const mine = entry.kind === "message" || entry.role === "user"
      const who =
        entry.kind === "message"
          ? entry.actor
          : mine
            ? "said before"
            : entry.model === null
              ? "model"
              : modelName(entry.model)
      const body = mine ? flow([{ text: entry.text, style: {} }], room) : markdown(entry.text, room)
      return [
        speaker(mine ? "▌" : "◆", who, mine ? "cyan" : "green", [clock(entry.at)], columns),
        ...inside([...body, ...files]),
        []
      ]
    }
    case "reply":
      return replyRows(entry, columns)
    case "summary":
      return [
        [
          say("≡ ", { color: "magenta" }),
          said(`summary of everything above, ${reasons[entry.reason]}`, Math.max(1, columns - 2), { dim: true })
        ],
        ...inside(markdown(entry.text, room).map((row) => row.map((span) => ({ ...span, dim: true })))),
        []
      ]
    case "note":
      return noteRows(entry.note, columns)
  }
}

const reasons = {
  window: "because the model's window filled up",
  size: "because it had grown long",
  person: "as it was asked for"
} as const

const noteRows = (
  note: Extract<TranscriptEntry, { readonly kind: "note" }>["note"],
  columns: number
): ReadonlyArray<Row> => {
  const line = (text: string, style: Style = { dim: true }): ReadonlyArray<Row> => [
    ...flow([{ text: `· ${text}`, style }], columns),
    []
  ]
  switch (note._tag) {
    case "started": {
      const parts = [
        ...(note.system === null ? [] : [`told to be: ${oneLine(note.system, 400)}`]),
        ...(note.carried.length === 0 ? [] : [`knows ${many(note.carried.length, "earlier conversation")} by summary`])
      ]
      return parts.flatMap((text) => line(text))
    }
    case "model":
      return line(`goes on with ${note.model}`)
    case "renamed":
      return line(`is called ${oneLine(note.title, 300)} now`)
    case "summary-failed":
      return line(`no summary: ${note.message}`, { color: "yellow" })
  }
}

const speaker = (
  glyph: string,
  name: string,
  color: "cyan" | "green" | "gray",
  facts: ReadonlyArray<string>,
  columns: number
): Row => {
  const who = oneLine(name, columns)
  // The name first: of the facts as many as it leaves room for.
  const told = fitting(facts, Math.max(8, columns - width(who) - 5))
  const right: Row = [say(` ${told}`, { dim: true })]
  return spread([say(`${glyph} `, { color }), { ...say(who), color, bold: true }], right, columns)
}

const ends = {
  failed: { glyph: "✗", word: "failed", style: { color: "red" } },
  interrupted: { glyph: "↯", word: "interrupted", style: { color: "yellow" } }
} as const satisfies Record<string, { readonly glyph: string; readonly word: string; readonly style: Style }>

const replyRows = (reply: ReplyEntry, columns: number): ReadonlyArray<Row> => {
  const room = columns - indent
  const facts = [clock(reply.at), ...replySpent(reply)]
  if (reply.superseded) return [...replaced(reply, columns), []]
  const body = [
    ...reply.steps.flatMap((step) => stepRows(step, room)),
    ...(reply.text === "" ? [] : markdown(reply.text, room))
  ]
  const stops = {
    length: "cut: the model stopped at its limit of length; ask it to go on",
    safety: "stopped by the provider's safety rules",
    other: "stopped for a reason that the provider did not give",
    end: undefined,
    tools: undefined
  }
  const stop = reply.stop === null ? undefined : stops[reply.stop]
  const tail: ReadonlyArray<Row> =
    reply.status === "failed" || reply.status === "interrupted"
      ? ended(reply, reply.status, body.length > 0, room)
      : stop === undefined
        ? body.length > 0
          ? []
          : [[say("it said nothing", { dim: true })]]
        : [[], [say(`… ${stop}`, { color: "yellow" })]]
  return [speaker("◆", modelName(reply.model), "green", facts, columns), ...inside([...body, ...tail]), []]
}

const ended = (
  reply: ReplyEntry,
  status: "failed" | "interrupted",
  some: boolean,
  room: number
): ReadonlyArray<Row> => {
  const { glyph, word, style } = ends[status]
  const kept = some ? "; what had arrived is above" : ""
  const text =
    status === "failed"
      ? `${glyph} ${word}: ${reply.failure?.message ?? "no reason was given."}`
      : `${glyph} ${word}${kept}`
  return [
    ...(some ? [[]] : []),
    ...flow([{ text, style }], room),
    ...(status === "failed" && some ? [[say("  what had arrived is above; r asks again", { dim: true })]] : [])
  ]
}

/** Another reply took its place: enough to recognize it. */
const replaced = (reply: ReplyEntry, columns: number): ReadonlyArray<Row> => [
  speaker("◇", `${modelName(reply.model)}, replaced`, "gray", [clock(reply.at)], columns),
  [
    say("  "),
    said(reply.text === "" ? (reply.failure?.message ?? "") : reply.text.slice(0, 500), Math.max(1, columns - indent), {
      dim: true
    })
  ]
]

const stepRows = (step: TranscriptStep, columns: number): ReadonlyArray<Row> =>
  once(step, columns, () => [
    ...(step.text === "" ? [] : [...markdown(step.text, columns), []]),
    ...step.calls.flatMap((call): ReadonlyArray<Row> => [
      callLine(call, columns),
      ...(call.state === "asked" ? callRows(call, columns) : []),
      ...(call.answer === null ? [] : answer(call.answer, columns))
    ]),
    []
  ])

/** The beginning of what a tool answered: the whole of it is for the model. */
const answer = (given: { readonly text: string; readonly isError: boolean }, columns: number): ReadonlyArray<Row> => {
  const rows = flow(
    [{ text: given.text.slice(0, columns * 8), style: given.isError ? { color: "red" } : { dim: true } }],
    columns - 2
  )
  const shown = rows.slice(0, 4)
  const more = rows.length > shown.length || given.text.length > columns * 8
  return [
    ...shown.map((row, i): Row => [say(i === 0 ? "↳ " : "  ", { dim: true }), ...row]),
    ...(more ? [[say("  …", { dim: true })]] : [])
  ]
}

/** Renderers of open replies, the last few that were looked at. */
const streams = new Map<string, Streaming>()

const streaming = (key: string, columns: number): Streaming => {
  const known = streams.get(key)
  const one = known?.columns === columns ? known : new Streaming(columns, inside)
  streams.delete(key)
  streams.set(key, one)
  for (const old of streams.keys()) {
    if (streams.size <= 4) break
    streams.delete(old)
  }
  return one
}

const openRows = (talk: Talk, reply: ReplyEntry, columns: number, now: number): ReadonlyArray<Row> => {
  const room = columns - indent
  const text = liveText(talk, reply)
  const steps = reply.steps.flatMap((step) => stepRows(step, room))
  const body = text === "" ? [] : streaming(`${reply.replyId}#${reply.steps.length}`, room).update(text)
  const asked = reply.steps.some((step) => step.calls.some((call) => call.state === "asked"))
  const state = reply.interrupting
    ? "being interrupted"
    : asked
      ? "waits for you"
      : text !== ""
        ? "writing"
        : talk.live?.thinking === true
          ? "thinking"
          : "asked"
  const took = duration(Math.max(0, Math.floor((now - Date.parse(reply.at)) / 1000) * 1000)).replace("0ms", "0s")
  return [
    speaker("▸", modelName(reply.model), "green", [state, ...(asked ? [] : [took])], columns),
    ...inside(steps),
    ...body,
    ...(body.length === 0 && !asked ? inside([[say("…", { dim: true })]]) : []),
    []
  ]
}
