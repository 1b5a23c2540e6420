/**
 * What a watcher's records ask of the follower, many at once.
 *
 * Owns: the order — within a task as they came, tasks beside each other — and gathering the bytes of all tasks for few statements.
 * Does not own: what a record means (`TaskFollower.ts`), the session (`watch-host.ts`).
 */
import { Effect } from "effect"
import { type OutputPiece, outputPieceLimit } from "@signalbox/core/task/output.ts"
import type { WatchRecord } from "../host/watch-record.ts"
import type { TaskFollower } from "./TaskFollower.ts"

type Fact = Exclude<WatchRecord, { readonly _tag: "Beat" }>
type Output = Extract<WatchRecord, { readonly _tag: "Output" }>

/** @param settled gets the tasks whose last record this was */
export const handleRecords = Effect.fnUntraced(function* (
  follower: TaskFollower,
  settled: Set<string>,
  records: ReadonlyArray<WatchRecord>
) {
  const waiting = new Map<string, Array<Fact>>()
  for (const record of records) {
    if (record._tag === "Beat") continue
    const list = waiting.get(record.id)
    if (list === undefined) waiting.set(record.id, [record])
    else list.push(record)
  }
  while (waiting.size > 0) {
    yield* Effect.forEach(waiting.values(), (list) => facts(follower, settled, list), { concurrency: 8, discard: true })
    const pieces = [...waiting.values()].flatMap(takePieces)
    if (pieces.length > 0) yield* follower.data(pieces)
    for (const [id, list] of waiting) if (list.length === 0) waiting.delete(id)
  }
})

/** All up to the next bytes. */
const facts = (follower: TaskFollower, settled: Set<string>, list: Array<Fact>) =>
  Effect.gen(function* () {
    for (let record = list[0]; record !== undefined && record._tag !== "Output"; record = list[0]) {
      yield* fact(follower, settled, record)
      list.shift()
    }
  })

const fact = (follower: TaskFollower, settled: Set<string>, record: Exclude<Fact, Output>) => {
  switch (record._tag) {
    case "Started":
      return follower.launched(record.id, record.pid, record.bootId)
    case "Truncated":
      return Effect.logWarning(
        `${record.id}: its ${record.stream} file was cut to ${record.size} bytes on the host; what was stored stays`
      )
    case "Exited":
      return Effect.map(follower.exited(record.id, record.code), (ours) => {
        if (ours) settled.add(record.id)
      })
  }
}

/** The bytes up to the next fact, one piece for each stream; what does not follow on waits for the next turn. */
export const takePieces = (list: Array<Fact>): ReadonlyArray<OutputPiece> => {
  const parts = new Map<string, Array<Output>>()
  let size = 0
  for (let record = list[0]; record?._tag === "Output"; record = list[0]) {
    const before = parts.get(record.stream) ?? []
    const last = before.at(-1)
    if (last !== undefined && last.offset + last.bytes.length !== record.offset) break
    size += record.bytes.length
    if (size > outputPieceLimit) break
    parts.set(record.stream, [...before, record])
    list.shift()
  }
  return [...parts.values()].flatMap((same) => {
    const [first] = same
    if (first === undefined) return []
    const bytes = same.length === 1 ? first.bytes : Buffer.concat(same.map((one) => one.bytes))
    return [{ taskId: first.id, stream: first.stream, fromByte: first.offset, bytes }]
  })
}
