/**
 * pg-boss behind one door: its life, its errors, and its statements on our own transactions.
 *
 * Owns: the PgBoss instance (its own small pg pool, schema `pgboss`), its queues' settings, the adapter for postgres.js.
 * Does not own: fetching and settling (`worker.ts`).
 * Invariants: no rejection and no `error` event of pg-boss leaves this file unhandled; a queue's settings in the database are what
 * the table of queues says, except its policy, which never changes.
 */
import { createHash } from "node:crypto"
import { Effect, Metric, Schedule, type Scope } from "effect"
import { type Db as BossDb, PgBoss, type QueueResult } from "pg-boss"
import type { DbError, Sql } from "../postgres/Db.ts"
import { toDbError } from "../postgres/Db.ts"
import { deadLetterOf, type QueueDefinition } from "./Queue.ts"

export const SCHEMA = "pgboss"
/** pg-boss notifies it with a queue's name when a job became ready (its `plans.notifyChannelSql`). */
export const CHANNEL = `pgboss_${createHash("sha224").update(SCHEMA).digest("hex").slice(0, 24)}`
/** Dead letters are looked at by people: a week. */
const DEAD_KEEP_SECONDS = 7 * 86_400

const troubles = Metric.counter("queue_troubles_total", {
  description: "Failed calls and background errors of the queue; each is tried again",
  incremental: true
})

export interface Boss {
  /** One attempt. Every failure is a DbError, also those without a code. */
  readonly call: <A>(op: string, f: (boss: PgBoss) => Promise<A>) => Effect.Effect<A, DbError>
}

/** Again after 50 ms, 100 ms … 2 s, for ever. */
export const untilItWorks = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("2 seconds")]).pipe(
  Schedule.jittered
)

export const noteTrouble = (op: string, error: { readonly message: string }): Effect.Effect<void> =>
  Effect.logWarning(`the queue could not ${op}: ${error.message}`).pipe(
    Effect.andThen(Metric.update(Metric.withAttributes(troubles, { op }), 1))
  )

/** Starts pg-boss, waiting for Postgres as long as it takes, and brings the queues' settings up to date. */
export const startBoss = Effect.fn("startBoss")(function* (
  url: string,
  queues: ReadonlyArray<QueueDefinition>,
  options: { readonly connections: number; readonly supervise: boolean }
): Effect.fn.Return<Boss, never, Scope.Scope> {
  const run = Effect.runForkWith(yield* Effect.context<never>())
  const make = (): PgBoss => {
    const boss = new PgBoss({
      connectionString: url,
      schema: SCHEMA,
      max: options.connections,
      application_name: "signalbox-queue",
      connectionTimeoutMillis: 10_000,
      supervise: options.supervise,
      schedule: false,
      superviseIntervalSeconds: 3,
      monitorIntervalSeconds: 3,
      persistWarnings: false,
      warningQueueSize: 100_000
    })
    boss.on("error", (error: Error) => run(noteTrouble("do its housekeeping", error)))
    boss.on("warning", (warning) => run(Effect.logDebug(`the queue: ${warning.message}`)))
    return boss
  }
  const stop = (boss: PgBoss): Effect.Effect<void> =>
    Effect.tryPromise(() => boss.stop({ graceful: false, close: true })).pipe(
      Effect.timeoutOption("5 seconds"),
      Effect.ignore
    )
  const attempt = Effect.tryPromise({
    try: async () => {
      const boss = make()
      try {
        await boss.start()
        await createQueues(boss, queues)
        return boss
      } catch (cause) {
        await boss.stop({ graceful: false, close: true }).catch(() => {})
        throw cause
      }
    },
    catch: (cause) => toDbError("start the queue", cause)
  })
  const boss = yield* Effect.acquireRelease(
    attempt.pipe(
      Effect.tapError((error) => noteTrouble("start", error)),
      Effect.retry(untilItWorks),
      Effect.catch((error) => Effect.die(error)) // the schedule never ends
    ),
    stop,
    { interruptible: true }
  )
  return {
    call: (op, f) => Effect.tryPromise({ try: () => f(boss), catch: (cause) => toDbError(op, cause) })
  }
})

const createQueues = async (boss: PgBoss, queues: ReadonlyArray<QueueDefinition>): Promise<void> => {
  const present = new Map((await boss.getQueues()).map((row) => [row.name, row]))
  for (const one of queues) {
    const dead = deadLetterOf(one.name)
    const deadSettings = {
      retryLimit: 1_000,
      retryDelay: 1,
      retryBackoff: true,
      retryDelayMax: 300,
      heartbeatSeconds: 15,
      expireInSeconds: 300,
      deleteAfterSeconds: DEAD_KEEP_SECONDS
    }
    const settings = {
      retryLimit: one.retryLimit,
      retryDelay: one.retryDelaySeconds,
      retryBackoff: true,
      retryDelayMax: one.retryDelayMaxSeconds,
      heartbeatSeconds: one.heartbeatSeconds,
      expireInSeconds: one.expireSeconds,
      deleteAfterSeconds: one.keepSeconds
    }
    const place = async (name: string, wanted: typeof settings, more: object): Promise<void> => {
      const row = present.get(name)
      if (row === undefined) await boss.createQueue(name, { ...wanted, notify: true, ...more })
      else if (differs(row, wanted)) await boss.updateQueue(name, wanted)
    }
    await place(dead, deadSettings, {})
    await place(one.name, settings, { policy: one.policy, deadLetter: dead })
  }
}

const differs = (row: QueueResult, wanted: Readonly<Record<string, number | boolean>>): boolean => {
  const has = new Map<string, unknown>(Object.entries(row))
  return Object.entries(wanted).some(([key, value]) => has.get(key) !== value)
}

/**
 * pg-boss statements on a postgres.js handle: pass it as `db`.
 * pg-boss hands JSON over as text; postgres.js would encode it once more wherever the parameter is cast to json directly.
 */
export const onOurs = (sql: Sql): BossDb => ({
  executeSql: async (text, values = []) => {
    if (values.length === 0) return { rows: flat(await sql.unsafe(text)) }
    const json = new Set<number>()
    const query = text.replace(/\$(\d+)::(jsonb?)\b/g, (_, n: string, type: string) => {
      json.add(Number(n))
      return `$${n}::text::${type}`
    })
    const parameters = values.map((value, i) => {
      if (value === undefined) return null
      return json.has(i + 1) && value !== null && typeof value !== "string" ? JSON.stringify(value) : value
    })
    return { rows: flat(await sql.unsafe(query, parameters as Array<never>, { prepare: true })) }
  }
})

/** Several statements in one text answer with a list of lists. */
const flat = (result: ReadonlyArray<unknown>): Array<unknown> =>
  Array.isArray(result[0]) ? result.flat() : [...result]
