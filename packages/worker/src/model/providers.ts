/**
 * Which providers this worker has, by its settings.
 *
 * Owns: names, titles, order of preference, default addresses. Does not own: the settings, how each is spoken to.
 * Invariants: pure; a provider counts as configured by its key or, where servers ask for none, by its address; Ollama on its usual
 * address is tried without being configured, and then counts only while it answers.
 */
import { Option } from "effect"
import { ollamaUrl } from "@signalbox/core/config/providers.ts"
import type { Settings } from "@signalbox/core/config/Settings.ts"
import type { Provider } from "./adapter.ts"

export const providersOf = (settings: Settings["Service"]): ReadonlyArray<Provider> => {
  const trimmed = (url: string): string => url.replace(/\/+$/u, "")
  const keyed = (
    provider: Omit<Provider, "url" | "keyName"> & { readonly keyName: string },
    url: string | undefined,
    usual: string
  ): ReadonlyArray<Provider> =>
    provider.key === undefined && url === undefined ? [] : [{ ...provider, url: trimmed(url ?? usual) }]

  return [
    ...keyed(
      { provider: "gemini", title: "Gemini", kind: "gemini", key: settings.geminiApiKey, keyName: "GEMINI_API_KEY" },
      settings.geminiBaseUrl,
      "https://generativelanguage.googleapis.com"
    ),
    ...keyed(
      {
        provider: "anthropic",
        title: "Anthropic",
        kind: "anthropic",
        key: settings.anthropicApiKey,
        keyName: "ANTHROPIC_API_KEY"
      },
      settings.anthropicBaseUrl,
      "https://api.anthropic.com"
    ),
    ...keyed(
      { provider: "openai", title: "OpenAI", kind: "openai", key: settings.openaiApiKey, keyName: "OPENAI_API_KEY" },
      settings.openaiBaseUrl,
      "https://api.openai.com/v1"
    ),
    ...keyed(
      {
        provider: "openrouter",
        title: "OpenRouter",
        kind: "openai",
        key: settings.openrouterApiKey,
        keyName: "OPENROUTER_API_KEY"
      },
      settings.openrouterBaseUrl,
      "https://openrouter.ai/api/v1"
    ),
    ...(settings.vllmBaseUrl === undefined
      ? []
      : [
          {
            provider: "vllm",
            title: "vLLM",
            kind: "openai" as const,
            url: trimmed(settings.vllmBaseUrl),
            key: settings.vllmApiKey,
            keyName: "VLLM_API_KEY"
          }
        ]),
    ...settings.servers.map((server) => ({
      provider: server.name,
      title: server.title ?? server.name,
      kind: "openai" as const,
      url: trimmed(server.url),
      key: server.key,
      keyName: server.keyEnv
    })),
    {
      provider: "ollama",
      title: "Ollama",
      kind: "ollama",
      url: Option.getOrElse(ollamaUrl(settings.ollamaHost), () => "http://127.0.0.1:11434"),
      key: undefined,
      keyName: undefined,
      ...(settings.ollamaHost === undefined ? { quiet: true as const } : {})
    }
  ]
}
