import * as fs from "node:fs/promises"
import { createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Ref } from "effect"
import { emptyDatabase } from "../../../../test/support/database.ts"
import { Home } from "../config/Home.ts"
import { Settings } from "../config/Settings.ts"
import { Progress } from "../observe/Progress.ts"
import { PostgresServer } from "./PostgresServer.ts"

/** @param url DATABASE_URL, or undefined for the embedded server */
const server = (url: string | undefined, home: string, patienceMs = 0) =>
  Effect.scoped(
    Effect.gen(function* () {
      const context = yield* Layer.build(
        PostgresServer.layer({ patienceMs }).pipe(Layer.provide([Settings.layer, Home.layerAt(home)]))
      )
      return yield* Effect.provide(PostgresServer, context)
    })
  ).pipe(
    Effect.provide(
      ConfigProvider.layer(ConfigProvider.fromEnv({ env: url === undefined ? {} : { DATABASE_URL: url } }))
    )
  )

const temporary = Effect.acquireRelease(
  Effect.promise(() => fs.mkdtemp(join(tmpdir(), "signalbox-server-"))),
  (path) => Effect.promise(() => fs.rm(path, { recursive: true, force: true }))
)

/** A server that answers every connection with `reply`. */
const pretender = (reply: (socket: Socket) => void) =>
  Effect.acquireRelease(
    Effect.callback<{ port: number; close: () => void }>((resume) => {
      const listening = createServer((socket) => {
        socket.on("error", () => {})
        reply(socket)
      })
      listening.listen(0, "127.0.0.1", () => {
        const address = listening.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(Effect.succeed({ port, close: () => listening.close() }))
      })
    }),
    (each) => Effect.sync(each.close)
  )

describe("the database of DATABASE_URL", () => {
  it.live("is used when it answers", () =>
    Effect.gen(function* () {
      const url = yield* Effect.promise(emptyDatabase)
      const found = yield* server(url, yield* temporary)
      assert.strictEqual(found.url, url)
      assert.strictEqual(found.origin, "url")
      assert.isAtLeast(found.version, 150000)
    })
  )

  it.live("that is down is one sentence without the password, after a bounded wait that is told", () =>
    Effect.gen(function* () {
      const { port, close } = yield* pretender(() => {})
      close()
      const told = yield* Ref.make<ReadonlyArray<string>>([])
      const error = yield* Effect.flip(
        server(`postgres://u:hunter2secret@127.0.0.1:${port}/x`, yield* temporary, 4_000)
      ).pipe(Effect.provideService(Progress, (message) => Ref.update(told, (all) => [...all, message])))
      assert.match(
        error.message,
        /^The database at 127\.0\.0\.1:\d+\/x cannot be used \(.*ECONNREFUSED.*\)\. Check DATABASE_URL/
      )
      assert.notInclude(error.message, "hunter2secret")
      assert.deepStrictEqual(yield* Ref.get(told), [`Waiting for the database at 127.0.0.1:${port}/x…`])
    })
  )

  it.live("that refuses the password or has no such database is told at once", () =>
    Effect.gen(function* () {
      const url = yield* Effect.promise(emptyDatabase)
      const home = yield* temporary
      const password = yield* Effect.flip(server(url.replace(":test@", ":wrong-password@"), home, 60_000))
      assert.match(password.message, /password authentication failed/)
      const database = yield* Effect.flip(server(`${url}_none`, home, 60_000))
      assert.match(database.message, /database ".*_none" does not exist/)
    })
  )
})

/** The bytes of a Postgres that answers every simple query with one row: 140005, 14.5. */
const oldPostgres = (socket: Socket) => {
  const message = (type: string, body: Buffer) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(body.length + 4)
    return Buffer.concat([Buffer.from(type), length, body])
  }
  const ready = message("Z", Buffer.from("I"))
  const column = (name: string, oid: number) => {
    const fixed = Buffer.alloc(18)
    fixed.writeInt32BE(oid, 6)
    return Buffer.concat([Buffer.from(`${name}\0`), fixed])
  }
  const value = (text: string) => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)])
  const two = Buffer.from([0, 2])
  const answer = Buffer.concat([
    message("T", Buffer.concat([two, column("number", 23), column("text", 25)])),
    message("D", Buffer.concat([two, value("140005"), value("14.5")])),
    message("C", Buffer.from("SELECT 1\0")),
    ready
  ])
  let begun = false
  socket.on("data", (chunk) => {
    if (!begun) socket.write(Buffer.concat([message("R", Buffer.alloc(4)), ready]))
    else if (chunk[0] === "Q".charCodeAt(0)) socket.write(answer)
    begun = true
  })
}

describe("a database that is too old", () => {
  it.live("is named with its version and the mend", () =>
    Effect.gen(function* () {
      const { port } = yield* pretender(oldPostgres)
      const error = yield* Effect.flip(server(`postgres://u:p@127.0.0.1:${port}/x`, yield* temporary, 60_000))
      assert.match(error.message, /is Postgres 14\.5; 15 or newer is needed/)
    })
  )
})

describe("without DATABASE_URL", () => {
  it.live("the home's own Postgres is started and stopped with the scope", () =>
    Effect.gen(function* () {
      const home = join(yield* temporary, "home")
      yield* Effect.promise(() => fs.chmod(join(home, ".."), 0o755))
      const found = yield* server(undefined, home)
      assert.strictEqual(found.origin, "embedded")
      assert.strictEqual(Math.floor(found.version / 10_000), 18)
      const lock = yield* Effect.promise(() =>
        fs.readFile(join(home, "postgres/data/postmaster.pid")).catch((cause: NodeJS.ErrnoException) => cause.code)
      )
      assert.strictEqual(lock, "ENOENT")
    })
  )
})
