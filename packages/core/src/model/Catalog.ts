/**
 * Which models there are, as the workers' providers told.
 *
 * Owns: the interface. Does not own: asking the providers (worker's model room), the choice for new conversations (setting room).
 * Invariants: lists are at most five minutes old when they are asked for and a worker lives; without embedding, audio, video and
 * image-only models; a provider that does not answer keeps its last list beside the problem.
 */
import { Context, type Effect } from "effect"
import type { ModelUnknown } from "../conversation/Conversations.ts"
import type { DbError } from "../postgres/Db.ts"
import type { ProviderInfo } from "./message.ts"

export class Catalog extends Context.Service<
  Catalog,
  {
    /** Waits up to 10 s for a worker when the lists are old or `refresh` is wanted; then answers with what there is. */
    readonly providers: (refresh?: boolean) => Effect.Effect<ReadonlyArray<ProviderInfo>, DbError>
    /** What `model use` chose, else the first model of the first provider that answers; undefined: nothing is configured. */
    readonly current: Effect.Effect<string | undefined, DbError>
    /**
     * provider/model from what a person wrote: the full name (taken as it is when its provider is known, for lists are never
     * complete), a model's own name that one provider has, or the number of `model list`.
     */
    readonly resolve: (written: string) => Effect.Effect<string, ModelUnknown | DbError>
    /** Tokens that fit, where that is known. */
    readonly windowOf: (ref: string) => Effect.Effect<number | undefined, DbError>
  }
>()("@signalbox/core/model/Catalog") {}
