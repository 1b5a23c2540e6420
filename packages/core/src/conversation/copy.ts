/**
 * The past of a fork: from a transcript to messages that another conversation takes over.
 *
 * Owns: what is taken over, and in how large pieces. Does not own: reading the transcript, the new conversation's rules.
 * Invariants: everything that can be read is copied in order (originals behind summaries too, tool calls and replies that were
 * replaced not); a piece fits into one event, so that what could be stored once can be stored again.
 */
import type { Attachment, CopiedMessage } from "./events.ts"
import type { TranscriptEntry } from "./transcript.ts"

/** Bytes of JSON per event. */
const pieceBytes = 500_000
/** A single message may be larger than a piece, but must stay below what the log stores (1 MiB with its envelope). */
const messageBytes = 900_000

export const copiesOf = (entries: ReadonlyArray<TranscriptEntry>): ReadonlyArray<CopiedMessage> =>
  entries.flatMap(copyOf)

const copyOf = (entry: TranscriptEntry): ReadonlyArray<CopiedMessage> => {
  switch (entry.kind) {
    case "message":
      return [{ role: "user", text: entry.text, at: entry.at, ...attached(entry.attachments) }]
    case "copied":
      return [
        {
          role: entry.role,
          text: entry.text,
          at: entry.at,
          ...(entry.model === null ? {} : { model: entry.model }),
          ...attached(entry.attachments)
        }
      ]
    case "reply": {
      const text = [...entry.steps.map((step) => step.text), entry.text].filter((part) => part !== "").join("\n\n")
      return entry.superseded || text === ""
        ? []
        : [{ role: "assistant", text, at: entry.endedAt ?? entry.at, model: entry.model }]
    }
    case "summary":
    case "note":
      return []
  }
}

const attached = (attachments: ReadonlyArray<Attachment>) => (attachments.length === 0 ? {} : { attachments })

/** In order; each piece is one MessagesCopied. */
export const inPieces = (messages: ReadonlyArray<CopiedMessage>): ReadonlyArray<ReadonlyArray<CopiedMessage>> => {
  const pieces: Array<Array<CopiedMessage>> = []
  let size = Number.POSITIVE_INFINITY
  for (const message of messages.flatMap(small)) {
    const bytes = bytesOf(message)
    if (size + bytes > pieceBytes) {
      pieces.push([])
      size = 0
    }
    pieces.at(-1)?.push(message)
    size += bytes
  }
  return pieces
}

const bytesOf = (message: CopiedMessage): number => Buffer.byteLength(JSON.stringify(message)) + 1

/** A message that fills an event has no room for what a copy adds: its attachments, then its text, go on in a next one. */
const small = (message: CopiedMessage): ReadonlyArray<CopiedMessage> => {
  if (bytesOf(message) <= messageBytes) return [message]
  const { attachments = [], ...rest } = message
  if (attachments.length > 1 || (attachments.length === 1 && rest.text !== "")) {
    const [first, ...others] = rest.text === "" ? attachments : [undefined, ...attachments]
    return [
      ...small({ ...rest, ...(first === undefined ? {} : attached([first])) }),
      ...small({ ...rest, text: "", ...attached(others.filter((one) => one !== undefined)) })
    ]
  }
  const [only] = attachments
  if (only !== undefined)
    return halves(only.text).flatMap((text) => small({ ...rest, attachments: [{ name: only.name, text }] }))
  return halves(rest.text).flatMap((text) => small({ ...rest, text }))
}

const halves = (text: string): readonly [string, string] => {
  const middle = text.length >> 1
  const code = text.charCodeAt(middle)
  const at = code >= 0xdc00 && code <= 0xdfff ? middle + 1 : middle
  return [text.slice(0, at), text.slice(at)]
}
