/**
 * What a task wrote: raw bytes by offset, kept exactly once.
 *
 * Owns: the tables of the schema `output`, the hint that more has come. Does not own: fetching from the host (worker), line
 * formats (tool room), the digest in the outcome event (the task's decider).
 * Invariants: bytes are dense from 0 to the cursor; an append takes effect only at the cursor, chunk and cursor in one
 * statement, so that two writers or a repeated one never double or lose a byte; reads are bounded.
 */
import { createHash } from "node:crypto"
import { Context, Effect, Layer, Option, Schema, Stream } from "effect"
import { EventLog } from "../log/EventLog.ts"
import { Db, type DbError, type Sql } from "../postgres/Db.ts"

export const OutputStream = Schema.Literals(["out", "err"])
export type OutputStream = typeof OutputStream.Type

/** Volatile topic: somebody should look. May be lost; look again after a second. */
export const outputTopic = "task-output"
export const OutputHint = Schema.Struct({ taskId: Schema.String, stream: OutputStream, nextByte: Schema.Int })
export type OutputHint = typeof OutputHint.Type
/** One message for all that was committed together. */
export const OutputHints = Schema.Array(OutputHint)

/** Largest piece of one `append` and one `read`. */
export const outputPieceLimit = 4 * 1024 * 1024
const chunkBytes = 262_144
const page = 1024 * 1024

export type OutputWritten =
  | { readonly _tag: "Committed"; readonly nextByte: number }
  /** The cursor stands elsewhere: nothing was written; go on from there. */
  | { readonly _tag: "Stale"; readonly nextByte: number }

/** Bytes that belong at `fromByte` of a task's stream. */
export interface OutputPiece {
  readonly taskId: string
  readonly stream: OutputStream
  readonly fromByte: number
  readonly bytes: Uint8Array
}
/** Most pieces of one `appendAll`. */
export const outputPiecesLimit = 64

export interface OutputSizes {
  readonly out: number
  readonly err: number
}

export class TaskOutput extends Context.Service<
  TaskOutput,
  {
    /** Joins the caller's transaction when there is one; then `announce` after its commit is the caller's. */
    readonly append: (
      taskId: string,
      stream: OutputStream,
      fromByte: number,
      bytes: Uint8Array
    ) => Effect.Effect<OutputWritten, DbError>
    /**
     * Many at once, each as `append` does it, in one statement; answers in their order. At most `outputPiecesLimit` of them and
     * `outputPieceLimit` bytes, no stream of a task twice.
     */
    readonly appendAll: (pieces: ReadonlyArray<OutputPiece>) => Effect.Effect<ReadonlyArray<OutputWritten>, DbError>
    /** Wakes followers in every process. */
    readonly announce: (hints: ReadonlyArray<OutputHint>) => Effect.Effect<void>
    /** At most `limit` bytes from `from`; empty at the end. */
    readonly read: (
      taskId: string,
      stream: OutputStream,
      from: number,
      limit: number
    ) => Effect.Effect<Uint8Array, DbError>
    /** All bytes of [from, to) in pages: bounded memory. */
    readonly bytes: (
      taskId: string,
      stream: OutputStream,
      from: number,
      to: number
    ) => Stream.Stream<Uint8Array, DbError>
    /** The byte at which the last `lines` lines begin; a newline at the very end begins no line. */
    readonly tail: (taskId: string, stream: OutputStream, lines: number) => Effect.Effect<number, DbError>
    readonly sizes: (taskId: string) => Effect.Effect<OutputSizes, DbError>
    /** Size and SHA-256 of what is kept now. */
    readonly digest: (
      taskId: string,
      stream: OutputStream
    ) => Effect.Effect<{ readonly bytes: number; readonly sha256: string }, DbError>
  }
>()("@signalbox/core/task/TaskOutput") {
  static readonly layer: Layer.Layer<TaskOutput, never, Db | EventLog> = Layer.effect(
    TaskOutput,
    Effect.gen(function* () {
      const db = yield* Db
      const log = yield* EventLog
      const provide = Effect.provideService(Db, db)
      const announce = (hints: ReadonlyArray<OutputHint>) =>
        hints.length === 0 ? Effect.void : log.publish(outputTopic, hints)
      const appendAll = Effect.fnUntraced(function* (pieces: ReadonlyArray<OutputPiece>) {
        const written = yield* provide(writeAll(pieces))
        const outer = yield* db.current
        if (outer === undefined)
          yield* announce(
            pieces.flatMap(({ taskId, stream, bytes: { length } }, at) => {
              const one = written[at]
              return one?._tag === "Committed" && length > 0 ? [{ taskId, stream, nextByte: one.nextByte }] : []
            })
          )
        return written
      })
      const read = (taskId: string, stream: OutputStream, from: number, limit: number) =>
        provide(readBytes(taskId, stream, from, limit))
      const sizes = (taskId: string) => provide(readSizes(taskId))
      const bytes = (taskId: string, stream: OutputStream, from: number, to: number) =>
        Stream.paginate(from, (at) =>
          Effect.map(read(taskId, stream, at, Math.min(page, to - at)), (piece) => {
            const next = at + piece.length
            return [piece.length === 0 ? [] : [piece], ended(piece, next, to)] as const
          })
        )
      return TaskOutput.of({
        append: (taskId, stream, fromByte, piece) =>
          Effect.flatMap(appendAll([{ taskId, stream, fromByte, bytes: piece }]), ([written]) =>
            written === undefined ? Effect.die(new Error("no answer to one piece")) : Effect.succeed(written)
          ),
        appendAll,
        announce,
        read,
        bytes,
        tail: (taskId, stream, lines) => provide(findTail(taskId, stream, lines)),
        sizes,
        digest: (taskId, stream) =>
          Effect.gen(function* () {
            const size = (yield* sizes(taskId))[stream]
            const hash = createHash("sha256")
            yield* Stream.runForEach(bytes(taskId, stream, 0, size), (piece) => Effect.sync(() => hash.update(piece)))
            return { bytes: size, sha256: hash.digest("hex") }
          })
      })
    })
  )
}

const ended = (piece: Uint8Array, next: number, to: number): Option.Option<number> =>
  piece.length === 0 || next >= to ? Option.none() : Option.some(next)

const writeAll = Effect.fnUntraced(function* (pieces: ReadonlyArray<OutputPiece>) {
  const length = pieces.reduce((sum, piece) => sum + piece.bytes.length, 0)
  if (length > outputPieceLimit || pieces.length > outputPiecesLimit)
    return yield* Effect.die(
      new RangeError(
        `${pieces.length} pieces with ${length} bytes of output at once; at most ${outputPiecesLimit} with ${outputPieceLimit}`
      )
    )
  const moved = yield* moveAndStore(pieces.filter((piece) => piece.bytes.length > 0))
  return yield* Effect.forEach(pieces, (piece) =>
    Effect.gen(function* () {
      const { taskId, stream, fromByte, bytes } = piece
      if (moved.has(keyOf(piece)))
        return { _tag: "Committed", nextByte: fromByte + bytes.length } satisfies OutputWritten
      const nextByte = (yield* readSizes(taskId))[stream]
      const _tag = bytes.length === 0 && nextByte === fromByte ? "Committed" : "Stale"
      return { _tag, nextByte } satisfies OutputWritten
    })
  )
})

const keyOf = ({ taskId, stream }: { readonly taskId: string; readonly stream: string }) => `${taskId}/${stream}`

/** Which of them stood at their cursor, and are stored. */
const moveAndStore = Effect.fnUntraced(function* (pieces: ReadonlyArray<OutputPiece>) {
  if (pieces.length === 0) return new Set<string>()
  const db = yield* Db
  let at = 0
  const given = pieces.map(({ taskId, stream, fromByte, bytes: { length } }) => {
    const one = { task_id: taskId, stream, from_byte: fromByte, at, length }
    at += length
    return one
  })
  const whole = Buffer.concat(pieces.map((piece) => piece.bytes))
  const rows = yield* db.query(
    "store task output",
    // The upsert waits for a writer that is ahead and then looks at its cursor: of two at one offset, one writes.
    // In the order of their keys, so that two writers of the same tasks never wait for each other.
    (sql) => sql<{ task_id: string; stream: string }[]>`
      with given as materialized (
        select * from json_to_recordset(${JSON.stringify(given)}::text::json)
          as g (task_id text, stream text, from_byte bigint, at int, length int)),
      moved as (
        insert into output.cursor as c (task_id, stream, next_byte)
        select g.task_id, g.stream, g.from_byte + g.length from given as g
        where g.from_byte = 0
          or exists (select from output.cursor as o where o.task_id = g.task_id and o.stream = g.stream)
        order by g.task_id, g.stream
        on conflict (task_id, stream) do update set next_byte = excluded.next_byte
          where c.next_byte = (select g.from_byte from given as g where g.task_id = c.task_id and g.stream = c.stream)
        returning c.task_id, c.stream),
      stored as (
        insert into output.chunk (task_id, stream, from_byte, bytes)
        select g.task_id, g.stream, g.from_byte + i * ${chunkBytes}::int,
          substring(whole from g.at + i * ${chunkBytes}::int + 1 for least(${chunkBytes}::int, g.length - i * ${chunkBytes}::int))
        from moved join given as g using (task_id, stream), (select ${whole}::bytea as whole) as bytes,
          generate_series(0, (g.length - 1) / ${chunkBytes}::int) as i)
      select task_id, stream from moved`
  )
  return new Set(rows.map((row) => keyOf({ taskId: row.task_id, stream: row.stream })))
})

const readSizes = Effect.fnUntraced(function* (taskId: string) {
  const db = yield* Db
  const rows = yield* db.query(
    "read the size of task output",
    (sql) => sql<{ stream: string; next: string }[]>`
      select stream, next_byte::text as next from output.cursor where task_id = ${taskId}`
  )
  const of = (stream: OutputStream) => Number(rows.find((row) => row.stream === stream)?.next ?? 0)
  return { out: of("out"), err: of("err") } satisfies OutputSizes
})

/** The chunks that hold [from, end), in order; exported so that its plan is tested. */
export const chunksQuery = (sql: Sql, taskId: string, stream: OutputStream, from: number, end: number) =>
  sql<{ from: string; bytes: Uint8Array }[]>`
    select from_byte::text as from, bytes from output.chunk
    where task_id = ${taskId} and stream = ${stream} and from_byte < ${end}::bigint
      and from_byte >= coalesce((
        select from_byte from output.chunk
        where task_id = ${taskId} and stream = ${stream} and from_byte <= ${from}::bigint
        order by from_byte desc limit 1), ${from}::bigint)
    order by output.chunk.from_byte limit 8192`

const readBytes = Effect.fnUntraced(function* (taskId: string, stream: OutputStream, from: number, limit: number) {
  const db = yield* Db
  const end = from + Math.min(limit, outputPieceLimit)
  const rows = yield* db.query("read task output", (sql) => chunksQuery(sql, taskId, stream, from, end))
  const pieces = rows.map((row) => {
    const at = Number(row.from)
    return row.bytes.subarray(Math.max(0, from - at), Math.max(0, end - at))
  })
  return new Uint8Array(Buffer.concat(pieces))
})

/** A page read in full, however small the chunks are. */
const readWhole = Effect.fnUntraced(function* (taskId: string, stream: OutputStream, from: number, to: number) {
  const pieces: Array<Uint8Array> = []
  for (let at = from; at < to;) {
    const piece = yield* readBytes(taskId, stream, at, to - at)
    if (piece.length === 0) break
    pieces.push(piece)
    at += piece.length
  }
  return Buffer.concat(pieces)
})

const newline = 10

const findTail = Effect.fnUntraced(function* (taskId: string, stream: OutputStream, lines: number) {
  const end = (yield* readSizes(taskId))[stream]
  if (lines <= 0) return end
  let wanted = lines
  for (let to = end; to > 0; to = Math.max(0, to - page)) {
    const from = Math.max(0, to - page)
    const piece = yield* readWhole(taskId, stream, from, to)
    for (let at = piece.length - 1; at >= 0; at--) {
      if (piece[at] !== newline || from + at === end - 1) continue
      wanted--
      if (wanted === 0) return from + at + 1
    }
  }
  return 0
})
