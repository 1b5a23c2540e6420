/**
 * What a worker keeps of a conversation to go on with it: the view, and what its model may still be sent.
 *
 * Owns: the fold, and forgetting what a summary stands for. Does not own: reading the log (worker), the messages (`context.ts`).
 * Invariants: pure; bounded by what came after the last summary; folding the beginning and then only what follows the place up to
 * which that summary goes gives the same open reply and the same entries as folding everything.
 */
import type { Memory } from "./context.ts"
import type { ConversationEvent } from "./events.ts"
import { evolveTranscript, type ReplyEntry, type TranscriptEntry } from "./transcript.ts"
import { type ConversationView, evolveConversation } from "./view.ts"

export interface Talk {
  readonly view: ConversationView
  readonly memory: Memory
  /** Who said the last thing: on whose behalf tools act. */
  readonly person: string
  readonly version: number
}

export const evolveTalk = (
  talk: Talk | undefined,
  event: ConversationEvent,
  meta: { readonly at: string; readonly actor: string; readonly version: number }
): Talk | undefined => {
  const view = evolveConversation(talk?.view, event, meta)
  if (view === undefined) return undefined
  const { version } = meta
  if (talk === undefined)
    return event._tag === "ConversationStarted"
      ? {
          view,
          version,
          person: meta.actor,
          memory: {
            system: event.system ?? null,
            carried: event.carried ?? [],
            tools: event.tools,
            summary: undefined,
            entries: []
          }
        }
      : undefined
  const { memory } = talk
  const entries = evolveTranscript(memory.entries, event, meta).filter(isSaid)
  const person = event._tag === "MessageSent" ? meta.actor : talk.person
  if (event._tag !== "ConversationSummarized") return { view, version, person, memory: { ...memory, entries } }
  const { throughVersion, text } = event
  return {
    view,
    version,
    person,
    memory: {
      ...memory,
      summary: { version, throughVersion, text },
      entries: entries.filter((entry) => entry.version > throughVersion)
    }
  }
}

const isSaid = (entry: TranscriptEntry): boolean => entry.kind !== "note" && entry.kind !== "summary"

/** The open reply with its steps, and how much text they have. */
export const openReply = ({ view, memory }: Talk): (ReplyEntry & { readonly said: number }) | undefined => {
  const found = memory.entries.findLast((entry) => entry.kind === "reply" && entry.replyId === view.open?.replyId)
  if (found?.kind !== "reply") return undefined
  return { ...found, said: found.steps.reduce((sum, step) => sum + step.text.length, 0) }
}
