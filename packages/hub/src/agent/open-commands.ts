/**
 * Commands of an agent that have no answer of it yet: what it is sent when it comes back, and whose answer it brings.
 *
 * Owns: these questions to the log and its read model. Does not own: the read model (plan room), sending.
 */
import { Effect, Result } from "effect"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { EventLog, type LogUnavailable } from "@signalbox/core/log/EventLog.ts"
import { planEvents, planStream } from "@signalbox/core/plan/events.ts"
import { Db, type DbError } from "@signalbox/core/postgres/Db.ts"
import { type Dispatched, type Sent, sentOf } from "./commands.ts"

/** What is older is not asked for any more: the agent forgets, too. */
const oldestHours = 24
const most = 2_000

export interface Found {
  readonly planId: string
  readonly event: Dispatched
  /** When it was dispatched, milliseconds since 1970. */
  readonly at: number
}

export const dispatchedIn = (recorded: RecordedEvent): Dispatched | undefined => {
  const event = Result.getOrUndefined(planEvents.decode(recorded))
  return event?._tag === "StepDispatched" ? event : undefined
}

interface Row {
  readonly plan_id: string
  readonly version: number
}

/** In the order in which they were dispatched. */
export const openCommands = (
  agentId: string
): Effect.Effect<ReadonlyArray<Found>, DbError | LogUnavailable, Db | EventLog> =>
  Effect.gen(function* () {
    const db = yield* Db
    const rows = yield* db.query(
      "find commands without an answer",
      (sql) => sql<Row[]>`
        select plan_id, version from read.plan_command
        where agent_id = ${agentId} and not over
          and deadline > extract(epoch from now() - ${oldestHours} * interval '1 hour') * 1000
        order by deadline limit ${most}`
    )
    const found = yield* Effect.forEach(rows, dispatchedAt, { concurrency: 4 })
    return found.flatMap((one) => (one === undefined ? [] : [one]))
  })

/** The command that an answer belongs to, and whether it has one; undefined: this agent was never given it. */
export const commandOf = (
  agentId: string,
  commandId: string
): Effect.Effect<
  { readonly sent: Sent; readonly over: boolean } | undefined,
  DbError | LogUnavailable,
  Db | EventLog
> =>
  Effect.gen(function* () {
    const db = yield* Db
    const [row] = yield* db.query(
      "find a command",
      (sql) => sql<(Row & { readonly over: boolean })[]>`
        select plan_id, version, over from read.plan_command where command_id = ${commandId} and agent_id = ${agentId}`
    )
    const found = row === undefined ? undefined : yield* dispatchedAt(row)
    return row === undefined || found === undefined
      ? undefined
      : { sent: sentOf(found.planId, found.event), over: row.over }
  })

const dispatchedAt = Effect.fnUntraced(function* ({ plan_id: planId, version }: Row) {
  const log = yield* EventLog
  const [recorded] = yield* log.read({ stream: planStream(planId), from: version, limit: 1 })
  const event = recorded === undefined ? undefined : dispatchedIn(recorded)
  return recorded === undefined || event === undefined
    ? undefined
    : ({ planId, event, at: Math.floor(Date.parse(recorded.at)) } satisfies Found)
})
