import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { Db } from "../postgres/Db.ts"
import { EventLog } from "./EventLog.ts"
import { layer } from "./EventLogLive.ts"

const LogTest = layer.pipe(Layer.provideMerge(DbTest))

/** Twelve events with everything in them that the hash covers. */
const written = Effect.gen(function* () {
  const log = yield* EventLog
  for (let n = 1; n <= 12; n++)
    yield* log.append({
      stream: `stream-é-${n % 3}`,
      expected: "any",
      commandId: randomUUID(),
      events: [{ type: "Happened", data: { n, text: "🚂", amount: 100 } }],
      actor: "person:ana",
      ...(n % 2 === 0 ? { correlationId: randomUUID(), causationId: n - 1 } : {})
    })
  const head = (yield* log.read({ from: 12 })).at(-1)
  return { position: 12, hash: head?.hash ?? "" }
})

/** What a superuser can do: the triggers sleep. */
const tamper = (statements: string) =>
  Effect.flatMap(Db, (db) =>
    db.transaction(
      Effect.andThen(
        db.query("tamper", (sql) => sql`set local session_replication_role = replica`),
        db.query("tamper", (sql) => sql.unsafe(statements).simple())
      )
    )
  )
const verdict = Effect.flatMap(EventLog, (log) => log.verify())

describe("verification", () => {
  it.live("passes an untouched log, an empty one, and tells its progress", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      assert.deepStrictEqual(yield* verdict, { ok: true, events: 0, head: "0".repeat(64) })
      const head = yield* written
      assert.deepStrictEqual(yield* log.verify({ expectedHead: head }), { ok: true, events: 12, head: head.hash })
      const event = { type: "Happened", data: 1 }
      const events = Array.from({ length: 1_000 }, () => event)
      for (let n = 0; n < 21; n++)
        yield* log.append({ stream: "long", expected: "any", commandId: randomUUID(), events, actor: "hub" })
      const told: Array<number> = []
      yield* log.verify({ progress: (position) => Effect.sync(() => told.push(position)) })
      assert.deepStrictEqual(told, [10_000, 20_000])
    }).pipe(Effect.provide(LogTest))
  )

  it.live.each([
    [
      "one byte of the payload",
      `update log.event set data = replace(data::text, '100', '900')::json where position = 7`,
      7
    ],
    ["white space in the payload", `update log.event set data = (data::text || ' ')::json where position = 7`, 7],
    ["a microsecond", `update log.event set at = at + interval '1 microsecond' where position = 3`, 3],
    ["the actor", `update log.event set actor = 'person:bob' where position = 12`, 12],
    ["the type", `update log.event set type = 'Happenee' where position = 1`, 1],
    ["a version", `update log.event set version = 99 where position = 12`, 12],
    ["the stream", `update log.event set stream = 'other' where position = 5`, 5],
    ["the command", `update log.event set command_id = gen_random_uuid() where position = 5`, 5],
    ["the correlation", `update log.event set correlation_id = gen_random_uuid() where position = 6`, 6],
    ["the cause", `update log.event set causation_id = null where position = 8`, 8],
    ["a hash", `update log.event set hash = sha256('') where position = 9`, 9],
    [
      "the border between two texts",
      `update log.event set type = type || 'p', actor = substr(actor, 2) where position = 4`,
      4
    ],
    ["a deleted event in the middle", `delete from log.event where position = 6`, 6],
    ["a deleted beginning", `delete from log.event where position <= 3`, 1],
    [
      "two events that changed places",
      `update log.event set position = 99 where position = 4; update log.event set position = 4 where position = 5;
       update log.event set position = 5 where position = 99`,
      4
    ],
    [
      "an inserted event",
      `insert into log.event select 13, stream, 98, type, data, actor, command_id, correlation_id, null, at, hash
       from log.event where position = 12`,
      13
    ]
  ] as const)("finds %s and names the position", ([, statements, position]) =>
    Effect.gen(function* () {
      yield* written
      yield* tamper(statements)
      const found = yield* verdict
      assert.deepInclude(found, { ok: false, position })
    }).pipe(Effect.provide(LogTest))
  )

  it.live("finds a cut end and a rewritten log only by a head that was remembered", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const expectedHead = yield* written
      yield* tamper("delete from log.event where position > 9")
      assert.isTrue((yield* verdict).ok)
      assert.deepStrictEqual(yield* log.verify({ expectedHead }), {
        ok: false,
        position: 10,
        reason: "the log ends at 9, but 12 was remembered: its end was cut off"
      })
      for (let n = 0; n < 5; n++)
        yield* log.append({
          stream: "forged",
          expected: "any",
          commandId: randomUUID(),
          events: [{ type: "T", data: n }],
          actor: "x"
        })
      assert.isTrue((yield* verdict).ok)
      assert.deepInclude(yield* log.verify({ expectedHead }), { ok: false, position: 12 })
    }).pipe(Effect.provide(LogTest))
  )
})
