import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import postgres from "postgres"
import { freshDatabase } from "../../../../test/support/database.ts"
import { hubOn } from "../../../../test/support/hub.ts"
import { startProxy } from "../../../../test/support/tcp-proxy.ts"
import { FakeAgent } from "../../../../test/support/fake-agent.ts"
import { until } from "../../../../test/support/until.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { HubAddress } from "../HubAddress.ts"

/** A hub whose way to the database can be broken, and a way of our own that cannot. */
const withHub = <A, E>(
  test: (
    proxy: Effect.Success<typeof door>["proxy"],
    direct: postgres.Sql
  ) => Effect.Effect<A, E, HubClient | HubAddress>
) =>
  Effect.gen(function* () {
    const { proxy, url } = yield* door
    const direct = yield* Effect.acquireRelease(
      Effect.sync(() => postgres(url, { max: 2, onnotice: () => {} })),
      (sql) => Effect.promise(() => sql.end({ timeout: 1 }))
    )
    return yield* test(proxy, direct).pipe(Effect.provide(hubOn(Db.layer(proxy.url))))
  }).pipe(Effect.scoped)

const door = Effect.gen(function* () {
  const url = yield* Effect.promise(freshDatabase)
  const proxy = yield* Effect.acquireRelease(
    Effect.promise(() => startProxy(url)),
    (one) => Effect.ignore(Effect.tryPromise(one.stop))
  )
  return { url, proxy }
})

const spec = { payload: { host: "local", tool: "shell", command: "true" } }

/** The error of a request, which comes within three seconds, and on a busy machine later. */
const soon = <A, E, R>(request: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const [took, error] = yield* Effect.timed(Effect.flip(request))
    assert.isBelow(Duration.toMillis(took), 12_000) // what is in the air is waited for 20 seconds
    return error
  })

describe("a database that does not answer", () => {
  it.live(
    "is told within three seconds, to whoever asks and to whoever commands, and served again when it is back",
    () =>
      withHub((proxy) =>
        Effect.gen(function* () {
          const hub = yield* HubClient
          const { taskId } = yield* hub.tasks.create(spec)
          proxy.freeze(true)
          const [asked, commanded] = yield* Effect.all(
            [
              soon(hub.tasks.list({ query: {} })),
              soon(hub.tasks.kill({ params: { taskId }, payload: { commandId: crypto.randomUUID() } }))
            ],
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual([asked._tag, commanded._tag], ["Unavailable", "Unavailable"])
          assert.match(asked.message, /^The database is not reachable \(it does not answer\)\./)
          assert.match(commanded.message, /nobody can tell yet whether this was done/)
          proxy.freeze(false)
          const task = yield* until(
            "it is served again",
            hub.tasks.get({ params: { taskId } }).pipe(
              Effect.map((found) => found.task),
              Effect.catchTag("Unavailable", () => Effect.succeed(undefined))
            )
          )
          assert.strictEqual(task.taskId, taskId)
        })
      ),
    300_000
  )

  it.live(
    "is told at once where it refuses connections, and leaves the hub itself healthy",
    () =>
      withHub((proxy) =>
        Effect.gen(function* () {
          const hub = yield* HubClient
          const { taskId } = yield* hub.tasks.create(spec)
          yield* Effect.promise(proxy.stop)
          const requests: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
            hub.tasks.kill({ params: { taskId }, payload: {} }),
            hub.hosts.add({ payload: { name: "web1", address: "10.0.0.5" } }),
            hub.tasks.list({ query: {} }),
            hub.ready()
          ]
          for (const request of requests) assert.strictEqual((yield* soon(request))._tag, "Unavailable")
          assert.strictEqual((yield* hub.health()).status, "ok")
        })
      ),
    300_000
  )

  it.live(
    "is told apart from one that takes its time, where new connections take even longer",
    () =>
      withHub((proxy, direct) =>
        Effect.gen(function* () {
          const hub = yield* HubClient
          const { taskId } = yield* hub.tasks.create(spec)
          /** The hub's own question was answered later than so many seconds after `since`. */
          const askedAfter = (since: string, seconds: number) =>
            Effect.promise(
              () => direct`select 1 from pg_stat_activity
                where application_name = 'signalbox-outage' and datname = current_database() and state = 'idle'
                  and state_change > ${since}::text::timestamptz + make_interval(secs => ${seconds})`
            ).pipe(Effect.map((rows) => rows.length > 0))
          yield* until("the hub could ask", askedAfter("2000-01-01", 0))
          proxy.holdNew()
          const held = yield* Effect.promise(() => direct.reserve())
          yield* Effect.promise(() => held`begin`)
          yield* Effect.promise(() => held`lock table read.task`)
          const [row] = yield* Effect.promise(() => held<{ now: string }[]>`select clock_timestamp()::text as now`)
          const slow = yield* Effect.forkChild(hub.tasks.list({ query: {} }))
          yield* until("it was asked for longer than an outage lasts", askedAfter(row?.now ?? "", 4))
          assert.isUndefined(slow.pollUnsafe())
          yield* Effect.promise(() => held`commit`)
          held.release()
          assert.deepStrictEqual(
            (yield* Fiber.join(slow)).tasks.map((task) => task.taskId),
            [taskId]
          )
        })
      ),
    300_000
  )

  it.live("does not end the sockets of agents", () =>
    withHub((proxy) =>
      Effect.gen(function* () {
        const hub = yield* HubClient
        const { url } = yield* HubAddress
        const { token } = yield* hub.agents.invite({ payload: { name: "web1" } })
        const agent = yield* Effect.promise(() => new FakeAgent(url).enroll(token))
        const socket = yield* Effect.promise(() => agent.connect())
        const online = Effect.map(hub.agents.list(), ({ agents }) => agents.some((one) => one.online))
        yield* until("it is online", online)
        proxy.freeze(true)
        assert.strictEqual((yield* soon(hub.tasks.list({ query: {} })))._tag, "Unavailable")
        const pong = new Promise((resolve) => socket.raw.once("pong", resolve))
        socket.raw.ping()
        yield* Effect.promise(() => pong)
        assert.isUndefined(socket.closed)
        proxy.freeze(false)
        yield* until(
          "it is online still",
          Effect.catch(online, () => Effect.succeed(false))
        )
        assert.isUndefined(socket.closed)
        assert.isUndefined(socket.heard[0])
        socket.raw.close()
      })
    )
  )
})
