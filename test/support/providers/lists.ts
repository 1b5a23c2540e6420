/**
 * Model lists as the providers give them: true field names, true names, everything that is no chat model included.
 *
 * Owns: the data. Does not own: which of these a person is shown (worker's model room).
 */
const anthropic = (id: string, name: string, window: number, output: number, created: string) => ({
  type: "model",
  id,
  display_name: name,
  created_at: created,
  deprecated_at: null,
  lifecycle: "active",
  max_input_tokens: window,
  max_tokens: output,
  capabilities: null
})

export const anthropicModels = [
  anthropic("claude-haiku-5-5", "Claude Haiku 5.5", 1_000_000, 128_000, "2026-10-07T00:00:00Z"),
  anthropic("claude-sonnet-5-5", "Claude Sonnet 5.5", 1_000_000, 128_000, "2026-09-28T00:00:00Z"),
  anthropic("claude-opus-5-5", "Claude Opus 5.5", 1_000_000, 128_000, "2026-09-22T00:00:00Z"),
  anthropic("claude-opus-4-6", "Claude Opus 4.6", 1_000_000, 128_000, "2026-02-05T00:00:00Z"),
  anthropic("claude-sonnet-4-6", "Claude Sonnet 4.6", 1_000_000, 64_000, "2026-02-17T00:00:00Z"),
  anthropic("claude-opus-4-5-20251101", "Claude Opus 4.5", 200_000, 64_000, "2025-11-24T00:00:00Z"),
  anthropic("claude-haiku-4-5-20251001", "Claude Haiku 4.5", 200_000, 64_000, "2025-10-15T00:00:00Z"),
  anthropic("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", 200_000, 64_000, "2025-09-29T00:00:00Z"),
  anthropic("claude-opus-4-1-20250805", "Claude Opus 4.1", 200_000, 32_000, "2025-08-05T00:00:00Z"),
  anthropic("claude-opus-4-20250514", "Claude Opus 4", 200_000, 32_000, "2025-05-22T00:00:00Z"),
  anthropic("claude-sonnet-4-20250514", "Claude Sonnet 4", 200_000, 64_000, "2025-05-22T00:00:00Z"),
  anthropic("claude-3-haiku-20240307", "Claude Haiku 3", 200_000, 4_096, "2024-03-07T00:00:00Z")
]

const openai = (id: string, owner = "system") => ({
  id,
  object: "model",
  created: id.startsWith("gpt-6") ? 1_790_000_000 : 1_750_000_000,
  owned_by: owner
})

export const openaiModels = [
  "gpt-6.2-sol",
  "gpt-6-astra",
  "gpt-6-sol",
  "gpt-6-luna",
  "gpt-5.5",
  "gpt-4-0613",
  "gpt-4",
  "gpt-3.5-turbo",
  "gpt-5.1-codex-mini",
  "gpt-audio",
  "gpt-audio-mini",
  "gpt-realtime",
  "gpt-realtime-mini",
  "gpt-image-1",
  "gpt-image-1-mini",
  "davinci-002",
  "babbage-002",
  "gpt-3.5-turbo-instruct",
  "gpt-3.5-turbo-instruct-0914",
  "dall-e-3",
  "dall-e-2",
  "gpt-3.5-turbo-1106",
  "tts-1-hd",
  "tts-1-1106",
  "tts-1-hd-1106",
  "text-embedding-3-small",
  "text-embedding-3-large",
  "text-embedding-ada-002",
  "gpt-4-turbo",
  "gpt-4-turbo-2024-04-09",
  "gpt-4o",
  "gpt-4o-2024-08-06",
  "gpt-4o-mini",
  "gpt-4o-mini-2024-07-18",
  "gpt-4o-audio-preview",
  "gpt-4o-realtime-preview",
  "gpt-4o-mini-realtime-preview",
  "gpt-4o-mini-audio-preview",
  "omni-moderation-latest",
  "omni-moderation-2024-09-26",
  "o1",
  "o1-pro",
  "o3-mini",
  "o3",
  "o3-pro",
  "o3-deep-research",
  "o4-mini",
  "o4-mini-deep-research",
  "gpt-4.1",
  "gpt-4.1-mini",
  "gpt-4.1-nano",
  "gpt-4o-search-preview",
  "gpt-4o-mini-search-preview",
  "gpt-4o-transcribe",
  "gpt-4o-transcribe-diarize",
  "gpt-4o-mini-transcribe",
  "gpt-4o-mini-tts",
  "codex-mini-latest",
  "computer-use-preview",
  "gpt-5",
  "gpt-5-2025-08-07",
  "gpt-5-mini",
  "gpt-5-nano",
  "gpt-5-chat-latest",
  "gpt-5-codex",
  "gpt-5-pro",
  "gpt-5-search-api",
  "gpt-5.1",
  "gpt-5.1-chat-latest",
  "gpt-5.1-codex",
  "sora-2",
  "sora-2-pro",
  "tts-1",
  "whisper-1",
  "ft:gpt-4o-mini-2024-07-18:acme::AbCd1234"
].map((id) => openai(id, id.startsWith("ft:") ? "acme" : "system"))

const gemini = (
  id: string,
  displayName: string,
  input: number,
  output: number,
  methods: ReadonlyArray<string> = ["generateContent", "countTokens", "createCachedContent", "batchGenerateContent"]
) => ({
  name: `models/${id}`,
  version: "001",
  displayName,
  description: `Stable version of ${displayName}`,
  inputTokenLimit: input,
  outputTokenLimit: output,
  supportedGenerationMethods: methods,
  temperature: 1,
  topP: 0.95,
  topK: 64,
  maxTemperature: 2
})

export const geminiModels = [
  gemini("embedding-001", "Embedding 001", 2_048, 1, ["embedContent"]),
  gemini("gemini-2.5-pro", "Gemini 2.5 Pro", 1_048_576, 65_536),
  gemini("gemini-2.5-flash", "Gemini 2.5 Flash", 1_048_576, 65_536),
  gemini("gemini-2.5-flash-lite", "Gemini 2.5 Flash-Lite", 1_048_576, 65_536),
  gemini("gemini-2.5-flash-preview-tts", "Gemini 2.5 Flash Preview TTS", 8_192, 16_384),
  gemini("gemini-2.5-pro-preview-tts", "Gemini 2.5 Pro Preview TTS", 8_192, 16_384),
  gemini("gemini-2.5-flash-image", "Nano Banana", 32_768, 32_768),
  gemini("gemini-2.5-flash-native-audio-latest", "Gemini 2.5 Flash Native Audio", 131_072, 8_192, [
    "countTokens",
    "bidiGenerateContent"
  ]),
  gemini("gemini-2.5-flash-live-preview", "Gemini 2.5 Flash Live Preview", 131_072, 65_536, ["bidiGenerateContent"]),
  gemini("gemini-2.5-computer-use-preview-10-2025", "Gemini 2.5 Computer Use Preview", 131_072, 65_536),
  gemini("gemini-robotics-er-1.5-preview", "Gemini Robotics-ER 1.5 Preview", 1_048_576, 65_536),
  gemini("gemini-3-pro-preview", "Gemini 3 Pro Preview", 1_048_576, 65_536),
  gemini("gemini-3-pro-image-preview", "Nano Banana Pro", 131_072, 32_768),
  gemini("gemini-3-flash-preview", "Gemini 3 Flash Preview", 1_048_576, 65_536),
  gemini("gemini-4-argon", "Gemini 4 Argon", 1_048_576, 65_536),
  gemini("gemini-3.8-flash", "Gemini 3.8 Flash", 1_048_576, 65_536),
  gemini("gemini-flash-latest", "Gemini Flash Latest", 1_048_576, 65_536),
  gemini("gemini-2.0-flash", "Gemini 2.0 Flash", 1_048_576, 8_192),
  gemini("gemini-2.0-flash-exp-image-generation", "Gemini 2.0 Flash (Image Generation) Experimental", 1_048_576, 8_192),
  gemini("gemma-3-27b-it", "Gemma 3 27B", 131_072, 8_192),
  gemini("learnlm-2.0-flash-experimental", "LearnLM 2.0 Flash Experimental", 1_048_576, 32_768),
  gemini("gemini-embedding-001", "Gemini Embedding 001", 2_048, 1, ["embedContent", "countTextTokens", "countTokens"]),
  gemini("aqa", "Model that performs Attributed Question Answering.", 7_168, 1_024, ["generateAnswer"]),
  gemini("imagen-4.0-generate-001", "Imagen 4", 480, 8_192, ["predict"]),
  gemini("veo-3.0-generate-001", "Veo 3", 480, 8_192, ["predictLongRunning"]),
  gemini("lyria-realtime-exp", "Lyria Realtime", 480, 8_192, ["bidiGenerateMusic"])
]

const openrouter = (id: string, name: string, window: number, output: ReadonlyArray<string>, input = ["text"]) => ({
  id,
  canonical_slug: id,
  name,
  created: 1_760_000_000,
  description: name,
  context_length: window,
  architecture: {
    modality: `${input.join("+")}->${output.join("+")}`,
    input_modalities: input,
    output_modalities: output,
    tokenizer: "Other",
    instruct_type: null
  },
  pricing: { prompt: "0.000003", completion: "0.000015", request: "0", image: "0" },
  top_provider: { context_length: window, max_completion_tokens: 16_384, is_moderated: false },
  supported_parameters: ["max_tokens", "temperature", "tools"]
})

export const openrouterModels = [
  openrouter("anthropic/claude-sonnet-4.5", "Anthropic: Claude Sonnet 4.5", 1_000_000, ["text"], ["text", "image"]),
  openrouter("meta-llama/llama-3.3-70b-instruct", "Meta: Llama 3.3 70B Instruct", 131_072, ["text"]),
  openrouter("deepseek/deepseek-chat-v3.1:free", "DeepSeek: DeepSeek V3.1 (free)", 163_840, ["text"]),
  openrouter(
    "google/gemini-2.5-flash-image",
    "Google: Gemini 2.5 Flash Image",
    32_768,
    ["image", "text"],
    ["image", "text"]
  ),
  openrouter("openai/gpt-4o-audio-preview", "OpenAI: GPT-4o Audio", 128_000, ["text", "audio"], ["audio", "text"]),
  openrouter("black-forest-labs/flux.2-pro", "Black Forest Labs: FLUX.2 Pro", 46_864, ["image"]),
  openrouter("qwen/qwen3-embedding-8b", "Qwen: Qwen3 Embedding 8B", 32_768, ["embeddings"])
]

const vllm = (id: string, window: number) => ({
  id,
  object: "model",
  created: 1_760_000_000,
  owned_by: "vllm",
  root: id,
  parent: null,
  max_model_len: window,
  permission: [{ id: `modelperm-${id.length}`, object: "model_permission", allow_sampling: true }]
})

export const vllmModels = [vllm("Qwen/Qwen3-32B", 32_768), vllm("BAAI/bge-m3", 8_192)]

const tag = (name: string, family: string, size: string) => ({
  name,
  model: name,
  modified_at: "2026-10-01T08:00:00.000000000Z",
  size: 2_019_393_189,
  digest: "a80c4f17acd55265feec403c7aef86be0c25983ab279d83f3bcd3abbcb5b8b72",
  details: {
    parent_model: "",
    format: "gguf",
    family,
    families: [family],
    parameter_size: size,
    quantization_level: "Q4_K_M"
  }
})

export const ollamaTags = [
  tag("llama3.2:3b", "llama", "3.2B"),
  tag("qwen3:8b", "qwen3", "8.2B"),
  tag("gemma3:4b", "gemma3", "4.3B"),
  tag("nomic-embed-text:latest", "nomic-bert", "137M"),
  tag("bge-m3:latest", "bert", "566.70M")
]

/** `POST /api/show`: qwen3 has a context that its Modelfile narrows. */
export const ollamaShow = (name: string): unknown => {
  const found = ollamaTags.find((known) => known.name === name)
  if (found === undefined) return undefined
  const { family } = found.details
  const embeds = family.endsWith("bert")
  return {
    license: "…",
    modelfile: `FROM ${name}`,
    parameters: family === "qwen3" ? "num_ctx                        16384\ntemperature                    0.6" : "",
    template: "{{ .Prompt }}",
    details: found.details,
    model_info: {
      "general.architecture": family,
      [`${family}.context_length`]: embeds ? 2_048 : family === "llama" ? 131_072 : 40_960
    },
    capabilities: embeds ? ["embedding"] : family === "gemma3" ? ["completion", "vision"] : ["completion", "tools"],
    modified_at: found.modified_at
  }
}
