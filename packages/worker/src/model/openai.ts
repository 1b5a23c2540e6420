/**
 * OpenAI, and every server that speaks as it does.
 *
 * Owns: which of its two protocols a request takes, the lists. Does not own: the protocols (`responses.ts`, `chat-completions.ts`).
 * Invariants: the provider `openai` is asked by the Responses API, as long as its server or the model has not refused that; all
 * other names are asked by Chat Completions, which is the one protocol that all such servers speak.
 */
import { Option, Schema } from "effect"
import { limitsOf } from "@signalbox/core/model/limits.ts"
import type { ModelInfo } from "@signalbox/core/model/message.ts"
import { refOf } from "@signalbox/core/model/ref.ts"
import type { Adapter } from "./adapter.ts"
import { byResponses } from "./amend.ts"
import { chatCompletions } from "./chat-completions.ts"
import { isChatModel } from "./chat-models.ts"
import { clientOf, explainError, maybe } from "./openai-sdk.ts"
import { responses } from "./responses.ts"

export const openai: Adapter = {
  stream: (request, amendments, provider, wire) =>
    byResponses(request.ref, amendments)
      ? responses(request, amendments, provider, wire)
      : chatCompletions(request, amendments, provider, wire),
  list: async (provider, wire) => {
    const client = await clientOf(provider, wire)
    const models: Array<{ readonly created: number; readonly info: ModelInfo }> = []
    for await (const raw of client.models.list({ signal: wire.signal })) {
      const model = decodeModel(raw)
      if (Option.isNone(model)) continue
      const { id, name, created, context_length, max_model_len, architecture, top_provider } = model.value
      if (!isChatModel(provider.provider, { id, output: architecture?.output_modalities ?? undefined })) continue
      // only OpenAI's own names mean what the table knows
      const known = provider.provider === "openai" ? limitsOf(refOf("openai", id)) : undefined
      const info = {
        ref: refOf(provider.provider, id),
        title: name ?? id,
        window: context_length ?? max_model_len ?? known?.window ?? null,
        maxOutput: top_provider?.max_completion_tokens ?? known?.maxOutput ?? null
      }
      models.push({ created: created ?? 0, info })
    }
    // the newest first, as the other providers have it: the first one is what people get who choose none
    return models.toSorted((a, b) => b.created - a.created).map(({ info }) => info)
  },
  explain: explainError
}

/** OpenAI tells the id alone; OpenRouter and vLLM tell more. */
const decodeModel = Schema.decodeUnknownOption(
  Schema.Struct({
    id: Schema.String,
    name: maybe(Schema.String),
    created: maybe(Schema.Number),
    context_length: maybe(Schema.Int),
    max_model_len: maybe(Schema.Int),
    architecture: maybe(Schema.Struct({ output_modalities: maybe(Schema.Array(Schema.String)) })),
    top_provider: maybe(Schema.Struct({ max_completion_tokens: maybe(Schema.Int) }))
  })
)
