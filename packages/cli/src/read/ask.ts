/**
 * Plain questions to the hub over node's own HTTP: one request, its answer checked, its refusals in one sentence.
 *
 * Owns: the request, exit codes of what the hub says. Does not own: the shapes (beside each read), where the hub is
 * (`now.ts`, `HubConnection.ts`), acts (`hub.ts`, the typed client).
 * Invariants: an answer that does not fit is an error; at most 64 MiB are read, within a minute.
 */
import type { IncomingMessage } from "node:http"
import { mustBe } from "@signalbox/core/config/words.ts"
import { ReadFailed } from "./definition.ts"
import { json, list, record, type Shape, text } from "./shape.ts"

export interface Where {
  readonly url: string
  readonly token: string
  /** Of its certificate; undefined: a public authority says who it is. */
  readonly fingerprint?: string | undefined
}
type Query = Readonly<Record<string, string | number | ReadonlyArray<string> | undefined>>

export interface Ask {
  readonly url: string
  readonly get: <A>(path: string, query: Query, shape: Shape<A>) => Promise<A>
}
export interface Order extends Ask {
  readonly post: <A>(path: string, body: object, shape: Shape<A>) => Promise<A>
  /** Whether a line of what the hub streams there held the text within the time. */
  readonly sees: (path: string, query: Query, text: string, withinMs: number) => Promise<boolean>
}

const maxBytes = 64 * 1024 * 1024
const timeoutMs = 60_000

export const askAt = ({ url, token, fingerprint }: Where): Order => {
  const at = (path: string, query: Query): URL => {
    const to = new URL(path, url)
    for (const [name, value] of Object.entries(query))
      for (const one of typeof value === "object" ? value : value === undefined ? [] : [value])
        to.searchParams.append(name, String(one))
    return to
  }
  const answered = async <A>(to: URL, body: string | undefined, shape: Shape<A>): Promise<A> => {
    const fetching = opened(to, token, fingerprint, body).then(whole)
    const { status, text } = await fetching.catch((cause: unknown) => {
      throw new ReadFailed(`The hub does not answer (${why(cause)}). Is it running? signalbox up starts it.`, 2)
    })
    const answer = parsed(text)
    if (status !== 200 && status !== 201) throw refusal(status, answer)
    if (shape(answer)) return answer
    throw new ReadFailed(`The hub's answer to ${to.pathname} was not understood. Are both of the same version?`, 2)
  }
  return {
    url,
    get: (path, query, shape) => answered(at(path, query), undefined, shape),
    post: (path, body, shape) => answered(at(path, {}), JSON.stringify(body), shape),
    sees: async (path, query, text, withinMs) => {
      const response = await opened(at(path, query), token, fingerprint, undefined)
      const timer = setTimeout(() => response.destroy(), withinMs)
      let rest = ""
      try {
        for await (const part of response.setEncoding("utf8")) {
          rest += String(part)
          if (rest.includes(text)) return true
          rest = rest.slice(rest.lastIndexOf("\n") + 1)
        }
        return false
      } catch {
        return false // its time was over, or the hub is gone: whoever asks looks another way
      } finally {
        clearTimeout(timer)
        response.destroy()
      }
    }
  }
}

const opened = async (
  to: URL,
  token: string,
  fingerprint: string | undefined,
  body: string | undefined
): Promise<IncomingMessage> => {
  // not imported: an import of node:http reads all of its exports, and one of them loads fetch
  const { request } = process.getBuiltinModule(to.protocol === "https:" ? "node:https" : "node:http")
  const pinned =
    fingerprint === undefined || to.protocol !== "https:"
      ? {}
      : { createConnection: (await import("@signalbox/core/api/pin.ts")).pinnedConnection(to, fingerprint) }
  return new Promise<IncomingMessage>((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      accept: "application/json, text/event-stream",
      ...(body === undefined ? {} : { "content-type": "application/json" })
    }
    const method = body === undefined ? "GET" : "POST"
    const asked = request(to, { method, headers, timeout: timeoutMs, ...pinned }, resolve)
    asked
      .on("timeout", () => asked.destroy(new Error(`nothing for ${timeoutMs / 1000} s`)))
      .on("error", reject)
      .end(body)
  })
}

const whole = async (response: IncomingMessage): Promise<{ readonly status: number; readonly text: string }> => {
  const parts: Array<Buffer> = []
  let size = 0
  for await (const part of response) {
    if (!Buffer.isBuffer(part)) continue
    size += part.length
    if (size > maxBytes) throw new Error("the answer is larger than 64 MiB")
    parts.push(part)
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(parts).toString("utf8") }
}

/** Undefined: not JSON. */
const parsed = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

const isProblem = record({}, { title: text, detail: text, errors: list(record({ path: list(json), message: text })) })

/** As the typed client's problems are told: 1 where the hub says no, 2 where it cannot tell. */
const refusal = (status: number, answer: unknown): ReadFailed => {
  const problem = isProblem(answer) ? answer : {}
  const issues = problem.errors?.map(({ path, message }) => {
    const where = path.filter((part) => part !== "params" && part !== "query").join(".")
    const said = mustBe(message)
    return where === "" ? said : said === message ? `${where}: ${message}` : `${where} ${said}`
  })
  const sentence = issues?.join("; ") || problem.detail || problem.title || `The hub answered ${status}.`
  return new ReadFailed(sentence, [400, 422, 503].includes(status) ? 2 : 1)
}

const why = (cause: unknown): string =>
  cause instanceof Error && "code" in cause
    ? String(cause.code)
    : cause instanceof Error
      ? cause.message
      : "no connection"
