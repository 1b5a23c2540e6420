/** Writing Server-Sent Events. Reading them is `core/api/sse.ts`. */
import { Context } from "effect"

/** Longest silence of a stream, in milliseconds; readers take 45 s as a broken line. */
export const Heartbeat = Context.Reference<number>("@signalbox/hub/edge/Heartbeat", { defaultValue: () => 15_000 })

const utf8 = new TextEncoder()

/** @param parts.id none: readers resume from the last one that had one @param parts.data each line becomes a data line */
export const frame = (parts: { readonly id?: string; readonly event: string; readonly data: string }): Uint8Array =>
  utf8.encode(
    `${parts.id === undefined ? "" : `id: ${parts.id}\n`}event: ${parts.event}\ndata: ${parts.data.replaceAll("\n", "\ndata: ")}\n\n`
  )

/** Readers skip it; it keeps proxies and the reader's own watchdog calm. */
export const comment = (text: string): Uint8Array => utf8.encode(`: ${text}\n\n`)

/** The first bytes: they also send the headers at once. */
export const hello: Uint8Array = utf8.encode("retry: 2000\n\n")

export const sseHeaders = { "cache-control": "no-store", "x-accel-buffering": "no" } as const
