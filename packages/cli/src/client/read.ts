/**
 * Plain reads from within the framework: the request of `read/ask.ts`, its answer decoded by the contract's schema.
 *
 * Does not own: the request and its refusals, what acts on something (`hub.ts`, the typed client).
 */
import { Effect, Redacted, Schema } from "effect"
import { cannotTell, CommandFailed } from "../output.ts"
import { type Ask, askAt } from "../read/ask.ts"
import { ReadFailed } from "../read/definition.ts"
import { HubConnection } from "./HubConnection.ts"

export const readHub = <A>(
  path: string,
  query: Parameters<Ask["get"]>[1],
  shape: Schema.Codec<A, unknown>
): Effect.Effect<A, CommandFailed, HubConnection> =>
  Effect.gen(function* () {
    const { url, token, fingerprint } = yield* HubConnection
    const answer = yield* Effect.tryPromise({
      try: () => askAt({ url, token: Redacted.value(token), fingerprint }).get(path, query, anything),
      catch: (cause) =>
        cause instanceof ReadFailed
          ? new CommandFailed({ reason: cause.message, code: cause.code })
          : cannotTell(cause instanceof Error ? cause.message : String(cause))
    })
    return yield* Schema.decodeUnknownEffect(shape)(answer).pipe(
      Effect.mapError((error) =>
        cannotTell(`The hub's answer was not understood (${error.message}). Are both of the same version?`)
      )
    )
  })

const anything = (_answer: unknown): _answer is unknown => true
