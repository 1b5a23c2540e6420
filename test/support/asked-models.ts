/** The model room on its real SDKs, speaking to stand-in providers. */
import { Effect, Layer, Redacted } from "effect"
import { Models } from "@signalbox/worker/model/Models.ts"
import { makeModels } from "@signalbox/worker/model/ModelsLive.ts"
import { type StandIn, startProvider } from "./providers/stand-in.ts"

export const askedKinds = ["anthropic", "gemini", "openai"] as const
export type AskedKind = (typeof askedKinds)[number]

export const askedRef: { readonly [Kind in AskedKind]: string } = {
  anthropic: "anthropic/claude-sonnet-4-6",
  gemini: "gemini/gemini-3-pro-preview",
  openai: "openai/gpt-4.1"
}

export const startStandIn = (kind: AskedKind) =>
  Effect.acquireRelease(
    Effect.promise(() => startProvider(kind)),
    (server) => Effect.promise(() => server.close())
  )

export const modelsOn = (kind: AskedKind, server: StandIn) =>
  Layer.succeed(
    Models,
    makeModels(
      [
        {
          provider: kind,
          title: kind,
          kind,
          url: kind === "openai" ? `${server.url}/v1` : server.url,
          key: server.key === undefined ? undefined : Redacted.make(server.key),
          keyName: "THE_KEY"
        }
      ],
      { pacing: { patienceMs: 3_000, backoffMs: 10 }, firstMs: 20_000, silenceMs: 20_000 }
    )
  )
