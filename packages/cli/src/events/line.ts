/** One event on stdout. */
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { exact } from "@signalbox/tui/format.ts"
import { oneLine } from "@signalbox/tui/text.ts"
import { terminalWidth } from "../client/table.ts"
import { style } from "../paint.ts"

/** The contract's shape, and nothing else. */
export const asJson = ({ position, stream, version, type, at, actor, data, hash }: RecordedEvent): string =>
  JSON.stringify({ position, stream, version, type, at, actor, data, hash })

export const forPeople = (event: RecordedEvent): string => {
  const width = terminalWidth()
  const head = `${String(event.position).padStart(7)}  ${exact(event.at)}`
  const text = oneLine(`${event.type}  ${event.stream}  ${event.actor}  ${JSON.stringify(event.data)}`, width ?? 4000)
  const room = width === undefined ? text.length : Math.max(10, width - head.length - 2)
  return `${style("dim", head)}  ${text.slice(0, room)}`
}
