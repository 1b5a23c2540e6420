/** `Models` without any provider, for workers that have nothing to do with conversations. */
import { Effect, Layer, Stream } from "effect"
import { providerOf } from "@signalbox/core/model/ref.ts"
import { ModelFailed, Models } from "@signalbox/worker/model/Models.ts"

const failed = (provider: string) =>
  new ModelFailed({
    provider,
    kind: "unknown-provider",
    sentence: `There is no provider ${provider} here. Set its key, for example ANTHROPIC_API_KEY, and start the worker again.`
  })

export const NoModels: Layer.Layer<Models> = Layer.succeed(
  Models,
  Models.of({
    stream: ({ ref }) => Stream.fail(failed(providerOf(ref))),
    providers: [],
    list: (provider) => Effect.fail(failed(provider))
  })
)
