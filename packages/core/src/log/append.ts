/**
 * The append statement: many items in, one answer each, in one round trip.
 *
 * Owns: the encoding of items as the arrays of `log.append`, and the meaning of its answers.
 * Does not own: which items go together (`Batcher`), nor what may be stored (`storable`).
 * Invariants: one statement, autocommit; the arrays travel as text, so the driver need not know any array type.
 */
import { hash } from "node:crypto"
import { Result } from "effect"
import type postgres from "postgres"
import { type Appended, CommandIdReused, CommandRejected, VersionConflict } from "./EventLog.ts"
import type { Storable } from "./storable.ts"

interface Answer {
  readonly outcome: "accepted" | "rejected" | "duplicate" | "reused" | "conflict"
  readonly from_version: number | null
  readonly to_version: number | null
  readonly to_position: string | null
  readonly error: string | null
}
export type Answered = Result.Result<Appended, VersionConflict | CommandRejected | CommandIdReused>

/**
 * @param sql a connection outside of any transaction
 * @param flight no two items share a stream or a command
 * @returns one answer per item, in order
 */
export const sendAppend = async (
  sql: postgres.Sql,
  flight: ReadonlyArray<Storable>
): Promise<ReadonlyArray<Answered>> => {
  const columns = encode(flight)
  const array = (n: number) => columns[n] ?? "{}"
  const answers = await sql<Answer[]>`select * from log.append(
    ${array(0)}::text::text[], ${array(1)}::text::int[], ${array(2)}::text::int[], ${array(3)}::text::bool[], ${array(4)}::text::text[], ${array(5)}::text::json[],
    ${array(6)}::text::text[], ${array(7)}::text::uuid[], ${array(8)}::text::uuid[], ${array(9)}::text::bigint[], ${array(10)}::text::bytea[], ${array(11)}::text::text[])`
  if (answers.length !== flight.length)
    throw new Error(`log.append answered ${answers.length} of ${flight.length} items`)
  return flight.map((one, i) => meaning(one, answers[i]!))
}

const encode = (flight: ReadonlyArray<Storable>): ReadonlyArray<string> => {
  const columns = Array.from({ length: 12 }, (): Array<string> => [])
  for (const { item, payloads } of flight) {
    const expected = item.expected === "any" ? "NULL" : item.expected === "new" ? "0" : String(item.expected)
    const common = {
      stream: quote(item.stream),
      actor: quote(item.actor),
      correlation: item.correlationId ?? item.commandId,
      causation: item.causationId === undefined ? "NULL" : String(item.causationId),
      digest: digestOf(item.stream, item.body ?? bodyOf(item.events, payloads)),
      error: item.reject === undefined ? "NULL" : quote(item.reject)
    }
    const row = (nth: number, last: boolean, type: string, data: string) =>
      [
        common.stream,
        expected,
        String(nth),
        last ? "t" : "f",
        type,
        data,
        common.actor,
        item.commandId,
        common.correlation,
        common.causation,
        common.digest,
        common.error
      ].forEach((value, n) => columns[n]!.push(value))
    if (payloads.length === 0) row(0, true, "NULL", "NULL")
    payloads.forEach((data, n) => row(n + 1, n + 1 === payloads.length, quote(item.events[n]!.type), quote(data)))
  }
  return columns.map((values) => `{${values.join(",")}}`)
}

const quote = (text: string): string => `"${text.replace(/[\\"]/g, "\\$&")}"`

const bodyOf = (events: ReadonlyArray<{ readonly type: string }>, payloads: ReadonlyArray<string>): string =>
  events.map((event, n) => `${event.type}\n${payloads[n]}`).join("\n")

const digestOf = (stream: string, body: string): string => `"\\\\x${hash("sha256", `${stream}\0${body}`, "hex")}"`

const meaning = ({ item }: Storable, answer: Answer): Answered => {
  switch (answer.outcome) {
    case "reused":
      return Result.fail(new CommandIdReused({ commandId: item.commandId }))
    case "conflict":
      return Result.fail(
        new VersionConflict({
          stream: item.stream,
          expected: item.expected === "any" ? "new" : item.expected,
          actual: answer.to_version ?? 0
        })
      )
    default:
      if (answer.error !== null)
        return Result.fail(new CommandRejected({ commandId: item.commandId, reason: answer.error }))
      return Result.succeed({
        fromVersion: answer.from_version ?? 0,
        toVersion: answer.to_version ?? 0,
        toPosition: Number(answer.to_position),
        duplicate: answer.outcome === "duplicate"
      })
  }
}
