/**
 * The official openai SDK: its client, and what its errors tell.
 *
 * Owns: making a client for one request, reading what it throws. Does not own: what is asked (`chat-completions.ts`, `responses.ts`).
 * Invariants: nothing is taken from the environment behind our back; the SDK itself never tries again; an error that came in the
 * middle of a stream is marked so, because it says nothing about what the server has.
 */
import type OpenAI from "openai"
import { Option, Redacted, Schema } from "effect"
import type { Provider, Trouble, Wire } from "./adapter.ts"

export const clientOf = async (provider: Provider, wire: Wire): Promise<OpenAI> => {
  const { default: Client } = await import("openai")
  return new Client({
    // the SDK wants one even where the server does not
    apiKey: provider.key === undefined ? "none" : Redacted.value(provider.key),
    adminAPIKey: null,
    organization: null,
    project: null,
    baseURL: provider.url,
    fetch: wire.fetch,
    maxRetries: 0,
    logLevel: "off"
  })
}

/** A field that some servers leave out and others fill with null. */
export const maybe = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Code = Schema.Union([Schema.String, Schema.Int])
/** As the body of a refusal has it, an error in the middle of a stream, and a response that failed. */
export const Told = Schema.Struct({
  message: maybe(Schema.String),
  type: maybe(Schema.String),
  code: maybe(Code),
  param: maybe(Schema.String)
})
const decodeError = Schema.decodeUnknownOption(
  Schema.Struct({
    status: Schema.optionalKey(Schema.UndefinedOr(Schema.Int)),
    error: Schema.optionalKey(Schema.UndefinedOr(Schema.Union([Told, Schema.String])))
  })
)

export const explainError = (error: unknown): Trouble | undefined => {
  const read = decodeError(error)
  if (!(error instanceof Error) || Option.isNone(read)) return undefined
  const { status, error: body } = read.value
  if (typeof body === "string") return status === undefined ? undefined : { status, codes: [], message: body }
  const codes = [body?.type, body?.code, body?.param].flatMap((code) => (code == null ? [] : [String(code)]))
  const message = body?.message ?? error.message
  if (status !== undefined) return { status, codes, message }
  const told = typeof body?.code === "number" ? body.code : statusOfCodes(codes)
  if (told === undefined) return undefined
  const retryAfterMs = told === 429 ? pauseIn(message) : undefined
  return { status: told, codes, message, midstream: true, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}

/** Errors in the middle of a stream have no status. */
const statusOfCodes = (codes: ReadonlyArray<string>): number | undefined => {
  if (codes.length === 0) return undefined
  if (codes.some((code) => /rate_limit|insufficient_quota/u.test(code))) return 429
  if (codes.some((code) => /overloaded|slow_down/u.test(code))) return 503
  return codes.some((code) => /^invalid_|context_length|model_not_found|policy|residency/u.test(code)) ? 400 : 500
}

/** In the middle of a stream the wait stands in the sentence alone: "Please try again in 1.2s." */
const pauseIn = (message: string): number | undefined => {
  const [, amount, unit] = /try again in (\d+(?:\.\d+)?) ?(ms|s)\b/u.exec(message) ?? []
  return amount === undefined ? undefined : Number(amount) * (unit === "ms" ? 1 : 1_000)
}
