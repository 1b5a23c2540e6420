/**
 * What a worker records about conversations, idempotent by what it is about.
 *
 * Owns: the worker's actor name and the command ids. Does not own: the rules (core's conversation decider).
 * Invariants: the same fact has the same command id in every worker; an outcome is tried for a minute though its job is stopped,
 * because what a model said is paid for.
 */
import { Context, Effect, Layer, Schedule } from "effect"
import { type ConversationCommand } from "@signalbox/core/conversation/decider.ts"
import { ConversationTail } from "@signalbox/core/conversation/ConversationTail.ts"
import { conversationEvents, conversationStream } from "@signalbox/core/conversation/events.ts"
import { conversationDecider } from "@signalbox/core/conversation/room.ts"
import { Commands, type ExecuteError } from "@signalbox/core/log/Commands.ts"
import { uuidV5 } from "@signalbox/core/projection/Reactor.ts"
import { Leases } from "@signalbox/core/queue/Lease.ts"

type Recorded = Extract<
  ConversationCommand,
  { readonly _tag: "RecordStep" | "RecordAnswer" | "RecordOutcome" | "RecordSummary" }
>

export class ConversationCommands extends Context.Service<
  ConversationCommands,
  {
    /** @param key names the fact within the conversation */
    readonly record: (
      conversationId: string,
      command: Recorded,
      key: ReadonlyArray<string | number>
    ) => Effect.Effect<void, ExecuteError>
  }
>()("@signalbox/worker/conversation/ConversationCommands") {
  static readonly layer: Layer.Layer<ConversationCommands, never, Commands | ConversationTail | Leases> = Layer.effect(
    ConversationCommands,
    Effect.gen(function* () {
      const commands = yield* Commands
      const { holder } = yield* Leases
      const tail = yield* ConversationTail
      // what people say comes from elsewhere: what was written here is never the newest, and would cost every outcome a conflict
      const listen = tail.watchAll((event) => {
        // later: first words may wait for the same event
        setImmediate(() => commands.hear(conversationDecider, conversationEvents, event))
      })
      yield* Effect.forkScoped(Effect.andThen(listen, Effect.never))
      return ConversationCommands.of({
        record: (conversationId, command, key) =>
          commands
            .execute({
              decider: conversationDecider,
              types: conversationEvents,
              stream: conversationStream(conversationId),
              command,
              commandId: uuidV5(JSON.stringify(["conversation", conversationId, ...key])),
              // what two workers found differs in details (times, the last words): the key alone tells a repeat
              body: JSON.stringify(key),
              actor: `worker:${holder}`
            })
            .pipe(
              Effect.asVoid,
              Effect.retry({
                schedule: Schedule.spaced("500 millis").pipe(Schedule.upTo({ duration: "1 minute" })),
                while: (error) => error._tag === "LogUnavailable"
              }),
              Effect.catchTag("CommandRejected", (rejected) =>
                Effect.logWarning(`${conversationId}: ${key.join("/")} was rejected: ${rejected.message}`)
              ),
              Effect.uninterruptible
            )
      })
    })
  )
}
