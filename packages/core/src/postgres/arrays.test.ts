import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { Db } from "./Db.ts"

describe("arrays", () => {
  it.live("go to Postgres and come back as they were", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const texts = ["", "a", 'quo"te', "back\\slash", "{curly, comma}", "NULL", "null", " ", "🚂\n", null]
      const id = "0b6ff2a7-3a3c-4b36-9f0e-000000000001"
      const at = new Date("2026-11-20T14:30:22.123Z")
      const [row] = yield* db.query(
        "echo",
        (sql) => sql`select ${texts}::text[] as texts, ${[id]}::uuid[] as ids, ${[1, -2, null]}::int4[] as ints,
          ${["9007199254740993"]}::int8[] as bigs, ${["t", "f"]}::bool[] as bools, ${[1.5, 2]}::float8[] as floats,
          array[${at}::timestamptz] as times, array['\\x00ff'::bytea] as bytes, array['{"a":[1,"x"]}'::jsonb] as json,
          ${[]}::text[] as none, array[[1,2],[3,4]]::int4[] as deep, '[0:1]={7,8}'::int4[] as bounds,
          array_agg(n)::int4[] as agg from generate_series(1, 3) n`
      )
      assert.deepStrictEqual(row, {
        texts,
        ids: [id],
        ints: [1, -2, null],
        bigs: ["9007199254740993"],
        bools: [true, false],
        floats: [1.5, 2],
        times: [at],
        bytes: [Buffer.from([0, 255])],
        json: [{ a: [1, "x"] }],
        none: [],
        deep: [
          [1, 2],
          [3, 4]
        ],
        bounds: [7, 8],
        agg: [1, 2, 3]
      })
    }).pipe(Effect.provide(DbTest))
  )
})
