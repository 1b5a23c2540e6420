import { createHash, randomBytes, randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Stream } from "effect"
import { streams } from "@signalbox/core/api/contract.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { follow } from "@signalbox/core/api/sse.ts"
import { TaskOutput } from "@signalbox/core/task/output.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { adminToken, HubTest } from "../../../../test/support/hub.ts"
import { ended, started } from "../../../../test/support/task.ts"
import { HubAddress } from "../HubAddress.ts"

const headers = { authorization: `Bearer ${Redacted.value(adminToken)}` }

const get = (path: string, method = "GET") =>
  Effect.flatMap(HubAddress, ({ url }) =>
    Effect.promise(async () => {
      const response = await fetch(`${url}${path}`, { method, headers })
      return { response, bytes: Buffer.from(await response.arrayBuffer()) }
    })
  )

const newTask = Effect.flatMap(HubClient, (hub) =>
  hub.tasks.create({ payload: { host: "local", tool: "shell", command: "true", commandId: randomUUID() } })
).pipe(Effect.map((made) => made.taskId))

const write = (taskId: string, from: number, bytes: Uint8Array, stream: "out" | "err" = "out") =>
  Effect.flatMap(TaskOutput, (output) => output.append(taskId, stream, from, bytes))

/** What a follower was told: bytes, and how it ended. */
const followed = (taskId: string, query = "", options: { readonly lastId?: string; readonly frames?: number } = {}) =>
  Effect.gen(function* () {
    const { url } = yield* HubAddress
    const lines = yield* follow({
      url: `${url}${streams.followOutput(taskId)}${query}`,
      token: adminToken,
      retry: false,
      ...(options.lastId === undefined ? {} : { lastId: options.lastId })
    }).pipe(
      Stream.flatMap((line) => (line._tag === "Frame" ? Stream.succeed(line.frame) : Stream.empty)),
      Stream.take(options.frames ?? Number.MAX_SAFE_INTEGER),
      Stream.takeUntil((frame) => frame.event === "end"),
      Stream.runCollect
    )
    const chunks = lines.filter((one) => one.event === "chunk")
    const bytes = Buffer.concat(
      chunks.map((one) => Buffer.from((JSON.parse(one.data) as { base64: string }).base64, "base64"))
    )
    const end = lines.find((one) => one.event === "end")
    return { bytes, lastId: lines.at(-1)?.id, end: end === undefined ? undefined : JSON.parse(end.data) }
  })

describe("a task's output over HTTP", () => {
  it.live("comes byte for byte: whole, from a byte, the last lines, either stream", () =>
    Effect.gen(function* () {
      const taskId = yield* newTask
      const body = Buffer.concat([randomBytes(1_500_000), Buffer.from("\nfirst ü\nsecond 🚂\n")])
      yield* write(taskId, 0, body)
      yield* write(taskId, 0, Buffer.from("oh no\n"), "err")
      const path = streams.output(taskId)
      const whole = yield* get(path)
      assert.isTrue(whole.bytes.equals(body))
      assert.strictEqual(whole.response.headers.get("x-next-byte"), String(body.length))
      assert.strictEqual(whole.response.headers.get("x-task-status"), "queued")
      assert.strictEqual(whole.response.headers.get("content-length"), String(body.length))
      assert.isTrue((yield* get(`${path}?from=1499999`)).bytes.equals(body.subarray(1_499_999)))
      assert.strictEqual((yield* get(`${path}?tail=2`)).bytes.toString(), "first ü\nsecond 🚂\n")
      assert.strictEqual((yield* get(`${path}?stream=err`)).bytes.toString(), "oh no\n")
      assert.strictEqual((yield* get(`${path}?from=${body.length}`)).bytes.length, 0)
      const head = yield* get(path, "HEAD")
      assert.strictEqual(head.response.headers.get("x-next-byte"), String(body.length))
      assert.strictEqual(head.bytes.length, 0)
      for (const query of ["?from=9999999", "?from=-1", "?stream=both", "?from=1&tail=1", "?tail=many"])
        assert.strictEqual((yield* get(`${path}${query}`)).response.status, 422, query)
    }).pipe(Effect.provide(HubTest))
  )

  it.live("is followed while it is written, and ends with the status after the last byte", () =>
    Effect.gen(function* () {
      const taskId = yield* newTask
      yield* started(taskId)
      const body = randomBytes(300_000)
      yield* write(taskId, 0, body.subarray(0, 1000))
      const writer = Effect.gen(function* () {
        for (let at = 1000; at < body.length; at += 7919) yield* write(taskId, at, body.subarray(at, at + 7919))
        yield* ended(taskId, 3)
      })
      const [all, tail] = yield* Effect.all([followed(taskId), followed(taskId, "?from=500"), writer], {
        concurrency: "unbounded"
      })
      assert.strictEqual(
        createHash("sha256").update(all.bytes).digest("hex"),
        createHash("sha256").update(body).digest("hex")
      )
      assert.deepStrictEqual(all.end, { status: "failed", exitCode: 3 })
      assert.isTrue(tail.bytes.equals(body.subarray(500)))
    }).pipe(Effect.provide(HubTest))
  )

  it.live("goes on after a break at the byte that came last", () =>
    Effect.gen(function* () {
      const taskId = yield* newTask
      yield* started(taskId)
      const body = randomBytes(200_000)
      yield* write(taskId, 0, body)
      const first = yield* followed(taskId, "", { frames: 2 })
      yield* ended(taskId, 0)
      const second = yield* followed(taskId, "", first.lastId === undefined ? {} : { lastId: first.lastId })
      assert.isTrue(Buffer.concat([first.bytes, second.bytes]).equals(body))
      assert.deepStrictEqual(second.end, { status: "succeeded", exitCode: 0 })
      const again = yield* followed(taskId, "", { lastId: String(body.length) })
      assert.strictEqual(again.bytes.length, 0)
      assert.deepStrictEqual(again.end, { status: "succeeded", exitCode: 0 })
    }).pipe(Effect.provide(HubTest))
  )

  it.live("is found within a second also when the hint is lost", () =>
    Effect.gen(function* () {
      const taskId = yield* newTask
      yield* started(taskId)
      const models = yield* ReadModels
      assert.strictEqual((yield* models.task(taskId))?.status, "running")
      const [told] = yield* Effect.all(
        [
          followed(taskId, "", { frames: 1 }),
          // Another process wrote it and died before it could tell anybody.
          Effect.flatMap(TaskOutput, (output) => output.sizes(taskId)).pipe(Effect.andThen(writeSilently(taskId)))
        ],
        { concurrency: "unbounded" }
      )
      assert.strictEqual(told.bytes.toString(), "silent\n")
    }).pipe(Effect.provide(HubTest.pipe(Layer.orDie)))
  )
})

const writeSilently = (taskId: string) =>
  Effect.flatMap(Db, (db) => db.transaction(write(taskId, 0, Buffer.from("silent\n"))))
