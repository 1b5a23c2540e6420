/**
 * A local server that speaks a provider's protocol, says what a test tells it to, and remembers what it was asked.
 *
 * Owns: the socket, the script, the pace, the record, the counts. Does not own: wire formats (dialects), words (`script.ts`).
 * Invariants: `counted` is exactly what went out in usage fields, per model; a request that the client gave up is marked so.
 */
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import { makeAnthropic } from "./anthropic.ts"
import { type Came, type Dialect, parsed, type Plain } from "./dialect.ts"
import { makeGemini } from "./gemini.ts"
import { makeOpenai } from "./openai.ts"
import { withResponses } from "./responses.ts"
import {
  type Answer,
  answerOf,
  type Asked,
  type Counted,
  type Fault,
  piecesOf,
  type Reply,
  tokensOf
} from "./script.ts"

export type ProviderKind = "anthropic" | "gemini" | "openai" | "openrouter" | "vllm" | "ollama"

/** One chat request, kept while and after it is answered. */
export interface Recorded extends Asked {
  /** What the client was told it used. */
  counted: Counted | undefined
  /** Tokens of text that were written. */
  written: number
  ended: "running" | "whole" | "cut" | "refused" | "given-up"
}

export interface StandIn {
  readonly kind: ProviderKind
  /** http://127.0.0.1:PORT */
  readonly url: string
  readonly key: string | undefined
  /** What makes a worker use this server. */
  readonly env: { readonly [name: string]: string }
  /** Chat requests in the order in which they came. */
  readonly requests: ReadonlyArray<Recorded>
  /** Requests of another kind, as "GET /v1/models". */
  readonly others: ReadonlyArray<string>
  /** Answers of the next chat requests, one each. */
  readonly next: (...answers: ReadonlyArray<Answer>) => void
  /** Answers what `next` does not; default `answerOf`. */
  readonly otherwise: (answer: (asked: Asked) => Answer) => void
  /** Lists and the like fail so from now on; undefined: they do not. */
  readonly failLists: (fault: Fault | "stall" | undefined) => void
  /** Sums of what was told, by model. */
  readonly counted: () => ReadonlyMap<string, Counted & { readonly requests: number }>
  readonly close: () => Promise<void>
}

const MAX_BODY = 64 * 1024 * 1024

export interface ProviderOptions {
  readonly port?: number
  /** Another server at OpenAI's address, that knows Chat Completions only. */
  readonly chatOnly?: true
}

export const startProvider = async (kind: ProviderKind, options: ProviderOptions = {}): Promise<StandIn> => {
  const dialect = dialectOf(kind, options)
  const requests: Array<Recorded> = []
  const others: Array<string> = []
  const script: Array<Answer> = []
  let otherwise: (asked: Asked) => Answer = answerOf
  let listFault: Fault | "stall" | undefined

  const chat = async (asked: Asked, res: ServerResponse): Promise<void> => {
    const record: Recorded = { ...asked, counted: undefined, written: 0, ended: "running" }
    requests.push(record)
    const gone = new AbortController()
    res.on("close", () => {
      if (record.ended === "running") record.ended = "given-up"
      gone.abort()
    })
    const refused = dialect.check(asked)
    if (refused !== undefined) {
      record.ended = "refused"
      return plain(res, refused)
    }
    const answer = script.shift() ?? otherwise(asked)
    switch (answer._tag) {
      case "Stall":
        return
      case "Hangup":
        record.ended = "cut"
        res.destroy()
        return
      case "Plain":
        record.ended = "refused"
        return plain(res, answer)
      case "Fault":
        record.ended = "refused"
        return plain(res, dialect.fault(answer.fault, asked, answer.retryAfterMs))
      case "Reply":
        await speak(dialect, record, answer, res, gone.signal)
    }
  }

  const server = createServer((req, res) => {
    void readBody(req).then(async (body) => {
      if (body === undefined) return plain(res, { status: 413, body: { error: "too large" } })
      const came = toCame(req, body)
      if (dialect.key !== undefined && dialect.keyOf(came) !== dialect.key)
        return plain(res, dialect.fault("bad-key", { model: "" }, undefined))
      const asked = dialect.read(came)
      if (asked !== undefined) return await chat(asked, res)
      others.push(`${came.method} ${came.path}`)
      if (listFault === "stall") return
      if (listFault !== undefined) return plain(res, dialect.fault(listFault, { model: "" }, undefined))
      plain(res, dialect.answer(came) ?? { status: 404, body: { error: { message: "no such path" } } })
    })
  })
  server.listen(options.port ?? 0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`

  return {
    kind,
    url,
    key: dialect.key,
    env: environmentOf(kind, url, dialect.key ?? ""),
    requests,
    others,
    next: (...answers) => void script.push(...answers),
    otherwise: (answer) => {
      otherwise = answer
    },
    failLists: (fault) => {
      listFault = fault
    },
    counted: () => sumOf(requests),
    close: async () => {
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      await once(server, "close")
    }
  }
}

const dialectOf = (kind: ProviderKind, { chatOnly }: ProviderOptions): Dialect => {
  if (kind === "anthropic") return makeAnthropic()
  if (kind === "gemini") return makeGemini()
  const chat = makeOpenai(kind)
  return kind === "openai" && chatOnly === undefined ? withResponses(chat) : chat
}

const environmentOf = (kind: ProviderKind, url: string, key: string): { readonly [name: string]: string } => {
  switch (kind) {
    case "anthropic":
      return { ANTHROPIC_API_KEY: key, ANTHROPIC_BASE_URL: url }
    case "gemini":
      return { GEMINI_API_KEY: key, GOOGLE_GEMINI_BASE_URL: url }
    case "openai":
      return { OPENAI_API_KEY: key, OPENAI_BASE_URL: `${url}/v1` }
    case "openrouter":
      return { OPENROUTER_API_KEY: key, OPENROUTER_BASE_URL: `${url}/api/v1` }
    case "vllm":
      return { VLLM_BASE_URL: `${url}/v1` }
    case "ollama":
      return { OLLAMA_HOST: url.replace("http://", "") }
  }
}

/** Writes the frames at the script's pace; late tokens follow at once, so the pace holds on a busy machine. */
const speak = async (
  dialect: Dialect,
  record: Recorded,
  answer: Reply,
  res: ServerResponse,
  gone: AbortSignal
): Promise<void> => {
  const counted = countOf(dialect, record, answer)
  const rest = async (ms: number): Promise<void> => {
    if (ms > 0) await sleep(ms, undefined, { signal: gone }).catch(() => {})
  }
  // the SDKs answer as soon as there are headers; the true servers send them when the model has begun
  if (answer.pingMs === undefined) await rest(answer.delayMs ?? 0)
  if (gone.aborted) return
  res.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" })
  res.flushHeaders()
  if (answer.pingMs !== undefined && dialect.ping !== undefined)
    for (let passed = 0; passed < (answer.delayMs ?? 0) && !gone.aborted; passed += answer.pingMs) {
      res.write(dialect.ping)
      await rest(answer.pingMs)
    }
  const began = performance.now()
  let frames = 0
  for (const frame of dialect.frames(record, answer, counted)) {
    if (gone.aborted) return
    const over = answer.cut !== undefined && record.written >= answer.cut.after
    // a cut after 0 lets the frames before the first token out
    if (over && (frame.token === true || record.written > 0))
      return await cut(dialect, record, answer.cut?.how ?? "end", res, frames)
    if (frame.afterMs !== undefined) await rest(frame.afterMs)
    if (gone.aborted) return
    if (frame.token === true) {
      if (answer.gate?.after === record.written) await opened(answer.gate.open, gone)
      await rest(began + (record.written + 1) * (answer.everyMs ?? 0) - performance.now())
      if (gone.aborted) return
      record.written++
    }
    if (frame.counts !== undefined) record.counted = frame.counts
    if (frame.last === true) record.ended = "whole"
    frames++
    if (!res.write(frame.text)) await once(res, "drain", { signal: gone }).catch(() => undefined)
  }
  if (gone.aborted) return
  record.ended = "whole"
  res.end()
}

/** Or the client has gone. */
const opened = (open: Promise<unknown>, gone: AbortSignal): Promise<unknown> =>
  Promise.race([open, new Promise<void>((resolve) => gone.addEventListener("abort", () => resolve(), { once: true }))])

const cut = async (
  dialect: Dialect,
  record: Recorded,
  how: NonNullable<Reply["cut"]>["how"],
  res: ServerResponse,
  frames: number
): Promise<void> => {
  if (how === "stall") return
  record.ended = "cut"
  if (how === "reset") {
    // what was written shall arrive before the break
    await new Promise<void>((resolve) => res.write("", () => resolve()))
    res.destroy()
  } else if (how === "end") res.end()
  else res.end(dialect.midstream(how, record, frames))
}

const countOf = (dialect: Dialect, asked: Asked, answer: Reply): Counted => {
  const spoken = (answer.pieces ?? piecesOf(answer.text ?? "")).length
  const called = (answer.calls ?? []).reduce((sum, call) => sum + tokensOf(call.name + JSON.stringify(call.args)), 0)
  const reasoning = answer.usage?.reasoning ?? piecesOf(answer.thinking ?? "").length
  const input = asked.messages.reduce((sum, message) => sum + 3 + tokensOf(message.text), 3 + tokensOf(asked.system))
  const plainly = { input, output: spoken + called + reasoning, cached: 0, cacheWrite: 0, reasoning }
  return { ...(dialect.count?.(asked, plainly) ?? plainly), ...answer.usage }
}

const sumOf = (requests: ReadonlyArray<Recorded>): ReadonlyMap<string, Counted & { readonly requests: number }> => {
  const sums = new Map<string, Counted & { readonly requests: number }>()
  for (const { model, counted } of requests) {
    if (counted === undefined) continue
    const sum = sums.get(model)
    sums.set(model, {
      requests: (sum?.requests ?? 0) + 1,
      input: (sum?.input ?? 0) + counted.input,
      output: (sum?.output ?? 0) + counted.output,
      cached: (sum?.cached ?? 0) + counted.cached,
      cacheWrite: (sum?.cacheWrite ?? 0) + counted.cacheWrite,
      reasoning: (sum?.reasoning ?? 0) + counted.reasoning
    })
  }
  return sums
}

const readBody = async (req: IncomingMessage): Promise<string | undefined> => {
  const chunks: Array<Buffer> = []
  let size = 0
  try {
    for await (const chunk of req) {
      const bytes: Buffer = Buffer.from(chunk)
      size += bytes.length
      if (size > MAX_BODY) return undefined
      chunks.push(bytes)
    }
  } catch {
    return undefined // the client went away in the middle of its request
  }
  return Buffer.concat(chunks).toString("utf8")
}

const toCame = (req: IncomingMessage, body: string): Came => {
  const url = new URL(req.url ?? "/", "http://127.0.0.1")
  return {
    method: req.method ?? "GET",
    path: url.pathname,
    query: url.searchParams,
    headers: Object.fromEntries(Object.entries(req.headers).map(([name, value]) => [name, String(value)])),
    body: parsed(body),
    at: Date.now()
  }
}

const plain = (res: ServerResponse, { status, headers, body }: Plain): void => {
  if (res.destroyed) return
  res.writeHead(status, { "content-type": "application/json", ...headers })
  res.end(typeof body === "string" ? body : JSON.stringify(body))
}
