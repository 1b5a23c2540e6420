/**
 * Proof that the log is what was written: recomputes the chain from the first event to the head at the start.
 *
 * Owns: the link (the TypeScript twin of the hash in `log.append`), density of positions, and the comparison with a head that
 * was remembered elsewhere.
 * Does not own: signing a head (audit), nor mending: there is nothing to mend in a record.
 * Invariants: bounded memory (page by page); the first bad position is named; versions are inside the hash.
 */
import { hash } from "node:crypto"
import { Effect } from "effect"
import type { Db, DbError } from "../postgres/Db.ts"
import type { EventLog, Verdict } from "./EventLog.ts"
import { type EventRow, nextLimit, pageQuery, unavailable } from "./read.ts"

export const GENESIS: Buffer = Buffer.alloc(32)

type Verify = EventLog["Service"]["verify"]

/** @param settledHead the verdict is about what a power cut cannot take back: its head is remembered elsewhere */
export const makeVerify = (db: Db["Service"], settledHead: Effect.Effect<number, DbError>): Verify =>
  Effect.fn("EventLog.verify")(function* (options = {}) {
    const { expectedHead, progress } = options
    const head = yield* settledHead
    if (expectedHead !== undefined && head < expectedHead.position)
      return bad(head + 1, `the log ends at ${head}, but ${expectedHead.position} was remembered: its end was cut off`)
    let previous: Buffer = GENESIS
    let at = 0
    for (let limit = 128; at < head;) {
      const rows = yield* db.query("verify the log", () => pageQuery(db.pool, { _tag: "Log", from: at + 1 }, limit))
      if (rows.length === 0) return bad(at + 1, "this event is missing")
      for (const row of rows) {
        const position = at + 1
        if (Number(row.position) !== position)
          return bad(position, `this event is missing; the next one is ${row.position}`)
        previous = link(previous, row)
        if (!previous.equals(row.hash))
          return bad(position, "its hash does not fit its content and the event before it")
        if (expectedHead?.position === position && expectedHead.hash !== previous.toString("hex"))
          return bad(position, "its hash is not the one that was remembered: the log was written anew")
        at = position
        if (progress !== undefined && at % 10_000 === 0) yield* progress(at)
      }
      limit = nextLimit(limit, rows.length)
    }
    return { ok: true, events: at, head: previous.toString("hex") } satisfies Verdict
  }, Effect.mapError(unavailable))

const bad = (position: number, reason: string): Verdict => ({ ok: false, position, reason })

/** SHA-256 of the hash before, the fixed-width fields (big-endian) and the length-prefixed texts. */
export const link = (previous: Buffer, row: EventRow): Buffer => {
  const stream = Buffer.from(row.stream)
  const type = Buffer.from(row.type)
  const actor = Buffer.from(row.actor)
  const data = Buffer.from(row.data)
  const bytes = Buffer.allocUnsafe(FIXED + 16 + stream.length + type.length + actor.length + data.length)
  previous.copy(bytes, 0)
  bytes.writeBigInt64BE(BigInt(row.position), 32)
  bytes.writeInt32BE(row.version, 40)
  bytes.writeBigInt64BE(BigInt(row.micros), 44)
  bytes.write(row.command_id.replaceAll("-", ""), 52, "hex")
  bytes.write(row.correlation_id.replaceAll("-", ""), 68, "hex")
  bytes.writeBigInt64BE(BigInt(row.causation_id ?? 0), 84)
  let at = FIXED
  for (const text of [stream, type, actor, data]) {
    at = bytes.writeInt32BE(text.length, at)
    at += text.copy(bytes, at)
  }
  return hash("sha256", bytes, "buffer")
}
/** hash 32, position 8, version 4, microseconds 8, two ids of 16, causation 8 */
const FIXED = 92
