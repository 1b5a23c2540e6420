/**
 * What a stand-in provider is asked and what it is told to answer, in words of no provider.
 *
 * Owns: the neutral request, the script's vocabulary, the model that answers when no script does.
 * Does not own: wire formats (one file per dialect), the server (`stand-in.ts`).
 * Invariant: the unscripted model is a function of the request alone, so two runs say the same.
 */
export interface SaidCall {
  readonly id: string
  readonly name: string
  readonly args: unknown
}

export interface Said {
  readonly role: "user" | "assistant" | "tool"
  readonly text: string
  readonly calls: ReadonlyArray<SaidCall>
}

/** A chat request as the server understood it. */
export interface Asked {
  readonly model: string
  readonly system: string
  readonly messages: ReadonlyArray<Said>
  readonly tools: ReadonlyArray<string>
  /** The tool that must be called. */
  readonly toolChoice: string | undefined
  readonly maxTokens: number | undefined
  /** As it came. */
  readonly headers: { readonly [name: string]: string }
  readonly body: unknown
  /** Milliseconds since 1970. */
  readonly at: number
}

/** What the provider says it counted; `input` is all of the input, what came from a cache included. */
export interface Counted {
  readonly input: number
  readonly output: number
  readonly cached: number
  readonly cacheWrite: number
  readonly reasoning: number
}

/** In the provider's own words and status codes. */
export type Fault =
  | "bad-key"
  | "forbidden"
  /** Too fast: time mends it. */
  | "rate-limit"
  /** Paid up: time does not mend it. */
  | "quota"
  | "too-long"
  | "no-model"
  | "refused"
  | "overloaded"
  | "server"

export interface Reply {
  readonly text?: string
  /** The text cut as the wire shall carry it; default: words. */
  readonly pieces?: ReadonlyArray<string>
  readonly thinking?: string
  /** The text is the model's own refusal, where the protocol marks it so (OpenAI). */
  readonly refusal?: true
  readonly calls?: ReadonlyArray<{ readonly name: string; readonly args: unknown }>
  readonly usage?: Partial<Counted>
  readonly stop?: "end" | "length" | "safety"
  /** Milliseconds until the first frame, and between tokens. */
  readonly delayMs?: number
  readonly everyMs?: number
  /** Of silence while it thinks, where thoughts are not told (OpenAI). */
  readonly thinkMs?: number
  /** After so many tokens: the stream ends as if it were whole, breaks, says nothing more, or tells of an error. */
  readonly cut?: { readonly after: number; readonly how: "end" | "reset" | "stall" | Fault }
  /** After so many tokens nothing comes until it is opened. */
  readonly gate?: { readonly after: number; readonly open: Promise<unknown> }
  /** Signs of life while nothing is said (where the protocol has them), every so many milliseconds during `delayMs`. */
  readonly pingMs?: number
}

export type Answer =
  | ({ readonly _tag: "Reply" } & Reply)
  | { readonly _tag: "Fault"; readonly fault: Fault; readonly retryAfterMs?: number }
  /** Any other answer, as it stands. */
  | {
      readonly _tag: "Plain"
      readonly status: number
      readonly headers?: { readonly [name: string]: string }
      readonly body: unknown
    }
  /** The request is taken, and nothing comes back. */
  | { readonly _tag: "Stall" }
  /** The connection breaks before an answer. */
  | { readonly _tag: "Hangup" }

export const reply = (text: string, more: Reply = {}): Answer => ({ _tag: "Reply", text, ...more })
export const fault = (kind: Fault, retryAfterMs?: number): Answer => ({
  _tag: "Fault",
  fault: kind,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs })
})
export const stall: Answer = { _tag: "Stall" }
export const hangup: Answer = { _tag: "Hangup" }

/** Roughly what tokenizers do; what matters is that what is told is what is counted. */
export const tokensOf = (text: string): number => Math.ceil(text.length / 4)

/** Words with the space before them; nothing is lost. */
export const piecesOf = (text: string): ReadonlyArray<string> => text.match(/\s*\S+|\s+$/gu) ?? []

const faults: ReadonlyArray<string> = [
  "bad-key",
  "forbidden",
  "rate-limit",
  "quota",
  "too-long",
  "no-model",
  "refused",
  "overloaded",
  "server"
] satisfies ReadonlyArray<Fault>
const isFault = (word: string): word is Fault => faults.includes(word)

/**
 * The model behind the stand-ins when no test says otherwise. It knows what stands in its context and nothing else:
 * "the code word is heron" anywhere lets it answer "what is the code word?"; asked for a summary it tells every such fact.
 * By hand: `say 50 words`, `say 50 words every 40`, `call NAME {"json": "args"}`, `fault quota`.
 */
export const answerOf = (asked: Asked): Answer => {
  const last = asked.messages.at(-1)
  const said = last?.text ?? ""
  if (asked.toolChoice !== undefined) return { _tag: "Reply", calls: [{ name: asked.toolChoice, args: {} }] }
  if (last?.role === "tool") return reply(`The tool said: ${said.slice(0, 400)}`)

  const failing = /\bfault ([a-z-]+)/u.exec(said)?.[1]
  if (failing !== undefined && isFault(failing)) return fault(failing)
  const calling = /\bcall ([A-Za-z_][\w-]*) (\{.*\})/su.exec(said)
  if (calling !== null) return callOf(calling[1] ?? "", calling[2] ?? "")
  const counting = /\bsay (\d{1,5}) words(?: every (\d{1,5}))?/u.exec(said)
  if (counting !== null) {
    const words = Array.from({ length: Number(counting[1]) }, (_, index) => `word${index + 1}`)
    return reply(words.join(" "), counting[2] === undefined ? {} : { everyMs: Number(counting[2]) })
  }

  const facts = factsOf([asked.system, ...asked.messages.map((message) => message.text)])
  if (/\bsummar/iu.test(said) || /^you summarize\b/iu.test(asked.system))
    return reply(
      `What was said so far, in ${asked.messages.length} messages: ` +
        [...facts].map(([name, value]) => `the ${name} is ${value}.`).join(" ")
    )
  const wanted = /\bwhat is the ([a-z][a-z ]{1,40}?)\s*\?/iu.exec(said)?.[1]?.toLowerCase()
  if (wanted !== undefined) {
    const known = facts.get(wanted)
    return reply(known === undefined ? `I do not know the ${wanted}.` : `The ${wanted} is ${known}.`)
  }
  return reply(
    `You said: ${said.slice(0, 2_000)}\n\nThat was message ${asked.messages.length}, answered by ${asked.model}.`
  )
}

const callOf = (name: string, json: string): Answer => {
  try {
    const args: unknown = JSON.parse(json)
    return { _tag: "Reply", text: `I call ${name}.`, calls: [{ name, args }] }
  } catch {
    return reply(`That is not JSON: ${json}`)
  }
}

/** The last word on a thing counts. */
const factsOf = (texts: ReadonlyArray<string>): ReadonlyMap<string, string> => {
  const facts = new Map<string, string>()
  for (const text of texts)
    for (const [, name, value] of text.matchAll(/\bthe ([a-z][a-z ]{1,40}?) is ([\w-]+)/giu))
      if (name !== undefined && value !== undefined) facts.set(name.toLowerCase(), value)
  return facts
}
