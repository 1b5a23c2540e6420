import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Stream } from "effect"
import { migrations, startServer } from "../../../../test/support/postgres-server.ts"
import { Db } from "../postgres/Db.ts"
import { migrate } from "../postgres/migrate.ts"
import { EventLog } from "./EventLog.ts"
import { layer } from "./EventLogLive.ts"

/** A server of this test's own, which may be stopped and started. */
const ownServer = Effect.acquireRelease(Effect.promise(() => startServer()), (server) => Effect.promise(server.stop))

describe("when Postgres is restarted under load", () => {
  it.live(
    "appends suspend and go on, nothing is lost or doubled, and followers miss nothing",
    () =>
      Effect.gen(function* () {
        const server = yield* ownServer
        yield* migrate(migrations).pipe(Effect.provide(Db.layer(server.url, { max: 1 })))
        yield* Effect.gen(function* () {
          const log = yield* EventLog
          const PER_CALLER = 60
          const CALLERS = 16
          const total = PER_CALLER * CALLERS
          const follower = yield* log.follow().pipe(
            Stream.filter((followed) => followed._tag === "Event"),
            Stream.map(({ event }) => `${event.position}:${event.commandId}`),
            Stream.take(total),
            Stream.runCollect,
            Effect.forkChild
          )
          const restarts = yield* Effect.gen(function* () {
            yield* log.waitFor(total / 5)
            process.kill(server.pid, "SIGQUIT") // a crash: no checkpoint, recovery at the next start
            yield* Effect.promise(server.restart)
            yield* log.waitFor((total * 3) / 5)
            yield* Effect.promise(server.restart)
          }).pipe(Effect.forkChild)
          const caller = Effect.fnUntraced(function* (n: number) {
            const sent: Array<string> = []
            for (let i = 0; i < PER_CALLER; i++) {
              const commandId = randomUUID()
              sent.push(commandId)
              // The version is checked: a repeat that was not recognized by its receipt would conflict.
              yield* log.append({
                stream: `caller-${n}`,
                expected: i,
                commandId,
                events: [{ type: "Happened", data: { n, i } }],
                actor: "hub"
              })
              yield* Effect.yieldNow
            }
            return sent
          })
          const sent = yield* Effect.forEach(
            Array.from({ length: CALLERS }, (_, n) => n),
            caller,
            { concurrency: "unbounded" }
          )
          yield* Fiber.join(restarts)
          const followed = yield* Fiber.join(follower)
          const events = yield* Stream.runCollect(log.readAll())
          assert.deepStrictEqual(
            followed,
            events.map((event) => `${event.position}:${event.commandId}`)
          )
          assert.deepStrictEqual(new Set(events.map((event) => event.commandId)), new Set(sent.flat()))
          assert.lengthOf(events, total)
          assert.deepInclude(yield* log.verify(), { ok: true, events: total })
        }).pipe(Effect.provide(layer.pipe(Layer.provideMerge(Db.layer(server.url)))))
      }).pipe(Effect.scoped),
    300_000
  )
})
