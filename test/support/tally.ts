/**
 * A projection that shows every mistake of its runner: it adds up, so an event applied twice or never changes the sums, and it
 * notes the order within a stream.
 */
import { randomUUID } from "node:crypto"
import { Effect, Schema } from "effect"
import { EventNotDecodable } from "@signalbox/core/log/Event.ts"
import type { Append } from "@signalbox/core/log/EventLog.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import type { Projection } from "@signalbox/core/projection/Projection.ts"
import type { Reactor } from "@signalbox/core/projection/Reactor.ts"

export const createTally = Effect.flatMap(Db, (db) =>
  db.query("create the tally", (sql) =>
    sql
      .unsafe(
        `create table read.tally (
           stream text primary key, events int not null, total bigint not null constraint tally_is_small check (total < 1000000),
           "order" bigint[] not null, last bigint not null constraint tally_last_key unique);
         create index tally_by_total on read.tally (total desc) where events > 0;
         comment on table read.tally is 'sums';
         alter table read.tally set (fillfactor = 90);
         create schema if not exists report;
         create view report.tally with (security_barrier = true) as select stream, total from read.tally where events > 0;
         comment on view report.tally is 'for people';
         create view report.grand as select sum(total) as total from report.tally;`
      )
      .simple()
  )
)

const Added = Schema.Struct({ amount: Schema.Int })
const decode = Schema.decodeUnknownEffect(Added)

export const tally: Projection = {
  name: "tally",
  version: 1,
  tables: ["tally"],
  types: ["Added"],
  apply: Effect.fnUntraced(function* (events) {
    const db = yield* Db
    const rows = yield* Effect.forEach(events, (event) =>
      decode(event.data).pipe(
        Effect.map(({ amount }) => ({ stream: event.stream, amount, position: event.position })),
        Effect.mapError((e) => new EventNotDecodable({ position: event.position, type: event.type, reason: e.message }))
      )
    )
    yield* db.query(
      "add up",
      (sql) => sql`insert into tally (stream, events, total, "order", last)
        select stream, count(*), sum(amount), array_agg(position order by position), max(position)
        from json_to_recordset(${JSON.stringify(rows)}::text::json) as e(stream text, amount bigint, position bigint)
        group by stream
        on conflict (stream) do update set events = tally.events + excluded.events, total = tally.total + excluded.total,
          "order" = tally."order" || excluded."order", last = excluded.last`
    )
  })
}

export const reactor = (from: Reactor["from"] = "beginning"): Reactor => ({
  name: "sorter",
  types: ["Added"],
  from,
  react: (event) => [
    { queue: "sort", data: { position: event.position } },
    { queue: "sort", data: { position: event.position }, suffix: "again" }
  ]
})

export const added = (stream: string, ...amounts: ReadonlyArray<number>): Append => ({
  stream,
  expected: "any",
  commandId: randomUUID(),
  events: amounts.map((amount) => ({ type: "Added", data: { amount } })),
  actor: "person:ana"
})

/** What the tally must be, computed from the log itself. */
export const expected = Effect.flatMap(Db, (db) =>
  db.query(
    "compute the tally",
    (sql) => sql<{ stream: string; events: number; total: string; order: string[]; last: string }[]>`
      select stream, count(*)::int as events, sum((data->>'amount')::bigint)::text as total,
        array_agg(position::text order by position) as order, max(position)::text as last
      from log.event where type = 'Added' group by stream order by stream`
  )
).pipe(Effect.map((rows) => [...rows]))

export const actual = Effect.flatMap(Db, (db) =>
  db.query(
    "read the tally",
    (sql) => sql<{ stream: string; events: number; total: string; order: string[]; last: string }[]>`
      select stream, events, total::text as total, "order"::text[] as order, last::text as last from read.tally order by stream`
  )
).pipe(Effect.map((rows) => [...rows]))
