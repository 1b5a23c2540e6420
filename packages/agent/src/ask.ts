/**
 * One HTTP request to the hub: JSON there, JSON back, checked.
 *
 * Owns: limits and what a refusal means. Does not own: the connection (`dial.ts`), what is asked (enrollment, sign-in).
 */
import * as http from "node:http"
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

export const ask = async <A>(
  target: Target,
  path: string,
  body: Schema.Json,
  answer: Schema.Codec<A, unknown>
): Promise<A> => {
  const { status, text, retryAfter } = await send(target, path, JSON.stringify(body))
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

const send = async (target: Target, path: string, body: string): Promise<Answer> => {
  const socket = await dial(target)
  // of the whole answer: whoever sends a byte now and then is not waited for
  const limit = setTimeout(() => socket.destroy(new Error(`no answer in ${askMillis / 1_000} s`)), askMillis)
  try {
    return await new Promise<Answer>((resolve, reject) => {
      const request = http.request(
        {
          method: "POST",
          path,
          headers: {
            host: new URL(target.hub).host,
            "content-type": "application/json",
            "content-length": Buffer.byteLength(body),
            connection: "close"
          },
          createConnection: () => socket
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
    throw new Trouble(`${target.hub} does not answer: ${reasonOf(cause)}.`)
  } finally {
    clearTimeout(limit)
    socket.destroy()
  }
}
