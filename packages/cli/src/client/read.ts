/**
 * Plain reads: one GET, decoded by the contract's shape, for what people ask again and again.
 *
 * Owns: the request over node's own HTTP. Does not own: the shapes (core), what acts on something (`hub.ts`, the typed client).
 * Why not the typed client here: to make it and to load `fetch` takes longer than all the rest of the command.
 * Invariants: an answer that does not fit is an error; at most 64 MiB are read.
 */
import type { IncomingMessage } from "node:http"
import { Effect, Option, Redacted, Schema } from "effect"
import { cannotTell, type CommandFailed, failed } from "../output.ts"
import { HubConnection } from "./HubConnection.ts"

const maxBytes = 64 * 1024 * 1024
const timeoutMs = 60_000

type Query = Readonly<Record<string, string | number | ReadonlyArray<string> | undefined>>

export const readHub = <A>(
  path: string,
  query: Query,
  shape: Schema.Codec<A, unknown>
): Effect.Effect<A, CommandFailed, HubConnection> =>
  Effect.gen(function* () {
    const { url, token } = yield* HubConnection
    const to = new URL(path, url)
    for (const [name, value] of Object.entries(query))
      for (const one of Array.isArray(value) ? value : value === undefined ? [] : [value])
        to.searchParams.append(name, String(one))
    const { status, text } = yield* get(to, Redacted.value(token))
    if (status !== 200) return yield* Effect.fail(refusal(status, text))
    return yield* Schema.decodeUnknownEffect(Schema.fromJsonString(shape))(text).pipe(
      Effect.mapError((error) =>
        cannotTell(`The hub's answer was not understood (${error.message}). Are both of the same version?`)
      )
    )
  })

const get = (to: URL, token: string) =>
  Effect.tryPromise({
    try: async (signal) => {
      // not imported: an import of node:http reads all of its exports, and one of them loads fetch
      const { request } = process.getBuiltinModule(to.protocol === "https:" ? "node:https" : "node:http")
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const headers = { authorization: `Bearer ${token}`, accept: "application/json" }
        request(
          to,
          { headers, agent: false, signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) },
          resolve
        )
          .on("error", reject)
          .end()
      })
      const parts: Array<Buffer> = []
      let size = 0
      for await (const part of response) {
        if (!Buffer.isBuffer(part)) continue
        size += part.length
        if (size > maxBytes) throw new Error("the answer is larger than 64 MiB")
        parts.push(part)
      }
      return { status: response.statusCode ?? 0, text: Buffer.concat(parts).toString("utf8") }
    },
    catch: (cause) => cannotTell(`The hub does not answer (${why(cause)}). Is it running? signalbox up starts it.`)
  })

const Problem = Schema.fromJsonString(
  Schema.Struct({
    title: Schema.optionalKey(Schema.String),
    detail: Schema.optionalKey(Schema.String),
    errors: Schema.optionalKey(
      Schema.Array(
        Schema.Struct({ path: Schema.Array(Schema.Union([Schema.String, Schema.Finite])), message: Schema.String })
      )
    )
  })
)

/** As the typed client's problems are told: 1 where the hub says no, 2 where it cannot tell. */
const refusal = (status: number, text: string): CommandFailed => {
  const problem = Option.getOrUndefined(Schema.decodeUnknownOption(Problem)(text))
  const issues = problem?.errors?.map(({ path, message }) =>
    [path.filter((part) => part !== "params" && part !== "query").join("."), message].filter(Boolean).join(": ")
  )
  const sentence = issues?.join("; ") || problem?.detail || problem?.title || `The hub answered ${status}.`
  return [400, 422, 503].includes(status) ? cannotTell(sentence) : failed(sentence)
}

const why = (cause: unknown): string =>
  cause instanceof Error && "code" in cause
    ? String(cause.code)
    : cause instanceof Error
      ? cause.message
      : "no connection"
