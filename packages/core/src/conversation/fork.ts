/**
 * Forking: the beginning of a conversation as the beginning of another one.
 *
 * Owns: reading the past up to a version, what the new one takes over besides words. Does not own: what of the words is copied
 * (`copy.ts`), ids, appending.
 */
import { Effect, Stream } from "effect"
import { CommandRejected, EventLog } from "../log/EventLog.ts"
import type { By } from "./Conversations.ts"
import { copiesOf, inPieces } from "./copy.ts"
import type { ConversationCommand } from "./decider.ts"
import { type ConversationEvent, conversationEvents, conversationStream } from "./events.ts"
import { evolveTranscript, type TranscriptEntry } from "./transcript.ts"
import type { ConversationView } from "./view.ts"

type Start = Extract<ConversationCommand, { readonly _tag: "Start" }>

/** Of a new conversation, but for its id. */
export interface Plan {
  readonly started: Omit<Start["started"], "conversationId">
  readonly copied?: Start["copied"]
  readonly first?: Start["first"]
}

/** Everything that can be read up to a version, as the beginning of another conversation. */
export const planFork = Effect.fnUntraced(function* (
  view: ConversationView,
  request: { readonly version?: number; readonly title?: string },
  by: By
) {
  const { conversationId } = view
  const version = request.version ?? view.version
  if (version < 1 || version > view.version)
    return yield* Effect.fail(
      new CommandRejected({
        commandId: by.commandId,
        reason: `${conversationId} has the versions 1 to ${view.version}; it cannot be forked at ${version}.`
      })
    )
  const log = yield* EventLog
  const { model, entries } = yield* log.readAll({ stream: conversationStream(conversationId), to: version }).pipe(
    Stream.runFoldEffect(
      (): { model: string; entries: ReadonlyArray<TranscriptEntry> } => ({ model: view.model, entries: [] }),
      (past, recorded) =>
        Effect.map(Effect.fromResult(conversationEvents.decode(recorded)), (event) =>
          event === undefined
            ? past
            : {
                model: "model" in event && isChoice(event) ? event.model : past.model,
                entries: evolveTranscript(past.entries, event, recorded)
              }
        )
    )
  )
  const copies = copiesOf(entries)
  const carried = entries.flatMap((entry) =>
    entry.kind === "note" && entry.note._tag === "started" ? entry.note.carried : []
  )
  const title = request.title ?? (view.titled ? view.title : undefined)
  const plan: Plan = {
    started: {
      model,
      client: by.client ?? by.actor,
      tools: view.tools,
      forkOf: { conversationId, version },
      ...(title === undefined ? {} : { title }),
      ...(view.system === null ? {} : { system: view.system }),
      ...(carried.length === 0 ? {} : { carried })
    },
    copied: inPieces(copies)
  }
  return plan
})

/** Events that say which model answers from then on. */
const isChoice = (event: ConversationEvent): boolean =>
  event._tag === "ConversationStarted" || event._tag === "ModelChanged"
