/** The typed client, raw routes and streams over a pinned certificate. Loaded only where the environment pins one. */
import { Effect } from "effect"
import { FetchHttpClient } from "effect/http"
import { pinnedFetch } from "@signalbox/core/api/pin.ts"

export const withPin =
  (fingerprint: string) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(self, FetchHttpClient.Fetch, pinnedFetch(fingerprint))
