/**
 * The append statement: many items in, one answer each, in one round trip.
 *
 * Owns: the encoding of items as the arrays of `log.append`, and the meaning of its answers.
 * Does not own: which items go together (`Batcher`), nor what may be stored (`storable`).
 * Invariants: one statement, autocommit, which need not wait for the disk, and behind it on the same connection another that does: an
 * answer is given, and the bell rung, when the disk has what it is about, repeats and refusals included; arrays travel as text, so the
 * driver need not know any array type.
 */
import { hash } from "node:crypto"
import { Result } from "effect"
import type postgres from "postgres"
import { type Appended, CommandIdReused, CommandRejected, VersionConflict } from "./EventLog.ts"
import { settleQuery } from "./settle.ts"
import type { Storable } from "./storable.ts"

/** Arrays as text, one element per item; null where nothing differs from "accepted". */
interface Answers {
  readonly outcome: string | null
  readonly from_version: string
  readonly to_version: string
  readonly to_position: string
  readonly error: string | null
}
interface Answer {
  readonly outcome: string
  readonly from: number
  readonly to: number
  readonly position: number
  readonly error: string | null
}
export interface Sent {
  readonly answers: ReadonlyArray<Answered>
  /** Milliseconds until Postgres had written the items, waiting for its turn included. */
  readonly writing: number
  /** And until the disk had them. */
  readonly settling: number
}
export type Answered = Result.Result<Appended, VersionConflict | CommandRejected | CommandIdReused>

/**
 * @param sql one connection, outside of any transaction; lazy commits spare it the second wait for the disk
 * @param flight no two items share a stream or a command
 * @returns one answer per item, in order, and what took how long
 */
export const sendAppend = async (sql: postgres.Sql, flight: ReadonlyArray<Storable>): Promise<Sent> => {
  const { stream, expected, nth, last, type, data, actor, command, correlation, causation, digest, error } =
    encode(flight)
  const asked = sql<Answers[]>`
    select outcome::text, from_version::text, to_version::text, to_position::text, to_json(error)::text as error
    from log.append(${stream}::text::text[], ${expected}::text::int[], ${nth}::text::int[], ${last}::text::bool[],
      ${type}::text::text[], ${data}::text, ${actor}::text::text[], ${command}::text::uuid[], ${correlation}::text::uuid[],
      ${causation}::text::bigint[], ${digest}::text::bytea, ${error}::text::text[])`
  const departure = performance.now()
  let written = departure
  const [[row]] = await Promise.all([
    asked.then((rows) => {
      written = performance.now()
      return rows
    }),
    settleQuery(sql, true)
  ])
  const answers = row === undefined ? [] : decode(row)
  if (answers.length !== flight.length) throw new AnswerUnfit(answers.length, flight.length)
  return {
    answers: flight.map((one, i) => meaning(one, answers[i]!)),
    writing: written - departure,
    settling: performance.now() - written
  }
}

/** Seen when connections are ended under the driver: the answer of another statement, or none. It says nothing of what was done. */
class AnswerUnfit extends Error {
  readonly code = "CONNECTION_CONFUSED"
  constructor(answers: number, items: number) {
    super(`log.append answered ${answers} of ${items} items`)
  }
}

/** A column that says of every element what is meant without it stays at home. */
const encode = (flight: ReadonlyArray<Storable>) => {
  const plain = flight.every(({ item }) => item.events.length === 1)
  const stream: Array<string> = []
  const expected: Array<string> = []
  const nth: Array<number> = []
  const last: Array<string> = []
  const type: Array<string> = []
  const data: Array<string> = []
  const actor: Array<string> = []
  const command: Array<string> = []
  const correlation: Array<string> = []
  const causation: Array<string> = []
  const error: Array<string> = []
  let digest = "\\x"
  for (const { item, payloads } of flight) {
    const streamText = quote(item.stream)
    const actorText = quote(item.actor)
    const body = item.body ?? bodyOf(item.events, payloads)
    const digestText = hash("sha256", `${item.stream}\0${body}`, "hex")
    for (let n = 0; n < Math.max(1, payloads.length); n++) {
      const event = item.events[n]
      stream.push(streamText)
      expected.push(item.expected === "any" ? "NULL" : item.expected === "new" ? "0" : String(item.expected))
      nth.push(event === undefined ? 0 : n + 1)
      last.push(n + 1 >= payloads.length ? "t" : "f")
      type.push(event === undefined ? "NULL" : quote(event.type))
      data.push(payloads[n] ?? "")
      actor.push(actorText)
      command.push(item.commandId)
      correlation.push(item.correlationId ?? item.commandId)
      causation.push(item.causationId === undefined ? "NULL" : String(item.causationId))
      error.push(item.reject === undefined ? "NULL" : quote(item.reject))
      digest += digestText
    }
  }
  return {
    stream: array(stream),
    expected: some(flight, ({ item }) => item.expected !== "any", expected),
    nth: plain ? null : array(nth),
    last: plain ? null : array(last),
    type: array(type),
    data: data.join(SEPARATOR),
    actor: array(actor),
    command: array(command),
    correlation: some(flight, ({ item }) => item.correlationId !== undefined, correlation),
    causation: some(flight, ({ item }) => item.causationId !== undefined, causation),
    digest,
    error: some(flight, ({ item }) => item.reject !== undefined, error)
  }
}

/** Between JSON texts: JSON escapes control characters, so none holds one. */
const SEPARATOR = "\x1e"

const array = (elements: ReadonlyArray<string | number>): string => `{${elements.join(",")}}`
const some = (
  flight: ReadonlyArray<Storable>,
  differs: (one: Storable) => boolean,
  elements: ReadonlyArray<string>
): string | null => (flight.some(differs) ? array(elements) : null)

const decode = (row: Answers): ReadonlyArray<Answer> => {
  const list = (text: string | null): ReadonlyArray<string> => text?.slice(1, -1).split(",") ?? []
  const [outcomes, froms, tos] = [list(row.outcome), list(row.from_version), list(row.to_version)]
  const errors: ReadonlyArray<string | null> = row.error === null ? [] : JSON.parse(row.error)
  return list(row.to_position).map((position, n) => ({
    outcome: outcomes[n] ?? "accepted",
    from: Number(froms[n]),
    to: Number(tos[n]),
    position: Number(position),
    error: errors[n] ?? null
  }))
}

const quote = (text: string): string => `"${text.replace(/[\\"]/g, "\\$&")}"`

const bodyOf = (events: ReadonlyArray<{ readonly type: string }>, payloads: ReadonlyArray<string>): string =>
  events.map((event, n) => `${event.type}\n${payloads[n]}`).join("\n")

const meaning = ({ item }: Storable, answer: Answer): Answered => {
  switch (answer.outcome) {
    case "reused":
      return Result.fail(new CommandIdReused({ commandId: item.commandId }))
    case "conflict":
      return Result.fail(
        new VersionConflict({
          stream: item.stream,
          expected: item.expected === "any" ? "new" : item.expected,
          actual: answer.to
        })
      )
    default:
      if (answer.error !== null)
        return Result.fail(new CommandRejected({ commandId: item.commandId, reason: answer.error }))
      return Result.succeed({
        fromVersion: answer.from,
        toVersion: answer.to,
        toPosition: answer.position,
        duplicate: answer.outcome === "duplicate"
      })
  }
}
