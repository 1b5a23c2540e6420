/**
 * The job `conversation.summary`: a person wants the past summarized now.
 *
 * Owns: what is summarized then, and that the wish always has an answer. Does not own: the summary (`summarize.ts`).
 * Invariant: a wish ends in ConversationSummarized or SummaryFailed.
 */
import { Effect } from "effect"
import { ConversationJob } from "@signalbox/core/conversation/jobs.ts"
import type { Talk } from "@signalbox/core/conversation/memory.ts"
import { summaryCut } from "@signalbox/core/conversation/summary.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import type { FailureKind } from "@signalbox/core/model/message.ts"
import { jobHandler } from "@signalbox/core/queue/Queue.ts"
import { queues } from "@signalbox/core/queue/queues.ts"
import { noFacts } from "./ask.ts"
import { ConversationCommands } from "./ConversationCommands.ts"
import { windowOf } from "./prepare.ts"
import { summarize } from "./summarize.ts"
import { Talks } from "./Talks.ts"
import { Turns } from "./Turns.ts"

export const summaryHandler = jobHandler({
  queue: queues.summary.name,
  data: ConversationJob,
  run: ({ conversationId, position }) =>
    Effect.gen(function* () {
      const talks = yield* Talks
      const load = talks.load(conversationId)
      const over = Effect.map(load, (talk) => talk?.view.summarizing !== true)
      yield* (yield* Turns).take(
        conversationId,
        over,
        Effect.gen(function* () {
          const talk = yield* load
          if (talk?.view.summarizing !== true) return
          const ref = talk.view.model
          const throughVersion = yield* through(talk, position)
          if (throughVersion === undefined)
            return yield* failed(talk, position, "refused", "There is nothing yet that could be summarized.")
          const window = yield* windowOf(ref)
          yield* summarize({
            conversationId,
            talk,
            ref,
            window,
            throughVersion,
            reason: "person",
            key: String(position)
          })
        })
      )
    }),
  onExhausted: ({ conversationId, position }, { reason }) =>
    Effect.gen(function* () {
      const talk = yield* (yield* Talks).load(conversationId)
      if (talk?.view.summarizing === true)
        yield* failed(
          talk,
          position,
          "outage",
          `The summary could not be written: ${reason.slice(0, 500)}`.toWellFormed()
        )
    }).pipe(
      Effect.catch((error) =>
        Effect.logError(`${conversationId}: the failure of its summary was not recorded: ${error.message}`)
      )
    )
})

/** All but the last exchange; all of it, where there is only one. */
const through = (talk: Talk, position: number) =>
  Effect.gen(function* () {
    const { memory } = talk
    if (memory.entries.length === 0) return undefined
    const cut = summaryCut(memory, { tokens: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER }, 1)
    if (cut !== undefined) return cut
    const [wish] = yield* (yield* EventLog).read({ from: position, limit: 1 })
    // a message that came after the wish is not past
    return memory.entries.some((entry) => entry.version < (wish?.version ?? 0)) ? (wish?.version ?? 1) - 1 : undefined
  })

const failed = (talk: Talk, position: number, kind: FailureKind, message: string) =>
  Effect.flatMap(ConversationCommands, (commands) =>
    commands.record(
      talk.view.conversationId,
      { _tag: "RecordSummary", event: { _tag: "SummaryFailed", kind, message, ...noFacts(talk.view.model) } },
      ["summary-failed", position]
    )
  )
