/**
 * What commands answered: small enough it is in the event, larger it lies in the table `plan.result`.
 *
 * Owns: that table, and where an answer goes. Does not own: what agents may send (`agent/protocol.ts`), the events.
 * Invariants: what looks like a secret is in neither; the row is there before the event that names it; it is what the event's size and SHA-256 say; it is written once.
 */
import { createHash } from "node:crypto"
import { Effect, Result, Schema } from "effect"
import type { CommandResult, Relapse } from "../agent/protocol.ts"
import { storableJson, storableText } from "../conversation/pieces.ts"
import { EventLog, type LogUnavailable } from "../log/EventLog.ts"
import { Db, type DbError } from "../postgres/Db.ts"
import type { Ended } from "./decider.ts"
import { dataLimit, type PlanEvent, planEvents, planStream, type StoredResult } from "./events.ts"
import { redact, redactJson } from "./redact.ts"

/** A command as it was dispatched. */
export interface CommandRef {
  readonly planId: string
  readonly step: number
  readonly purpose: Ended["purpose"]
  readonly agentId: string
  readonly targetId?: string
  readonly commandId: string
}

const tags = {
  succeeded: "StepSucceeded",
  failed: "StepFailed",
  refused: "StepRefused",
  expired: "StepExpired",
  "rolled-back": "StepRolledBack",
  unknown: "StepOutcomeUnknown"
} as const satisfies Record<CommandResult["outcome"], Ended["_tag"]>

/** Takes out what looks like a secret, though agents do so, too; stores what is too large; @returns the event to record */
export const endedBy = (of: CommandRef, result: CommandResult): Effect.Effect<Ended, DbError, Db> =>
  Effect.gen(function* () {
    const { planId, ...command } = of
    const data = redactJson(storableJson(result.data))
    const text = JSON.stringify(data)
    const bytes = Buffer.byteLength(text)
    const large = bytes > dataLimit
    const stored: StoredResult | undefined = large
      ? { bytes, sha256: createHash("sha256").update(text).digest("hex") }
      : undefined
    if (large) yield* keep(planId, of.commandId, text)
    return {
      _tag: tags[result.outcome],
      ...command,
      summary: redact(storableText(result.summary)).slice(0, 2_000).toWellFormed(),
      ...(stored === undefined ? (data === null ? {} : { data }) : { stored }),
      ...(result.proven === undefined ? {} : { proven: result.proven }),
      ...(result.truncated === undefined ? {} : { truncated: result.truncated }),
      startedAt: result.startedAt,
      finishedAt: result.finishedAt,
      said: "agent"
    } satisfies Ended
  })

/** Its data are the facts of one thing and small; what is not is left out. */
export const relapsedBy = (of: CommandRef, relapse: Relapse): Extract<PlanEvent, { readonly _tag: "StepRelapsed" }> => {
  const { planId: _, ...command } = of
  const data = redactJson(storableJson(relapse.data))
  const small = data !== null && Buffer.byteLength(JSON.stringify(data)) <= dataLimit
  return {
    _tag: "StepRelapsed",
    ...command,
    summary: redact(storableText(relapse.summary)).slice(0, 2_000).toWellFormed(),
    ...(small ? { data } : {}),
    relapsedAt: relapse.at
  }
}

const keep = (planId: string, commandId: string, text: string) =>
  Effect.flatMap(Db, (db) =>
    db.query(
      "keep a result",
      (sql) => sql`
        insert into plan.result (command_id, plan_id, data) values (${commandId}, ${planId}, ${text})
        on conflict (command_id) do nothing`
    )
  )

/** What a command of a plan answered, wherever it lies; undefined: it has not. */
export const resultOf = (
  planId: string,
  commandId: string
): Effect.Effect<Schema.Json | undefined, DbError | LogUnavailable, Db | EventLog> =>
  Effect.gen(function* () {
    const db = yield* Db
    const [row] = yield* db.query(
      "read a result",
      (sql) =>
        sql<{ data: string }[]>`select data from plan.result where command_id = ${commandId} and plan_id = ${planId}`
    )
    if (row !== undefined) return yield* Effect.orDie(decodeJson(row.data))
    const log = yield* EventLog
    for (let from = 1; ;) {
      const { events, more } = yield* log.page({ stream: planStream(planId), from, limit: 1_000 })
      for (const recorded of events) {
        const event = Result.getOrUndefined(planEvents.decode(recorded))
        if (event !== undefined && "said" in event && event.commandId === commandId && event.data !== undefined)
          return event.data
      }
      if (!more || events.length === 0) return undefined
      from += events.length
    }
  })

const decodeJson = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Json))
