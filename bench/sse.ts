/** From an append to a Server-Sent Events client of the hub that has the event, at 200 events a second. */
import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { dispose, hubFetch, makeHome, startHub } from "../test/support/signalbox.ts"
import { type Row, freshDatabase, logLayer, median, millis, quantile } from "./support.ts"

const perSecond = 200
const seconds = 15

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  const url = await freshDatabase()
  const home = await makeHome({ database: url })
  try {
    await startHub(home)
    const sent = new Map<string, number>()
    const times: Array<number> = []
    const stop = new AbortController()
    const stream = await hubFetch(home, "/api/v1/events", {
      headers: { accept: "text/event-stream" },
      signal: stop.signal
    })
    if (!stream.ok || stream.body === null) throw new Error(`the hub answered ${stream.status}`)
    const reading = read(stream.body, (commandId) => {
      const began = sent.get(commandId)
      if (began !== undefined) times.push(performance.now() - began)
    })
    await Effect.runPromise(drive(sent).pipe(Effect.provide(logLayer(url))))
    const deadline = Date.now() + 5000
    while (times.length < sent.size && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
    stop.abort()
    await reading.catch(() => {})
    if (times.length !== sent.size) throw new Error(`${sent.size} events were sent and ${times.length} arrived`)
    const [p50, p99] = [median(times), quantile(times, 0.99)]
    return [
      {
        what: `append → SSE client of the hub has it, at ${perSecond} events/s (the append's own time included)`,
        ours: `p50 ${millis(p50)}, p99 ${millis(p99)}`,
        against: "",
        ratio: null,
        target: "p50 ≤ 5 ms, p99 ≤ 25 ms",
        ok: p50 <= 5 && p99 <= 25
      }
    ]
  } finally {
    await dispose(home)
  }
}

const read = async (body: ReadableStream<Uint8Array>, seen: (commandId: string) => void): Promise<void> => {
  let rest = ""
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const frames = (rest + chunk).split("\n\n")
    rest = frames.pop() ?? ""
    for (const frame of frames) {
      const id = /"commandId":"([0-9a-f-]{36})"/.exec(frame)?.[1]
      if (id !== undefined) seen(id)
    }
  }
}

/** Open loop: the next one is due when it is due, however long the last one took. */
const drive = (sent: Map<string, number>) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const one = Effect.suspend(() => {
      const commandId = randomUUID()
      sent.set(commandId, performance.now())
      return log.append({
        stream: `bench/${commandId}`,
        expected: "new",
        commandId,
        actor: "bench",
        events: [{ type: "BenchHappened", data: { text: "a line of usual length for an event of a task" } }]
      })
    })
    yield* Effect.forEach(
      Array.from({ length: perSecond * seconds }, (_, n) => n),
      (n) => Effect.delay(one, `${(n * 1000) / perSecond} millis`),
      { concurrency: "unbounded", discard: true }
    )
  })
