/**
 * The log on stdout, one event per line.
 *
 * Invariants: without --follow it ends at the head as it was at the start; a closed pipe ends it (bin.ts).
 */
import { Console, Effect, Result, Schema, Stream } from "effect"
import { streams } from "@signalbox/core/api/contract.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { follow } from "@signalbox/core/api/sse.ts"
import { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { exact } from "@signalbox/tui/format.ts"
import { oneLine } from "@signalbox/tui/text.ts"
import { HubConnection } from "../client/HubConnection.ts"
import { withHub } from "../client/hub.ts"
import { terminalWidth } from "../client/table.ts"
import { cannotTell, Json, style, talk } from "../output.ts"

export interface EventFlags {
  readonly from: number | undefined
  readonly follow: boolean
  readonly stream: string | undefined
  readonly type: string | undefined
}

const page = 500

export const print = (flags: EventFlags) =>
  withHub(
    Effect.gen(function* () {
      if (flags.from !== undefined && flags.from < 1) return yield* Effect.fail(cannotTell("Positions begin at 1."))
      return yield* flags.follow ? following(flags) : pages(flags)
    })
  )

const filterOf = ({ stream, type }: EventFlags) => ({
  ...(stream === undefined ? {} : { stream }),
  ...(type === undefined ? {} : { type })
})

const pages = Effect.fnUntraced(function* (flags: EventFlags) {
  const hub = yield* HubClient
  let from = flags.from ?? 1
  let end = Number.POSITIVE_INFINITY
  while (from <= end) {
    const { events, head } = yield* hub.log.page({ query: { ...filterOf(flags), from, limit: page } })
    if (end === Number.POSITIVE_INFINITY) end = head
    for (const event of events) if (event.position <= end) yield* line(event)
    const last = events.at(-1)
    if (last === undefined) return // a short page may only be a heavy one
    from = last.position + 1
  }
})

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(RecordedEvent))

const following = Effect.fnUntraced(function* (flags: EventFlags) {
  const { url, token } = yield* HubConnection
  const query = new URLSearchParams({ ...filterOf(flags), from: String(flags.from ?? 1) })
  yield* follow({ url: `${url}${streams.events}?${query}`, token }).pipe(
    Stream.runForEach((one) => {
      if (one._tag === "Down") return talk(`The hub is away (${one.reason}); waiting for it.`)
      const event = one._tag === "Frame" && one.frame.event !== "caught-up" ? decode(one.frame.data) : undefined
      return event !== undefined && Result.isSuccess(event) ? line(event.success) : Effect.void
    })
  )
})

const line = (event: RecordedEvent) =>
  Effect.gen(function* () {
    if (yield* Json) {
      const { position, stream, version, type, at, actor, data, hash } = event
      return yield* Console.log(JSON.stringify({ position, stream, version, type, at, actor, data, hash }))
    }
    const width = terminalWidth()
    const head = `${String(event.position).padStart(7)}  ${exact(event.at)}`
    const text = oneLine(`${event.type}  ${event.stream}  ${event.actor}  ${JSON.stringify(event.data)}`, width ?? 4000)
    const room = width === undefined ? text.length : Math.max(10, width - head.length - 2)
    yield* Console.log(`${style("dim", head)}  ${text.slice(0, room)}`)
  })
