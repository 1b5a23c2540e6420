/**
 * A conversation as a client over HTTP has it: the commands, and the live stream.
 *
 * Owns: those calls. Does not own: processes (`signalbox.ts`), the model (`providers/stand-in.ts`).
 */
import { randomUUID } from "node:crypto"
import { type Home, hubFetch, until } from "../support/signalbox.ts"

export interface Said {
  readonly conversationId: string
  readonly replyId: string
  readonly version: number
}
export interface LiveEvent {
  readonly version: number
  readonly at: string
  readonly type: string
  readonly data: { readonly [key: string]: unknown }
}

const call = async <A>(home: Home, method: string, path: string, body: object = {}): Promise<A> => {
  const response = await hubFetch(home, `/api/v1/conversations${path}`, {
    method,
    ...(method === "GET" ? {} : { body: JSON.stringify({ ...body, commandId: randomUUID() }) })
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path} → ${response.status} ${text}`)
  return JSON.parse(text) as A
}

export const begin = (home: Home, model: string, text: string, more: object = {}): Promise<Said> =>
  call(home, "POST", "/", { model, first: { text }, ...more })
export const send = (home: Home, id: string, text: string): Promise<Said> =>
  call(home, "POST", `/${id}/messages`, { text })
export const regenerate = (home: Home, id: string): Promise<Said> => call(home, "POST", `/${id}/regenerate`)
export const summarize = (home: Home, id: string): Promise<unknown> => call(home, "POST", `/${id}/summarize`)
export const interrupt = (home: Home, id: string): Promise<unknown> => call(home, "POST", `/${id}/interrupt`)
export const decide = (home: Home, id: string, callId: string, approve: boolean): Promise<unknown> =>
  call(home, "POST", `/${id}/calls/${callId}`, { approve })
export const eventsOf = async (home: Home, id: string): Promise<ReadonlyArray<LiveEvent>> =>
  (await call<{ events: ReadonlyArray<LiveEvent> }>(home, "GET", `/${id}/events?limit=500`)).events

/** Waits for the nth event of a type. */
export const happened = async (home: Home, id: string, type: string, nth = 1, timeoutMs = 60_000): Promise<LiveEvent> =>
  (
    await until(`${type} (${nth}) of ${id}`, timeoutMs, async () => {
      const events = await eventsOf(home, id)
      const found = events.filter((event) => event.type === type)[nth - 1]
      if (found === undefined) throw new Error(events.map((event) => event.type).join(" "))
      return found
    })
  ).value

/** The text that a follower of the live stream has, while it grows. */
export const follow = async (home: Home, id: string, from?: number) => {
  const stop = new AbortController()
  const response = await hubFetch(
    home,
    `/api/v1/conversations/${id}/live${from === undefined ? "" : `?from=${from}`}`,
    {
      headers: { accept: "text/event-stream" },
      signal: stop.signal
    }
  )
  if (!response.ok || response.body === null) throw new Error(`live → ${response.status} ${await response.text()}`)
  const seen = { text: "", types: new Array<string>(), stop: () => stop.abort() }
  void read(response.body, (event, data) => {
    if (event === "delta") seen.text += String(data["text"])
    else if (event === "event") seen.types.push(String(data["type"]))
  }).catch(() => {})
  return seen
}

const read = async (
  body: ReadableStream<Uint8Array>,
  hear: (event: string, data: { readonly [key: string]: unknown }) => void
): Promise<void> => {
  let rest = ""
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const frames = (rest + chunk).split("\n\n")
    rest = frames.pop() ?? ""
    for (const frame of frames) {
      const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, "mu").exec(frame)?.[1]
      const data = field("data")
      if (data !== undefined) hear(field("event") ?? "message", JSON.parse(data))
    }
  }
}
