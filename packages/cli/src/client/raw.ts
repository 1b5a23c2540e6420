/**
 * Raw routes of the hub: bytes down, a document up.
 *
 * Owns: the request and its refusal as exit codes. Does not own: what the bytes mean.
 */
import { Effect, Redacted, Schema, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { cannotTell, type CommandFailed, failed } from "../output.ts"
import { HubConnection } from "./HubConnection.ts"

const Problem = Schema.Struct({ detail: Schema.String })

/** The response when it is a success; else the hub's own sentence. */
export const rawHub = (path: string, init: RequestInit = {}): Effect.Effect<Response, CommandFailed, HubConnection> =>
  Effect.gen(function* () {
    const { url, token } = yield* HubConnection
    const fetch = yield* FetchHttpClient.Fetch
    const response = yield* Effect.tryPromise({
      try: (signal) =>
        fetch(`${url}${path}`, {
          ...init,
          signal,
          headers: { authorization: `Bearer ${Redacted.value(token)}`, ...init.headers }
        }),
      catch: () => cannotTell("The hub does not answer. Is it running? signalbox up starts it.")
    })
    if (response.ok) return response
    const problem: unknown = yield* Effect.promise(() => response.json().catch(() => undefined))
    const detail = Schema.is(Problem)(problem) ? problem.detail : `The hub answered ${response.status}.`
    return yield* Effect.fail([401, 403, 404, 409].includes(response.status) ? failed(detail) : cannotTell(detail))
  })

export const bytesOf = (response: Response): Stream.Stream<Uint8Array, CommandFailed> => {
  const body = response.body
  return body === null
    ? Stream.empty
    : Stream.fromReadableStream({
        evaluate: () => body,
        onError: () => failed("The answer was cut: the connection to the hub broke.")
      })
}
