/**
 * The read models of accounts: `read.account`, and whose each token is in `read.account_token`.
 *
 * Owns: their rows and the questions to them. Does not own: whether a token still stands: the account's stream says that.
 */
import { Effect, Schema } from "effect"
import { Db, type DbError, type Sql } from "../postgres/Db.ts"
import type { Projection } from "../projection/Projection.ts"
import { viewProjection } from "../projection/view-projection.ts"
import { accountEvents } from "./events.ts"
import { AccountView, evolveAccount } from "./view.ts"

export const accountProjection: Projection = viewProjection({
  name: "account",
  version: 1,
  prefix: "account/",
  table: "account",
  moreTables: ["account_token"],
  types: accountEvents,
  schema: AccountView,
  initial: () => undefined,
  evolve: evolveAccount,
  after: (views) =>
    Effect.gen(function* () {
      const db = yield* Db
      const rows = [...views].flatMap(([account, view]) =>
        view.tokens.map(({ hash, tokenId }) => ({ hash, account, token_id: tokenId }))
      )
      yield* db.query("drop tokens", (sql) => sql`delete from account_token where account in ${sql([...views.keys()])}`)
      if (rows.length > 0)
        yield* db.query(
          "write tokens",
          (sql) => sql`insert into account_token ${sql(rows, "hash", "account", "token_id")} on conflict do nothing`
        )
    })
})

const decode = Schema.decodeUnknownSync(Schema.toCodecJson(AccountView))

/** By name, removed ones left out. */
export const listAccounts: Effect.Effect<ReadonlyArray<AccountView>, DbError, Db> = Effect.gen(function* () {
  const db = yield* Db
  const rows = yield* db.query(
    "list accounts",
    (sql) => sql<{ view: unknown }[]>`select view from read.account where not removed order by id`
  )
  return rows.map((row) => decode(row.view))
})

/** Exported for the test that EXPLAINs it. */
export const ownerOfToken = (sql: Sql, hash: string) =>
  sql<{ account: string }[]>`select account from read.account_token where hash = ${hash}`

export const ownerOfTokenId = (sql: Sql, tokenId: string) =>
  sql<{ account: string }[]>`select account from read.account_token where token_id = ${tokenId}`
