import { randomUUID } from "node:crypto"
import { connect } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Redacted, Schedule, Scope, Stream } from "effect"
import { streams } from "@signalbox/core/api/contract.ts"
import { type Frame, follow } from "@signalbox/core/api/sse.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { adminToken, hubTest, RoomsTest } from "../../../../test/support/hub.ts"
import { held, heldAtMost } from "../../../../test/support/memory.ts"
import { Heartbeat } from "../edge/sse.ts"
import { HubAddress } from "../HubAddress.ts"

const Hub = hubTest().pipe(Layer.provideMerge(RoomsTest))
const token = `Bearer ${Redacted.value(adminToken)}`

const note = (stream: string, type = "Noted", data: string = "x") =>
  Effect.flatMap(EventLog, (log) =>
    log.append({
      stream,
      expected: "any",
      commandId: randomUUID(),
      events: [{ type, data: { data } }],
      actor: "person:ana"
    })
  )
const notes = (count: number, data?: string) =>
  Effect.forEach(Array.from({ length: count }), () => note(`note/${randomUUID()}`, "Noted", data), {
    concurrency: 64,
    discard: true
  })

const frames = (query: string, lastId?: string) =>
  Stream.unwrap(
    Effect.map(HubAddress, ({ url }) =>
      follow({
        url: `${url}${streams.events}${query}`,
        token: adminToken,
        retry: false,
        ...(lastId === undefined ? {} : { lastId })
      })
    )
  ).pipe(Stream.flatMap((line) => (line._tag === "Frame" ? Stream.succeed(line.frame) : Stream.empty)))

const positions = (list: ReadonlyArray<Frame>) =>
  list.filter((one) => one.event !== "caught-up").map((one) => Number(one.id))
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

const until = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  condition.pipe(
    Effect.flatMap((met) => (met ? Effect.void : Effect.fail("not yet"))),
    Effect.retry(Schedule.spaced("20 millis")),
    Effect.timeout("60 seconds")
  )

describe("the event stream", () => {
  it.live("gives every event once and in order, over breaks, from pages and live alike", () =>
    Effect.gen(function* () {
      yield* notes(700)
      const writer = yield* Effect.forkChild(notes(700))
      let lastId: string | undefined
      const seen: Array<Frame> = []
      for (const piece of [1, 300, 57, 400, 1, 300]) {
        const got = yield* Stream.runCollect(Stream.take(frames("", lastId), piece))
        seen.push(...got)
        lastId = got.at(-1)?.id
      }
      yield* Fiber.join(writer)
      const rest = yield* frames("", lastId).pipe(
        Stream.takeUntil((one) => one.id === "1400" && one.event !== "caught-up"),
        Stream.runCollect
      )
      seen.push(...rest)
      assert.deepStrictEqual(positions(seen), range(1, 1400))
      const first: { type: string; hash: string } = JSON.parse(seen[0]?.data ?? "{}")
      assert.strictEqual(seen[0]?.event, "Noted")
      assert.match(first.hash, /^[0-9a-f]{64}$/)
    }).pipe(Effect.provide(Hub))
  )

  it.live("tells once when it has caught up, and keeps a follower of the end awake", () =>
    Effect.gen(function* () {
      yield* notes(3)
      const waiting = yield* Deferred.make<void>()
      const fiber = yield* frames("?from=4").pipe(
        Stream.tap(() => Deferred.succeed(waiting, undefined)),
        Stream.take(2),
        Stream.runCollect,
        Effect.forkChild
      )
      const all = yield* frames("?from=2").pipe(Stream.take(3), Stream.runCollect)
      assert.deepStrictEqual(
        all.map((one) => [one.id, one.event]),
        [
          ["2", "Noted"],
          ["3", "Noted"],
          ["3", "caught-up"]
        ]
      )
      yield* Deferred.await(waiting)
      yield* note("note/last")
      assert.deepStrictEqual((yield* Fiber.join(fiber)).map((one) => [one.id, one.event]).toSorted(), [
        ["3", "caught-up"],
        ["4", "Noted"]
      ])
    }).pipe(Effect.provide(Hub))
  )

  it.live("filters by stream and by type, in old pages and live", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 6; i++) yield* Effect.all([notes(120), note("note/a", "Odd"), note("note/b", "Odd")])
      const of = (query: string, count: number) =>
        frames(query).pipe(
          Stream.filter((one) => one.event !== "caught-up"),
          Stream.take(count),
          Stream.runCollect,
          Effect.forkChild
        )
      const [a, odd, both, late] = yield* Effect.all([
        of("?stream=note/a", 8),
        of("?type=Odd", 14),
        of("?stream=note/b&type=Odd", 6),
        of("?stream=note/a&from=400", 5)
      ])
      yield* note("note/a", "Odd")
      yield* note("note/a", "Even")
      yield* note("note/c", "Odd")
      const streamsOf = (list: ReadonlyArray<Frame>) =>
        list.map((one): string => (JSON.parse(one.data) as { stream: string }).stream)
      assert.deepStrictEqual(streamsOf(yield* Fiber.join(a)), Array(8).fill("note/a"))
      const types = yield* Fiber.join(odd)
      assert.deepStrictEqual(
        types.map((one) => one.event),
        Array(14).fill("Odd")
      )
      assert.deepStrictEqual(
        positions(types),
        positions(types).toSorted((x, y) => x - y)
      )
      assert.deepStrictEqual(streamsOf(yield* Fiber.join(both)), Array(6).fill("note/b"))
      assert.isTrue(positions(yield* Fiber.join(late)).every((position) => position >= 400))
    }).pipe(Effect.provide(Hub))
  )

  it.live("refuses a position that makes no sense", () =>
    Effect.gen(function* () {
      const { url } = yield* HubAddress
      yield* notes(2)
      const ask = (query: string, lastId?: string) =>
        Effect.promise(async () => {
          const response = await fetch(`${url}${streams.events}${query}`, {
            headers: { authorization: token, ...(lastId === undefined ? {} : { "last-event-id": lastId }) }
          })
          const body = response.status === 200 ? "" : await response.text()
          await response.body?.cancel().catch(() => {})
          return [response.status, body] as const
        })
      for (const id of ["abc", "-1", "1.5", "99999999999999999999", "1 OR 1=1", "999"]) {
        const [status, body] = yield* ask("", id)
        assert.strictEqual(status, 422, id)
        assert.match(body, /whole number|The log ends at position 2/)
      }
      for (const query of ["?from=x", "?from=4", "?from=1&from=2", "?stream=a&stream=b", `?type=${"t".repeat(600)}`])
        assert.strictEqual((yield* ask(query))[0], 422, query)
      for (const [query, id] of [
        ["?from=0", undefined],
        ["?from=3", undefined],
        ["?from=999", "2"]
      ] as const)
        assert.strictEqual((yield* ask(query, id))[0], 200, query)
    }).pipe(Effect.provide(Hub))
  )

  it.live("serves 200 readers at once and forgets them when they go", () =>
    Effect.gen(function* () {
      const { url } = yield* HubAddress
      const readers = Effect.promise(async () => {
        const text = await fetch(`${url}/metrics`).then((response) => response.text())
        return Number(/^signalbox_event_readers (\d+)$/m.exec(text)?.[1])
      })
      const fibers = yield* Effect.forEach(range(1, 200), () =>
        frames("").pipe(
          Stream.takeUntil((one) => one.id === "100"),
          Stream.runCollect,
          Effect.forkChild
        )
      )
      yield* until(Effect.map(readers, (count) => count === 200))
      yield* notes(100)
      for (const fiber of fibers) assert.deepStrictEqual(positions(yield* Fiber.join(fiber)), range(1, 100))
      yield* until(Effect.map(readers, (count) => count === 0))
    }).pipe(Effect.provide(Hub))
  )

  it.live("does not grow for readers that do not read, and gives them everything later", () =>
    Effect.gen(function* () {
      const { port } = yield* HubAddress
      const slow = Effect.acquireRelease(
        Effect.sync(() => {
          const socket = connect(port, "127.0.0.1")
          socket.write(`GET ${streams.events} HTTP/1.1\r\nhost: localhost\r\nauthorization: ${token}\r\n\r\n`)
          socket.pause()
          return socket
        }),
        (socket) => Effect.sync(() => socket.destroy())
      )
      const sockets = yield* Effect.all(Array.from({ length: 8 }, () => slow))
      const before = held()
      yield* notes(7000, "x".repeat(8000)) // 56 MB, were they kept for anybody
      yield* heldAtMost(before, 30e6) // the newest 16 MB are kept, once for all readers
      const [socket] = sockets
      assert.isDefined(socket)
      const done = yield* Deferred.make<ReadonlyArray<number>>()
      let rest = ""
      const ids: Array<number> = []
      socket?.on("data", (part) => {
        const lines = (rest + part.toString("latin1")).split("\n")
        rest = lines.pop() ?? ""
        for (const line of lines) {
          const id = /^id: (\d+)$/.exec(line)?.[1]
          if (id !== undefined && id !== "0" && ids.at(-1) !== Number(id)) ids.push(Number(id))
        }
        if (ids.at(-1) === 7000) Deferred.doneUnsafe(done, Exit.succeed(ids))
      })
      socket?.resume()
      assert.deepStrictEqual(yield* Effect.timeout(Deferred.await(done), "60 seconds"), range(1, 7000))
    }).pipe(Effect.scoped, Effect.provide(Hub))
  )

  it.live("sends a comment when there is nothing to say", () =>
    Effect.gen(function* () {
      const { url } = yield* HubAddress
      const text = yield* Effect.promise(async () => {
        const response = await fetch(`${url}${streams.events}`, { headers: { authorization: token } })
        let all = ""
        for await (const part of response.body ?? []) {
          all += new TextDecoder().decode(part)
          if (all.split(": ping\n\n").length > 3) break
        }
        return all
      })
      assert.match(text, /^retry: 2000\n\n/)
    }).pipe(Effect.provide(Hub.pipe(Layer.provide(Layer.succeed(Heartbeat, 30)))))
  )

  it.live("ends at once when the hub stops", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const address = yield* Layer.buildWithScope(hubTest(), scope)
      const fiber = yield* Effect.gen(function* () {
        const up = yield* Deferred.make<void>()
        const reading = yield* frames("").pipe(
          Stream.tap(() => Deferred.succeed(up, undefined)),
          Stream.runDrain,
          Effect.forkChild
        )
        yield* Deferred.await(up)
        return reading
      }).pipe(Effect.provide(address))
      const began = performance.now()
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(fiber)
      assert.isBelow(performance.now() - began, 4_500) // who reads on is cut off after five seconds
    }).pipe(Effect.provide(RoomsTest))
  )
})
