import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import postgres from "postgres"
import { DbTest } from "../../../../test/support/database.ts"
import { startServer } from "../../../../test/support/postgres-server.ts"
import { until } from "../../../../test/support/until.ts"
import { Db } from "./Db.ts"
import { listenForever } from "./listen.ts"

const recorder = () => {
  const told: Array<string> = []
  return {
    told,
    count: (start: string) => told.filter((one) => one.startsWith(start)).length,
    ear: {
      name: "test-ear",
      op: "listen in a test",
      channels: ["test_a", "test_b"],
      heard: (channel: string, payload: string) => void told.push(`${channel} ${payload}`),
      opened: Effect.sync(() => void told.push("opened")),
      trouble: (error: { readonly message: string }) => Effect.sync(() => void told.push(`trouble ${error.message}`))
    }
  }
}

describe("the ear", () => {
  it.live("hears every channel, and says that it is open again after its connection was cut", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const { count, ear, told } = recorder()
      yield* Effect.forkScoped(listenForever(db.url, ear))
      yield* until(
        "it is open",
        Effect.sync(() => count("opened") === 1)
      )
      yield* db.query("ring", (sql) => sql`select pg_notify('test_a', 'one'), pg_notify('test_b', 'two')`)
      yield* until(
        "both were heard",
        Effect.sync(() => told.length === 3)
      )
      assert.deepStrictEqual(told, ["opened", "test_a one", "test_b two"])
      const cut = yield* db.query(
        "cut",
        (sql) => sql`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name = 'test-ear'`
      )
      assert.lengthOf(cut, 1)
      yield* until(
        "it is open again",
        Effect.sync(() => count("opened") === 2)
      )
      yield* db.query("ring", (sql) => sql`select pg_notify('test_b', 'three')`)
      yield* until(
        "it hears again",
        Effect.sync(() => told.includes("test_b three"))
      )
    }).pipe(Effect.scoped, Effect.provide(Layer.fresh(DbTest)))
  )

  it.live(
    "tells of a server that is down, however often, and comes back with it",
    () =>
      Effect.gen(function* () {
        const server = yield* Effect.acquireRelease(Effect.promise(() => startServer()), (one) => Effect.promise(one.stop))
        const { count, ear, told } = recorder()
        process.kill(server.pid, "SIGQUIT")
        yield* until(
          "the server is down",
          Effect.promise(async () => {
            const sql = postgres(server.url, { max: 1, connect_timeout: 2, onnotice: () => {} })
            const up = await sql`select 1`.then(
              () => true,
              () => false
            )
            await sql.end({ timeout: 0 })
            return !up
          })
        )
        yield* Effect.forkScoped(listenForever(server.url, ear))
        yield* until(
          "it has been refused three times",
          Effect.sync(() => count("trouble") >= 3)
        )
        assert.match(told[0] ?? "", /not reachable/)
        yield* Effect.promise(server.restart)
        yield* until(
          "it is open",
          Effect.sync(() => count("opened") === 1)
        )
        assert.strictEqual(told.at(-1), "opened")
      }).pipe(Effect.scoped),
    300_000
  )
})
