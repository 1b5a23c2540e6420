/**
 * HTTP requests to the hub, one after another over one connection: JSON there, JSON back, checked.
 *
 * Owns: limits and what a refusal means. Does not own: the connection (`dial.ts`), what is asked (enrollment, sign-in).
 * Invariants: all of it together has so much time and no more; a hub that hangs up after each answer is called again.
 */
import * as http from "node:http"
import { type Duplex, PassThrough } from "node:stream"
import { Result, Schema } from "effect"
import { dial, type Target } from "./dial.ts"
import { reasonOf, Trouble } from "./trouble.ts"

const answerLimit = 64 * 1024
const askMillis = 20_000

export class Refused extends Trouble {
  /** The problem's type where the hub named one. */
  readonly problem: string | undefined
  readonly retryAfterSeconds: number | undefined
  constructor(problem: string | undefined, reason: string, retryAfter: string | undefined) {
    super(reason)
    this.problem = problem
    this.retryAfterSeconds = /^[0-9]{1,5}$/u.test(retryAfter ?? "") ? Number(retryAfter) : undefined
  }
}

const Problem = Schema.fromJsonString(Schema.Struct({ detail: Schema.String, type: Schema.optionalKey(Schema.String) }))

export type Ask = <A>(path: string, body: Schema.Json, answer: Schema.Codec<A, unknown>) => Promise<A>

export const conversing = async <A>(target: Target, talk: (ask: Ask) => Promise<A>): Promise<A> => {
  const opened = new Set<Duplex>()
  const over = new AbortController()
  const open = async (): Promise<Duplex> => {
    const socket = await dial(target)
    opened.add(socket)
    if (over.signal.aborted) socket.destroy()
    return socket
  }
  let first: Duplex | undefined = await open()
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  agent.createConnection = (_, done) => {
    const socket = first
    first = undefined
    if (socket === undefined)
      void open().then(
        (next) => done?.(null, next),
        (cause: Error) => done?.(cause, new PassThrough()) // at which nobody looks
      )
    return socket
  }
  const limit = setTimeout(() => over.abort(), askMillis)
  try {
    return await talk((path, body, answer) => ask({ target, agent, signal: over.signal }, path, body, answer))
  } finally {
    clearTimeout(limit)
    over.abort()
    agent.destroy()
    for (const socket of opened) socket.destroy()
  }
}

interface By {
  readonly target: Target
  readonly agent: http.Agent
  readonly signal: AbortSignal
}

const ask = async <A>(by: By, path: string, body: Schema.Json, answer: Schema.Codec<A, unknown>): Promise<A> => {
  const { status, text, retryAfter } = await send(by, path, JSON.stringify(body))
  if (status !== 200) {
    const problem = Schema.decodeUnknownResult(Problem)(text)
    const reason = Result.isSuccess(problem)
      ? problem.success.detail
      : `The hub answered ${path} with status ${status}.`
    throw new Refused(Result.isSuccess(problem) ? problem.success.type : undefined, reason, retryAfter)
  }
  const decoded = Schema.decodeUnknownResult(Schema.fromJsonString(answer))(text)
  if (Result.isFailure(decoded))
    throw new Trouble(`What the hub answered on ${path} does not fit: ${decoded.failure.message}`)
  return decoded.success
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly retryAfter: string | undefined
}

const send = async ({ target, agent, signal }: By, path: string, body: string): Promise<Answer> => {
  try {
    return await new Promise<Answer>((resolve, reject) => {
      const request = http.request(
        {
          method: "POST",
          path,
          headers: {
            host: new URL(target.hub).host,
            "content-type": "application/json",
            "content-length": Buffer.byteLength(body)
          },
          agent,
          signal
        },
        (response) => {
          const parts: Array<Buffer> = []
          let size = 0
          response.on("data", (part: Buffer) => {
            size += part.length
            if (size > answerLimit) request.destroy(new Error("the answer is too long"))
            else parts.push(part)
          })
          response.once("end", () =>
            resolve({
              status: response.statusCode ?? 0,
              text: Buffer.concat(parts).toString("utf8"),
              retryAfter: response.headers["retry-after"]
            })
          )
          response.once("error", reject)
        }
      )
      request.once("error", reject)
      request.end(body)
    })
  } catch (cause) {
    const reason = signal.aborted ? `no answer in ${askMillis / 1_000} s` : reasonOf(cause)
    throw new Trouble(`${target.hub} does not answer: ${reason}.`)
  }
}
