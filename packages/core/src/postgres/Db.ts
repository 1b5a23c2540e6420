/**
 * The one door to Postgres for our own code (pg-boss keeps a pool of its own).
 *
 * Owns: the pool, the mapping of driver errors to `DbError`, transactions that roll back on failure, defect and interruption.
 * Does not own: any SQL. Queries live in the room that needs them.
 */
import { Context, Effect, Exit, Layer, Schema } from "effect"
import postgres from "postgres"
import { arrayTypes } from "./arrays.ts"

const noSchema = ". Its schema is not there: signalbox db migrate makes it"
/** By SQLSTATE: what a person can do about it. */
const mends: ReadonlyMap<string, string> = new Map([
  ["42501", ". The user of DATABASE_URL must own the database: alter database NAME owner to USER"],
  ["42P01", noSchema],
  ["42883", noSchema],
  ["3F000", noSchema]
])

/** Postgres refused or could not be reached. `transient` tells whether the same statement may succeed later. */
export class DbError extends Schema.TaggedError<DbError>()("DbError", {
  op: Schema.String,
  code: Schema.String,
  reason: Schema.String,
  transient: Schema.Boolean,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return this.transient
      ? `The database is not reachable (${this.reason}). It is tried again by itself; check it with signalbox db status.`
      : `The database refused to ${this.op}: ${this.reason}${mends.get(this.code) ?? ""}`
  }
}

export type Sql = postgres.Sql | postgres.TransactionSql

const CurrentTransaction = Context.Reference<postgres.TransactionSql | undefined>(
  "@signalbox/core/postgres/CurrentTransaction",
  { defaultValue: () => undefined }
)

class RolledBack {
  readonly exit: Exit.Exit<unknown, unknown>
  constructor(exit: Exit.Exit<unknown, unknown>) {
    this.exit = exit
  }
}

export class Db extends Context.Service<
  Db,
  {
    /** The pool itself, for LISTEN and cursors. Inside `transaction` use `query`. */
    readonly pool: postgres.Sql
    readonly url: string
    /** Runs `f` on the current transaction when there is one, else on the pool. `op` names the act in errors. */
    readonly query: <A>(op: string, f: (sql: Sql) => PromiseLike<A>) => Effect.Effect<A, DbError>
    /** READ COMMITTED; every `query` inside joins it. Nested calls join the outer one. */
    readonly transaction: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | DbError, R>
    /** The current transaction's handle: pg-boss statements join it. Undefined outside of one. */
    readonly current: Effect.Effect<postgres.TransactionSql | undefined>
  }
>()("@signalbox/core/postgres/Db") {
  /** @param url postgres:// URL @param options.max connections in the pool @param options.name shown in pg_stat_activity */
  static readonly layer = (
    url: string,
    options: { readonly max?: number; readonly name?: string } = {}
  ): Layer.Layer<Db> =>
    Layer.effect(
      Db,
      Effect.gen(function* () {
        const pool = yield* Effect.acquireRelease(
          Effect.sync(() => connect(url, options)),
          (sql) => Effect.promise(() => sql.end({ timeout: 5 }))
        )
        const query = <A>(op: string, f: (sql: Sql) => PromiseLike<A>): Effect.Effect<A, DbError> =>
          Effect.flatMap(CurrentTransaction, (tx) =>
            Effect.tryPromise({
              try: () => {
                if (tx !== undefined && gone.has(tx)) throw new ConnectionGone()
                return f(tx ?? pool)
              },
              catch: (cause) => {
                const error = toDbError(op, cause)
                if (tx !== undefined && endsConnection(error.code)) gone.add(tx)
                return error
              }
            })
          )
        const transaction = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | DbError, R> =>
          Effect.flatMap(CurrentTransaction, (outer) => (outer === undefined ? begin(pool, self) : self))
        return Db.of({ pool, url, query, transaction, current: CurrentTransaction })
      })
    )
}

/** Transactions whose connection was lost. postgres.js must not write to them any more: it would throw outside of any promise. */
const gone = new WeakSet<postgres.TransactionSql>()

class ConnectionGone extends Error {
  readonly code = "CONNECTION_CLOSED"
  override readonly message = "the connection was lost in the middle of a transaction"
}

/** After these the server, or the network, closes the connection: no ROLLBACK is needed, and none can be sent. */
const endsConnection = (code: string): boolean =>
  /^(08|57P)/.test(code) || /^(CONNECTION_|ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH)/.test(code)

/** SQLSTATE classes 08 (connection), 53 (resources), 57P (shutdown), 40 (serialisation, deadlock) and the driver's own codes. */
export const isTransient = (code: string): boolean =>
  /^(08|53|57P|40)/.test(code) || /^(CONNECTION_|CONNECT_TIMEOUT|ECONN|EPIPE|ENOENT|ETIMEDOUT|EHOSTUNREACH)/.test(code)

export const toDbError = (op: string, cause: unknown): DbError => {
  const code =
    typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? cause.code : ""
  const reason = cause instanceof Error ? cause.message || code : String(cause)
  return new DbError({ op, code, reason, transient: isTransient(code), cause })
}

/** A pool of its own for whoever must not wait for, or be counted with, the others: the log's writer. */
export const connect = (
  url: string,
  options: {
    readonly max?: number
    readonly name?: string
    /** Commits do not wait for the disk: what a crash of the server may take back. */
    readonly lazyCommit?: boolean
  }
): postgres.Sql =>
  postgres(url, {
    max: options.max ?? 8,
    connect_timeout: 10,
    idle_timeout: 0,
    max_lifetime: null,
    backoff: (attempt) => Math.min(0.05 * 2 ** attempt, 1),
    onnotice: () => {},
    fetch_types: false,
    types: arrayTypes,
    connection: {
      application_name: options.name ?? "signalbox",
      ...(options.lazyCommit === true ? { synchronous_commit: "off" } : {})
    }
  })

const begin = <A, E, R>(pool: postgres.Sql, self: Effect.Effect<A, E, R>): Effect.Effect<A, E | DbError, R> =>
  Effect.contextWith((context: Context.Context<R>) =>
    Effect.callback<A, E | DbError>((resume, signal) => {
      let current: postgres.TransactionSql | undefined
      const settled = pool
        .begin(async (tx) => {
          current = tx
          const exit = await Effect.runPromiseExitWith(context)(Effect.provideService(self, CurrentTransaction, tx), {
            signal
          })
          // postgres.js rejects the whole `begin` when the connection closes; throwing here would make it send a ROLLBACK first
          if (gone.has(tx)) return await new Promise<A>(() => {})
          if (Exit.isFailure(exit)) throw new RolledBack(exit)
          return exit.value
        })
        .then(
          (value) => resume(Effect.succeed(value as A)),
          (cause: unknown) => {
            if (current !== undefined) gone.add(current)
            resume(
              cause instanceof RolledBack
                ? (cause.exit as Exit.Exit<A, E>)
                : Effect.fail(toDbError("transaction", cause))
            )
          }
        )
      return Effect.promise(() => settled) // an interrupted caller waits until the ROLLBACK has happened
    })
  )
