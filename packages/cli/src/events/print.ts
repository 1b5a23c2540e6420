/**
 * The log on stdout, one event per line. A plain read: nothing of effect is loaded here.
 *
 * Invariants: it ends at the head as it was at the start; a closed pipe ends it (bin.ts); what is held is one page.
 */
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import type { Ask } from "../read/ask.ts"
import { type Given, ReadFailed } from "../read/definition.ts"
import { json, list, number, orNull, record, type Shape, text } from "../read/shape.ts"
import { asJson, forPeople } from "./line.ts"

export interface EventFlags {
  readonly from: number | undefined
  readonly stream: string | undefined
  readonly type: string | undefined
}

const page = 500

const isEvent: Shape<RecordedEvent> = record({
  position: number,
  stream: text,
  version: number,
  type: text,
  data: json,
  actor: text,
  commandId: text,
  correlationId: text,
  causationId: orNull(number),
  at: text,
  hash: text
})
const isPage = record({ events: list(isEvent), head: number })

export async function* print(given: Given, ask: Ask, flags: EventFlags): AsyncGenerator<string, void> {
  if (flags.from !== undefined && flags.from < 1) throw new ReadFailed("Positions begin at 1.", 2)
  const { stream, type } = flags
  const line = given.json ? asJson : forPeople
  let from = flags.from ?? 1
  let end = Number.POSITIVE_INFINITY
  while (from <= end) {
    const { events, head } = await ask.get("/api/v1/log", { stream, type, from, limit: page }, isPage)
    if (end === Number.POSITIVE_INFINITY) end = head
    const lines = events.filter((event) => event.position <= end).map(line)
    if (lines.length > 0) yield lines.join("\n")
    const last = events.at(-1)
    if (last === undefined) return // a short page may only be a heavy one
    from = last.position + 1
  }
}
