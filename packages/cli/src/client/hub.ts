/**
 * The typed client of the hub, for commands.
 *
 * Owns: making it for the hub of this home. Does not own: finding that hub (`HubConnection.ts`), quick reads (`read.ts`).
 */
import { Effect, Layer } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { HubConnection, toFailure } from "./HubConnection.ts"

const client = Layer.unwrap(Effect.map(HubConnection, ({ url, token }) => HubClient.layer(url, token)))

/** Runs a command's act with the hub at hand; `signalbox up` is named when there is none. */
export const withHub = <A, E extends { readonly message: string }, R>(self: Effect.Effect<A, E, R>) =>
  self.pipe(
    Effect.mapError(toFailure),
    Effect.provide(client.pipe(Layer.provideMerge(HubConnection.layer))),
    Effect.mapError(toFailure)
  )
