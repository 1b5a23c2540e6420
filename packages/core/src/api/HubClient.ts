/**
 * The typed client of the hub for CLI, terminal and page.
 *
 * Owns: base URL and token on every call. Does not own: streams (`sse.ts`).
 */
import { Context, type Effect, Layer, type Redacted } from "effect"
import { FetchHttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { Auth } from "./auth.ts"
import { HubApi } from "./contract.ts"

export class HubClient extends Context.Service<HubClient, HttpApiClient.ForApi<typeof HubApi>>()(
  "@signalbox/core/api/HubClient"
) {
  static readonly layer = (baseUrl: string, token: Redacted.Redacted): Layer.Layer<HubClient> =>
    Layer.effect(HubClient, HttpApiClient.make(HubApi, { baseUrl })).pipe(
      Layer.provide(
        HttpApiMiddleware.layerClient(Auth, ({ next, request }) => next(HttpClientRequest.bearerToken(request, token)))
      ),
      Layer.provide(FetchHttpClient.layer)
    )
}
export type HubClientShape = Effect.Success<typeof HubClient>
