/**
 * From a conversation's events to its jobs.
 *
 * Owns: which event calls for which job, and the jobs' data. Does not own: what the jobs do (worker's conversation room).
 * Invariant: pure; data are ids and a position, the handler reads the rest from the log.
 */
import { Schema } from "effect"
import type { Reactor } from "../projection/Reactor.ts"
import { queues } from "../queue/queues.ts"
import { conversationIdOf } from "./events.ts"

export const ConversationJob = Schema.Struct({ conversationId: Schema.String, position: Schema.Int })

const reactor = (name: string, queue: string, types: ReadonlyArray<string>): Reactor => ({
  name,
  from: "beginning",
  types,
  react: (event) => [{ queue, data: { conversationId: conversationIdOf(event.stream), position: event.position } }]
})

/** An interruption wakes a reply that waits for a decision, or whose worker has died; a running one hears it by itself. */
export const replyReactor = reactor("conversation-reply", queues.reply.name, [
  "ReplyRequested",
  "ToolApproved",
  "ToolRefused",
  "ReplyInterruptRequested"
])

export const summaryReactor = reactor("conversation-summary", queues.summary.name, ["SummaryRequested"])
