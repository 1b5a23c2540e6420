/**
 * One conversation as a screen reads it: the fold of its events, and the text of the reply that is being written.
 *
 * Owns: the state and how frames change it. Does not own: fetching (`follow.ts`), what it looks like (`entries.ts`).
 * Invariants: pure; an event is folded once, by its version; text that is sent again, after a break, changes nothing; when the
 * outcome is an event, its text is the text; older events put before give what folding all of them gives.
 */
import { Result } from "effect"
import { conversationEvents } from "@signalbox/core/conversation/events.ts"
import { evolveTranscript, type ReplyEntry, type TranscriptEntry } from "@signalbox/core/conversation/transcript.ts"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"

export interface Talk {
  readonly conversationId: string
  readonly state: "loading" | "live" | "reconnecting" | "failed"
  readonly problem?: string | undefined
  readonly events: ReadonlyArray<RecordedEvent>
  readonly entries: ReadonlyArray<TranscriptEntry>
  /** Text of the open reply, over all of its steps. */
  readonly live: { readonly replyId: string; readonly text: string; readonly thinking: boolean } | undefined
  /** There are older events than the ones here. */
  readonly more: boolean
  /** Events whose payload this version does not understand. */
  readonly undecodable: number
}

export const emptyTalk = (conversationId: string): Talk => ({
  conversationId,
  state: "loading",
  events: [],
  entries: [],
  live: undefined,
  more: false,
  undecodable: 0
})

export const firstVersion = (talk: Talk): number | undefined => talk.events[0]?.version
export const lastVersion = (talk: Talk): number => talk.events.at(-1)?.version ?? 0

export const talkEvent = (talk: Talk, event: RecordedEvent): Talk => {
  if (event.version <= lastVersion(talk)) return talk
  const next = folded({ ...talk, events: [...talk.events, event] }, event)
  const open = openReply(next)
  return { ...next, live: next.live !== undefined && next.live.replyId === open?.replyId ? next.live : undefined }
}

const folded = (talk: Talk, event: RecordedEvent): Talk => {
  const decoded = conversationEvents.decode(event)
  if (Result.isFailure(decoded)) return { ...talk, undecodable: talk.undecodable + 1 }
  if (decoded.success === undefined) return talk
  return { ...talk, entries: evolveTranscript(talk.entries, decoded.success, event) }
}

/** A page of events, oldest first, as the beginning of what is known. */
export const talkPage = (talk: Talk, events: ReadonlyArray<RecordedEvent>, more: boolean): Talk => {
  const first = firstVersion(talk)
  const older = first === undefined ? events : events.filter((event) => event.version < first)
  if (first !== undefined && older.length > 0 && older.at(-1)?.version !== first - 1) return talk
  const all = [...older, ...talk.events]
  const fresh: Talk = { ...talk, events: all, entries: [], more, undecodable: 0 }
  return all.reduce(folded, fresh)
}

/** What the model said since; `from` counts from the beginning of the reply. */
export const talkDelta = (talk: Talk, replyId: string, from: number, text: string): Talk => {
  if (openReply(talk)?.replyId !== replyId) return talk
  const known = talk.live?.replyId === replyId ? talk.live.text : ""
  // Dense from 0, so a gap cannot be: after one, the text is that of the outcome.
  if (from > known.length || from + text.length <= known.length) return talk
  return { ...talk, live: { replyId, text: known + text.slice(known.length - from), thinking: false } }
}

export const talkThinking = (talk: Talk, replyId: string): Talk => {
  if (openReply(talk)?.replyId !== replyId) return talk
  return { ...talk, live: { replyId, text: talk.live?.replyId === replyId ? talk.live.text : "", thinking: true } }
}

/** The reply that is being written. */
export const openReply = (talk: Talk): ReplyEntry | undefined => {
  const last = talk.entries.findLast((entry) => entry.kind === "reply")
  return last?.kind === "reply" && last.status === "open" ? last : undefined
}

/** What came since the last step of a reply ended. */
export const liveText = (talk: Talk, reply: ReplyEntry): string => {
  if (talk.live?.replyId !== reply.replyId) return ""
  const before = reply.steps.reduce((sum, step) => sum + step.text.length, 0)
  return talk.live.text.slice(before)
}

/** A tool call of the open reply that waits for a yes or no. */
export const askedCalls = (talk: Talk) =>
  openReply(talk)?.steps.flatMap((step) => step.calls.filter((call) => call.state === "asked")) ?? []

/** What a person wrote here, oldest first. */
export const written = (talk: Talk): ReadonlyArray<string> =>
  talk.entries.flatMap((entry) =>
    entry.kind === "message" || (entry.kind === "copied" && entry.role === "user") ? [entry.text] : []
  )
