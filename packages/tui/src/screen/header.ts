/**
 * The one line at the top: where, which views, what waits, and the clock of the log.
 *
 * Owns: the header. Does not own: connecting (`store.ts`).
 * Invariants: the live dot is told only of a connection that follows the log now; the clock is the last thing to be cut.
 */
import { count } from "../format.ts"
import { type Row, exactly, rowWidth, say, said } from "../row.ts"
import { viewIds, viewTitles, type ViewId } from "../keymap.ts"

export type Connection =
  | { readonly state: "connecting" }
  | { readonly state: "live" }
  | { readonly state: "reconnecting"; readonly reason: string; readonly since: number }

export interface HeaderModel {
  readonly place: string
  readonly view: ViewId
  readonly waiting: number
  readonly position: number
  readonly connection: Connection
}

export const header = (model: HeaderModel, columns: number): Row => {
  const right: Row = [...attention(model.waiting), ...clockOfLog(model), say(" ")]
  const room = columns - rowWidth(right)
  const place = [say(" signalbox", { bold: true }), ...(model.place === "" ? [] : [say(" ▪ "), placed(model.place)])]
  const long = tabs(model.view, true)
  const left = [place, [say(" signalbox", { bold: true })], []]
    .flatMap((name) => [long, tabs(model.view, false)].map((t) => [...name, say("  "), ...t]))
    .find((row) => rowWidth(row) + 2 <= room)
  return exactly([...exactly(left ?? tabs(model.view, false), Math.max(0, room)), ...right], columns)
}

const placed = (place: string) => said(place, Math.min(place.length, 24))

const tabs = (view: ViewId, titles: boolean): Row =>
  viewIds.flatMap((id): Row => {
    const { key, title } = viewTitles[id]
    const on = id === view
    const name = titles || on ? `${key} ${title}` : key
    return [say(on ? `[${name}]` : ` ${name} `, on ? { bold: true } : { dim: true })]
  })

const attention = (waiting: number): Row =>
  waiting === 0 ? [] : [say(`? ${count(waiting)}`, { color: "yellow", bold: true }), say("  ")]

const clockOfLog = ({ connection, position }: HeaderModel): Row => {
  switch (connection.state) {
    case "live":
      return [say(`● live ${count(position)}`, { color: "green" })]
    case "connecting":
      return [say("◌ connecting", { color: "yellow" })]
    case "reconnecting":
      return [say(`◌ reconnecting · ${count(position)}`, { color: "yellow" })]
  }
}
