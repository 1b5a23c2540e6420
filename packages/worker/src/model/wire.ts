/**
 * One request on the wire: its abort, its signs of life, and what its headers asked for.
 *
 * Owns: the watchdog (no byte for too long), the limit of bytes, `retry-after`. Does not own: what the bytes mean.
 * Invariants: every byte counts as life, pings too; once closed nothing of the request goes on; the SDKs see plain `fetch`.
 */
import type { Wire } from "./adapter.ts"

export interface Patience {
  /** Silence until the model has begun to answer. Some think for minutes before their first word, and local ones load first. */
  readonly firstMs: number
  /** Silence afterwards. */
  readonly silenceMs: number
}

export interface OpenWire extends Wire {
  /** The model has begun: from now on `silenceMs` counts. */
  readonly begun: () => void
  /** It thinks in silence: `firstMs` counts, until it has begun again. */
  readonly pondering: () => void
  /** The silence that is borne just now. */
  readonly limitMs: () => number
  /** Why we gave up ourselves; undefined: we did not. */
  readonly gaveUp: () => "stalled" | "too-much" | undefined
  /** From the last answer's headers. */
  readonly retryAfterMs: () => number | undefined
  /** The server said not to try again. */
  readonly mayRetry: () => boolean
  readonly close: () => void
}

/** Far more than any answer; a server that sends more is broken or hostile. */
const MOST_BYTES = 64 * 1024 * 1024

/** @param go nothing is sent before it has resolved */
export const openWire = (patience: Patience, now: () => number, go?: Promise<void>): OpenWire => {
  const controller = new AbortController()
  let verdict: "stalled" | "too-much" | undefined
  let headers: Headers | undefined
  let bytes = 0
  let limit = patience.firstMs
  let timer: NodeJS.Timeout | undefined
  const giveUp = (why: "stalled" | "too-much") => {
    verdict ??= why
    controller.abort()
  }
  const alive = () => {
    clearTimeout(timer)
    if (!controller.signal.aborted) timer = setTimeout(() => giveUp("stalled"), limit)
  }
  const bear = (ms: number) => {
    if (limit === ms) return
    limit = ms
    alive()
  }
  return {
    signal: controller.signal,
    fetch: async (input, init) => {
      if (go !== undefined) await go
      controller.signal.throwIfAborted()
      alive() // not before: loading an SDK takes its time too
      const response = await fetch(input, init)
      alive()
      headers = response.headers
      if (response.body === null) return response
      const reader = response.body.getReader()
      // read when it is asked for: a transform in between would cost each chunk several turns
      const watched = new ReadableStream<Uint8Array>(
        {
          pull: async (out) => {
            const { done, value } = await reader.read()
            if (done) return out.close()
            alive()
            bytes += value.byteLength
            if (bytes > MOST_BYTES) {
              giveUp("too-much")
              return out.error(controller.signal.reason)
            }
            out.enqueue(value)
          },
          cancel: (reason) => reader.cancel(reason)
        },
        { highWaterMark: 0 }
      )
      const { status, statusText } = response
      return new Response(watched, { status, statusText, headers: response.headers })
    },
    begun: () => bear(patience.silenceMs),
    pondering: () => bear(patience.firstMs),
    limitMs: () => limit,
    gaveUp: () => verdict,
    retryAfterMs: () => (headers === undefined ? undefined : retryAfterOf(headers, now())),
    mayRetry: () => headers?.get("x-should-retry") !== "false",
    close: () => {
      clearTimeout(timer)
      controller.abort()
      clearTimeout(timer)
    }
  }
}

/** Seconds, milliseconds or a date, as the header has it. */
export const retryAfterOf = (headers: Headers, now: number): number | undefined => {
  const exact = Number(headers.get("retry-after-ms") ?? Number.NaN)
  if (Number.isFinite(exact) && exact >= 0) return exact
  const text = headers.get("retry-after")
  if (text === null || text.trim() === "") return undefined
  const seconds = Number(text)
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000)
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}
