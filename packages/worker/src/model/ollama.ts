/**
 * Ollama: chats over its OpenAI-compatible /v1, lists over its own API, which knows what a model can and how much fits.
 *
 * Owns: the lists. Does not own: the chat (`chat-completions.ts`).
 * Invariant: the window is the narrowest that is known: as loaded, as its Modelfile sets it, as it was trained.
 */
import { Option, Schema } from "effect"
import type { ModelInfo } from "@signalbox/core/model/message.ts"
import { refOf } from "@signalbox/core/model/ref.ts"
import type { Adapter, Provider, Wire } from "./adapter.ts"
import { chatCompletions } from "./chat-completions.ts"
import { isChatModel } from "./chat-models.ts"
import { explainError } from "./openai-sdk.ts"

const Tags = Schema.Struct({ models: Schema.Array(Schema.Struct({ name: Schema.String })) })
const Running = Schema.Struct({
  models: Schema.Array(Schema.Struct({ name: Schema.String, context_length: Schema.optionalKey(Schema.Int) }))
})
const Shown = Schema.Struct({
  parameters: Schema.optionalKey(Schema.String),
  model_info: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  capabilities: Schema.optionalKey(Schema.Array(Schema.String))
})
type Shown = typeof Shown.Type
const decodeTags = Schema.decodeUnknownOption(Tags)
const decodeRunning = Schema.decodeUnknownOption(Running)
const decodeShown = Schema.decodeUnknownOption(Shown)
const isInt = Schema.is(Schema.Int)

const MOST_MODELS = 200

/** What a server says when it is not Ollama. */
class NotOllama extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export const ollama: Adapter = {
  stream: (request, amendments, provider, wire) =>
    chatCompletions(request, amendments, { ...provider, url: `${provider.url}/v1` }, wire),
  list: async (provider, wire) => {
    const tags = decodeTags(await ask(provider, wire, "/api/tags"))
    if (Option.isNone(tags)) throw new NotOllama(502, "it answers, but not as Ollama does")
    const running = decodeRunning(await ask(provider, wire, "/api/ps").catch(() => undefined))
    const loaded = new Map(
      Option.isSome(running) ? running.value.models.map((model) => [model.name, model.context_length]) : []
    )
    const infos: Array<ModelInfo> = []
    for (const { name } of tags.value.models.slice(0, MOST_MODELS)) {
      const shown = decodeShown(await ask(provider, wire, "/api/show", { model: name }).catch(() => undefined))
      const details: Shown = Option.getOrElse(shown, () => ({}))
      if (details.capabilities !== undefined && !details.capabilities.includes("completion")) continue
      if (!isChatModel("ollama", { id: name })) continue
      infos.push({
        ref: refOf(provider.provider, name),
        title: name,
        window: loaded.get(name) ?? windowOf(details),
        maxOutput: null
      })
    }
    return infos
  },
  explain: explainError
}

const windowOf = (shown: Shown): number | null => {
  const set = /^num_ctx\s+(\d+)/mu.exec(shown.parameters ?? "")?.[1]
  if (set !== undefined) return Number(set)
  const trained = Object.entries(shown.model_info ?? {}).find(([name]) => name.endsWith(".context_length"))?.[1]
  return isInt(trained) ? trained : null
}

const ask = async (provider: Provider, wire: Wire, path: string, body?: unknown): Promise<unknown> => {
  const response = await wire.fetch(`${provider.url}${path}`, {
    signal: wire.signal,
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) })
  })
  if (!response.ok) throw new NotOllama(response.status, (await response.text()).slice(0, 300))
  return await response.json()
}
