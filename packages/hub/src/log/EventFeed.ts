/**
 * One follower of the log for all readers of this process.
 *
 * Owns: the newest events as frames that are encoded once, waking readers, catching late readers up from the log.
 * Does not own: HTTP (`events.ts`).
 * Invariants: a reader has a cursor and pulls from it, so that no queue grows for a slow one; a reader that fell behind the
 * kept frames reads the log until it is back; every event from the cursor on comes once and in order.
 */
import { Clock, Context, Effect, Layer, Option, Schedule, Stream } from "effect"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { EventLog, type LogUnavailable } from "@signalbox/core/log/EventLog.ts"
import { comment, frame, Heartbeat } from "../edge/sse.ts"

export interface FeedFilter {
  readonly stream?: string
  readonly type?: string
}

export class EventFeed extends Context.Service<
  EventFeed,
  {
    /** SSE frames from position `from` on, for ever; `caught-up` once; a comment when nothing was sent for 15 s. */
    readonly frames: (from: number, filter: FeedFilter) => Stream.Stream<Uint8Array, LogUnavailable>
    /** Calls `wake` for every new event of the stream until the returned function is called. */
    readonly watch: (stream: string, wake: () => void) => () => void
    /** The last position that this process has seen. */
    readonly position: Effect.Effect<number>
    readonly readers: Effect.Effect<number>
  }
>()("@signalbox/hub/log/EventFeed") {
  static readonly layer: Layer.Layer<EventFeed, LogUnavailable, EventLog> = Layer.effect(
    EventFeed,
    Effect.gen(function* () {
      const log = yield* EventLog
      const ring = makeRing((yield* log.head) + 1)
      yield* Stream.suspend(() => log.follow({ from: ring.next() })).pipe(
        Stream.runForEach((one) => Effect.sync(() => one._tag === "Event" && ring.push(one.event))),
        Effect.tapError((error) => Effect.logWarning(error.message)),
        Effect.retry(Schedule.spaced("1 second")),
        Effect.forkScoped
      )
      const heartbeatMs = yield* Heartbeat
      let readers = 0
      const frames = (from: number, filter: FeedFilter) =>
        Stream.unwrap(
          Effect.gen(function* () {
            const start: Reader = {
              at: from,
              version: 1,
              goal: yield* log.head,
              heardAt: yield* Clock.currentTimeMillis
            }
            return Stream.paginate(start, (reader) => pull({ log, ring, filter, heartbeatMs }, reader))
          })
        ).pipe(Stream.onStart(Effect.sync(() => readers++)), Stream.ensuring(Effect.sync(() => readers--)))
      return EventFeed.of({
        frames,
        watch: ring.watch,
        position: Effect.sync(() => ring.next() - 1),
        readers: Effect.sync(() => readers)
      })
    })
  )
}

const keptFrames = 4096
const keptBytes = 16 * 1024 * 1024
const batchFrames = 64
const batchBytes = 256 * 1024

interface Kept {
  readonly position: number
  readonly stream: string
  readonly type: string
  readonly bytes: Uint8Array
}

interface Found {
  readonly out: ReadonlyArray<Uint8Array>
  readonly at: number
  readonly version?: number
}

interface Reader {
  /** First position wanted. */
  readonly at: number
  /** With a stream filter, while catching up: the first version that was not looked at. */
  readonly version: number
  /** The head at the start; undefined once `caught-up` was told. */
  readonly goal: number | undefined
  readonly heardAt: number
}

const encode = (event: RecordedEvent): Kept => ({
  position: event.position,
  stream: event.stream,
  type: event.type,
  bytes: frame({ id: String(event.position), event: event.type, data: JSON.stringify(event) })
})

const fits = (event: { readonly stream: string; readonly type: string }, filter: FeedFilter): boolean =>
  (filter.stream === undefined || filter.stream === event.stream) &&
  (filter.type === undefined || filter.type === event.type)

/** The newest frames, dense by position, and who waits for the next. */
const makeRing = (start: number) => {
  let first = start
  let size = 0
  const kept: Array<Kept> = []
  const waiting = new Set<() => void>()
  const watching = new Map<string, Set<() => void>>()
  const next = () => first + kept.length
  return {
    next,
    first: () => first,
    push: (event: RecordedEvent) => {
      if (event.position !== next()) return // seen already: the follower began anew
      const one = encode(event)
      kept.push(one)
      size += one.bytes.length
      while (kept.length > keptFrames || (size > keptBytes && kept.length > 1)) {
        const dropped = kept.splice(0, kept.length > keptFrames ? 256 : 1)
        first += dropped.length
        for (const { bytes } of dropped) size -= bytes.length
      }
      // A snapshot: a woken reader runs at once and waits again.
      const woken = [...waiting, ...(watching.get(event.stream) ?? [])]
      waiting.clear()
      for (const wake of woken) wake()
    },
    /** What fits from `at` on, within the limits of one batch, and where to go on. */
    batch: (at: number, filter: FeedFilter) => {
      const out: Array<Uint8Array> = []
      let bytes = 0
      let index = at - first
      for (; index < kept.length && out.length < batchFrames && bytes < batchBytes; index++) {
        const one = kept[index]
        if (one === undefined || !fits(one, filter)) continue
        out.push(one.bytes)
        bytes += one.bytes.length
      }
      return { out, at: first + index }
    },
    /** True when there is something at `at`; false after `ms`. Check and registration are one step: no wake-up is lost. */
    wait: (at: number, ms: number): Effect.Effect<boolean> =>
      Effect.callback((resume) => {
        if (next() > at) return resume(Effect.succeed(true))
        const stop = (found: boolean) => () => {
          waiting.delete(wake)
          clearTimeout(timer)
          resume(Effect.succeed(found))
        }
        const wake = stop(true)
        const timer = setTimeout(stop(false), ms)
        waiting.add(wake)
        return Effect.sync(() => {
          waiting.delete(wake)
          clearTimeout(timer)
        })
      }),
    watch: (stream: string, wake: () => void) => {
      const wakes = watching.get(stream) ?? new Set()
      watching.set(stream, wakes.add(wake))
      return () => {
        wakes.delete(wake)
        if (wakes.size === 0 && watching.get(stream) === wakes) watching.delete(stream)
      }
    }
  }
}

type Ring = ReturnType<typeof makeRing>

interface Pulling {
  readonly log: EventLog["Service"]
  readonly ring: Ring
  readonly filter: FeedFilter
  readonly heartbeatMs: number
}

/** Waits until there is something to send. */
const pull = Effect.fnUntraced(function* ({ log, ring, filter, heartbeatMs }: Pulling, reader: Reader) {
  let { at, version } = reader
  while (true) {
    const found: Found = at >= ring.first() ? ring.batch(at, filter) : yield* catchUp(log, ring, filter, at, version)
    at = found.at
    version = found.version ?? version
    const arrived = reader.goal !== undefined && at > reader.goal
    const out = arrived ? [...found.out, caughtUp(at - 1)] : found.out
    if (out.length > 0) return yield* sent(out, { at, version, goal: arrived ? undefined : reader.goal })
    if (at < ring.next()) continue
    const silent = (yield* Clock.currentTimeMillis) - reader.heardAt
    const woken = silent < heartbeatMs && (yield* ring.wait(at, heartbeatMs - silent))
    if (!woken) return yield* sent([comment("ping")], { at, version, goal: reader.goal })
  }
})

const sent = (out: ReadonlyArray<Uint8Array>, reader: Omit<Reader, "heardAt">) =>
  Effect.map(Clock.currentTimeMillis, (heardAt) => [out, Option.some<Reader>({ ...reader, heardAt })] as const)

const caughtUp = (position: number): Uint8Array =>
  frame({ id: String(position), event: "caught-up", data: JSON.stringify({ position }) })

/** One page of the log. A page that is not full has reached whatever this process had seen when it was asked for. */
const catchUp = Effect.fnUntraced(function* (
  log: EventLog["Service"],
  ring: Ring,
  filter: FeedFilter,
  at: number,
  version: number
) {
  const limit = 256
  const seen = ring.next()
  const { events: page, more } = yield* log.page({
    ...filter,
    from: filter.stream === undefined ? at : version,
    limit
  })
  const last = page.at(-1)
  const full = more && last !== undefined
  return {
    out: page.filter((event) => event.position >= at).map((event) => encode(event).bytes),
    at: Math.max(at, last === undefined ? 0 : last.position + 1, full ? 0 : seen),
    version: last === undefined ? version : last.version + 1
  }
})
