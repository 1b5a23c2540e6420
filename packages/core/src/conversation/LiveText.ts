/**
 * The text of replies while they are written: volatile for screens, stored for crashes, gone once the outcome is an event.
 *
 * Owns: the interface. Does not own: its work (`LiveTextLive.ts`), the outcome (events).
 * Invariants: offsets count UTF-16 code units over all steps of a reply, and no piece splits a surrogate pair; what is stored
 * is dense from 0; a piece that was published and lost is found in the store at most 250 ms later; a step is claimed once.
 */
import { Context, type Effect, type Stream } from "effect"
import type { DbError } from "../postgres/Db.ts"

export type LivePiece =
  | { readonly _tag: "Text"; readonly replyId: string; readonly from: number; readonly text: string }
  /** The model thinks; what, is not shown. */
  | { readonly _tag: "Thinking"; readonly replyId: string }

export class LiveText extends Context.Service<
  LiveText,
  {
    /**
     * To be called before a model is asked for a step. False: it was claimed before, so it may have been asked and billed, and
     * must not be asked again.
     */
    readonly claim: (replyId: string, step: number, conversationId: string) => Effect.Effect<boolean, DbError>
    /** Only by who has claimed it, and has asked for nothing and never will. */
    readonly giveBack: (replyId: string, step: number) => Effect.Effect<void, DbError>
    /** Publishes at once; stores within 250 ms, or at `flush`. Call it in order. */
    readonly write: (conversationId: string, piece: LivePiece) => Effect.Effect<void>
    readonly flush: (replyId: string) => Effect.Effect<void, DbError>
    /** What is stored. */
    readonly read: (replyId: string) => Effect.Effect<string, DbError>
    /** What is stored of several replies, each from its offset on, dense, in one question. */
    readonly since: (
      wanted: ReadonlyArray<{ readonly replyId: string; readonly from: number }>
    ) => Effect.Effect<
      ReadonlyArray<{ readonly replyId: string; readonly from: number; readonly text: string }>,
      DbError
    >
    /** After the outcome is recorded. */
    readonly drop: (replyId: string) => Effect.Effect<void, DbError>
    /** What is published from now on, in order, with gaps where messages were lost. */
    readonly pieces: (conversationId: string) => Stream.Stream<LivePiece>
  }
>()("@signalbox/core/conversation/LiveText") {}
