/**
 * From what went wrong to one calm sentence: who, why, the mend.
 *
 * Owns: kinds of failure, their sentences, what may be tried again. Does not own: reading SDKs' errors (adapters), waiting.
 * Invariants: pure; a sentence never holds a key, nor a URL's path; a provider's own words are cut and on one line.
 */
import { Redacted } from "effect"
import type { FailureKind } from "@signalbox/core/model/message.ts"
import { BrokenOff, type Provider, ToldFailure, type Trouble } from "./adapter.ts"
import { ModelFailed } from "./Models.ts"

export interface Failure {
  readonly error: ModelFailed
  /** Time may help. */
  readonly again: boolean
  /** Nobody listens there: that is no passing trouble, so it gets less patience. */
  readonly nobody?: true
  readonly retryAfterMs?: number
}

type Where = Pick<Provider, "provider" | "title" | "kind" | "url" | "key" | "keyName">

export const failed = (provider: { readonly provider: string }, kind: FailureKind, sentence: string): ModelFailed =>
  new ModelFailed({ provider: provider.provider, kind, sentence })

export const noProvider = (name: string, known: ReadonlyArray<string>): ModelFailed =>
  failed(
    { provider: name },
    "unknown-provider",
    known.length === 0
      ? `No worker has a provider named ${name}, and none is configured. Put a key such as ANTHROPIC_API_KEY into the environment of the worker, then start it again.`
      : `No provider is named ${name}. Choose a model of ${known.join(", ")} (model list), or configure it in the environment of the worker.`
  )

export const noKey = (provider: Where): ModelFailed =>
  failed(
    provider,
    "no-key",
    `There is no key for ${provider.title}. Put ${provider.keyName ?? "one"} into the environment of the worker, start it again, then send again.`
  )

export const stalled = (provider: Where, ms: number): Failure => ({
  error: failed(
    provider,
    "stalled",
    `${provider.title} has said nothing for ${seconds(ms)}, so it was not waited for any longer. What had come is kept; send again, or choose another model.`
  ),
  again: true
})

export const tooMuch = (provider: Where): Failure => ({
  error: failed(
    provider,
    "refused",
    `${provider.title} sent far more than any answer is long, so it was cut off. Look at the server, or choose another model.`
  ),
  again: false
})

/** The provider answered with an error. */
export const toldFailure = (provider: Where, model: string, trouble: Trouble): Failure => {
  const { title } = provider
  const why = inOneLine(trouble.message, provider)
  const said = `${trouble.codes.join(" ")} ${trouble.message}`.toLowerCase()
  const fail = (kind: FailureKind, sentence: string, again = false): Failure => ({
    error: failed(provider, kind, sentence),
    again,
    ...(trouble.retryAfterMs === undefined ? {} : { retryAfterMs: trouble.retryAfterMs })
  })
  const status = trouble.status ?? 0
  if (status === 401 || said.includes("api_key_invalid")) return fail("bad-key", badKey(provider))
  if (isBroke(status, said))
    return fail(
      "quota",
      `${title} says that the account of ${provider.keyName ?? "this key"} has used up its credit or quota. Raise it with the provider, or choose another model.`
    )
  if (isTooLong(status, said))
    return fail(
      "too-long",
      `The conversation is longer than ${model} can take in. Summarize it, or choose a model with a larger window.`
    )
  if (status === 404 || said.includes("model_not_found") || said.includes("not a valid model id"))
    return fail("model-gone", modelGone(provider, model))
  if (status === 403)
    return fail(
      "bad-key",
      `${title} does not allow this to the key in ${provider.keyName ?? "use"} (${why}). Give another one in the environment of the worker, or choose another model.`
    )
  if (status === 429)
    return fail(
      "quota",
      `${title} gets more requests than it allows this account (${why}). It was tried again in vain; send again a little later, or choose another model.`,
      true
    )
  if (status === 408 || status === 409 || status >= 500)
    return fail(
      "outage",
      `${title} ${status === 529 || status === 503 ? "is overloaded or down" : "has trouble of its own"} (${status}: ${why}). Send again a little later, or choose another model.`,
      true
    )
  return fail(
    "refused",
    `${title} refused the request: ${why}${/[.!?]$/u.test(why) ? "" : "."} Change the message, or choose another model.`
  )
}

/** The connection failed, or broke; or something nobody foresaw. */
export const brokenFailure = (provider: Where, error: unknown, begun: boolean): Failure => {
  const { title } = provider
  if (error instanceof ToldFailure)
    return {
      error: failed(
        provider,
        "outage",
        `${title} gave up in the middle: ${error.message}. Send again, or choose another model.`
      ),
      again: true
    }
  if (begun || error instanceof BrokenOff)
    return {
      error: failed(
        provider,
        "truncated",
        `The answer of ${title} broke off before its end. What had come is kept; send again for a whole one.`
      ),
      again: true
    }
  const code = codeOf(error)
  const host = URL.canParse(provider.url) ? new URL(provider.url).host : provider.url
  if (code !== undefined && /CERT|SSL|TLS|SELF_SIGNED|ALTNAME/u.test(code))
    return {
      error: failed(
        provider,
        "outage",
        `The certificate of ${title} at ${host} cannot be trusted (${code}). Mend it, or give its authority in NODE_EXTRA_CA_CERTS.`
      ),
      again: false
    }
  const nobody = code === "ECONNREFUSED" || code === "ENOTFOUND"
  return {
    error: failed(
      provider,
      "outage",
      `${title} cannot be reached at ${host} (${code ?? inOneLine(error instanceof Error ? error.message : String(error), provider)}). ${
        nobody ? "Start it, or mend its address" : "Look at the network"
      } in the environment of the worker, then send again.`
    ),
    again: true,
    ...(nobody ? { nobody: true as const } : {})
  }
}

const badKey = ({ title, keyName, key }: Where): string => {
  if (keyName === undefined)
    return `${title} asks for a key. Name the variable that holds it as keyEnv, in SIGNALBOX_PROVIDERS of the worker, then send again.`
  return key === undefined
    ? `${title} asks for a key. Put ${keyName} into the environment of the worker, start it again, then send again.`
    : `${title} refused the key in ${keyName}. Give another one in the environment of the worker, then send again.`
}

const modelGone = ({ title, kind }: Where, model: string): string =>
  kind === "ollama"
    ? `${title} does not have the model ${model}. Fetch it with ollama pull ${model}, or choose another one (model list).`
    : `${title} does not have the model ${model}, or not for this account. Choose another one (model list).`

/** Paid up, as opposed to too fast. */
const isBroke = (status: number, said: string): boolean =>
  status === 402 ||
  (status === 429 && /insufficient_quota|perday/u.test(said)) ||
  (status === 400 && /credit balance is too low|billing/u.test(said))

const isTooLong = (status: number, said: string): boolean =>
  status === 413 ||
  ((status === 400 || status === 422) &&
    /context_length|context length|context window|prompt is too long|exceeds? the maximum number of tokens|exceed context limit|too many tokens|maximum context|context size/u.test(
      said
    ))

const LONGEST_WHY = 300

/** A provider may quote what it was sent, the key included. */
const inOneLine = (text: string, { key }: Where): string => {
  const own = key === undefined ? "" : Redacted.value(key)
  const clean = (own.length < 8 ? text : text.replaceAll(own, "[secret]")).replaceAll(/[\s\p{Cc}]+/gu, " ").trim()
  return clean.length <= LONGEST_WHY ? clean : `${clean.slice(0, LONGEST_WHY).toWellFormed()}…`
}

/** The code of the innermost cause that has one. */
const codeOf = (error: unknown): string | undefined => {
  let code: string | undefined
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; cause = cause.cause, depth++)
    if ("code" in cause && typeof cause.code === "string") code = cause.code
  return code
}

const seconds = (ms: number): string => (ms < 1000 ? `${ms} ms` : `${Math.round(ms / 1000)} seconds`)
