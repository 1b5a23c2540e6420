import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Queue as Mailbox, Ref, Schema } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { until } from "../../../../test/support/until.ts"
import { Db } from "../postgres/Db.ts"
import { layer } from "./JobQueueLive.ts"
import { deadLetterOf, jobHandler, JobQueue, queue } from "./Queue.ts"

const Data = Schema.Struct({ n: Schema.Int })
const QueueTest = layer([
  queue("work", { concurrency: 4, heartbeatSeconds: 10 }),
  queue("narrow", { concurrency: 1, heartbeatSeconds: 10 }),
  queue("calm", { concurrency: 1, heartbeatSeconds: 60 }),
  queue("frail", { retryLimit: 1, heartbeatSeconds: 10 }),
  queue("watch", { heartbeatSeconds: 10, drain: "interrupt" })
]).pipe(Layer.provideMerge(DbTest))

class Broken extends Schema.TaggedError<Broken>()("Broken", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

const job = (name: string, n: number) => ({ id: randomUUID(), queue: name, data: { n } })

const row = Effect.fnUntraced(function* (id: string) {
  const db = yield* Db
  const [found] = yield* db.query(
    "read a job",
    (sql) => sql<{ state: string; retries: number; output: unknown }[]>`
      select state::text, retry_count as retries, output from pgboss.job where id = ${id} and name not like '%.dead'`
  )
  return found
})

describe("the queue", () => {
  it.live("gives each job to a handler once, and completes it", () =>
    Effect.gen(function* () {
      const jobs = yield* JobQueue
      const seen = yield* Mailbox.unbounded<number>()
      const handler = jobHandler({ queue: "work", data: Data, run: ({ n }) => Effect.asVoid(Mailbox.offer(seen, n)) })
      const worker = yield* Effect.forkChild(jobs.work([handler]))
      const sent = Array.from({ length: 50 }, (_, n) => job("work", n))
      yield* jobs.enqueue(sent)
      yield* jobs.enqueue(sent)
      const got = yield* Mailbox.takeN(seen, 50)
      assert.deepStrictEqual(
        [...new Set(got)].toSorted((a, b) => a - b),
        Array.from({ length: 50 }, (_, n) => n)
      )
      const states = yield* until(
        "all are completed",
        Effect.gen(function* () {
          const rows = yield* Effect.forEach(sent, (one) => row(one.id))
          return rows.every((one) => one?.state === "completed") && rows
        })
      )
      assert.isTrue(states.every((one) => one?.retries === 0))
      assert.strictEqual(yield* Mailbox.size(seen), 0)
      yield* Fiber.interrupt(worker)
    }).pipe(Effect.provide(QueueTest))
  )

  it.live("never runs more jobs at once than a queue's concurrency, and uses all of it", () =>
    Effect.gen(function* () {
      const jobs = yield* JobQueue
      const [now, most, done] = [yield* Ref.make(0), yield* Ref.make(0), yield* Ref.make(0)]
      const full = yield* Deferred.make<void>()
      const handler = jobHandler({
        queue: "work",
        data: Data,
        run: () =>
          Effect.gen(function* () {
            const n = yield* Ref.updateAndGet(now, (n) => n + 1)
            yield* Ref.update(most, (m) => Math.max(m, n))
            if (n === 4) yield* Deferred.succeed(full, undefined)
            yield* Deferred.await(full)
            yield* Effect.sleep("5 millis")
            yield* Ref.update(now, (n) => n - 1)
            yield* Ref.update(done, (n) => n + 1)
          })
      })
      yield* jobs.enqueue(Array.from({ length: 60 }, (_, n) => job("work", n)))
      const worker = yield* Effect.forkChild(jobs.work([handler]))
      yield* until(
        "all have run",
        Effect.map(Ref.get(done), (n) => n === 60)
      )
      assert.strictEqual(yield* Ref.get(most), 4)
      yield* Fiber.interrupt(worker)
    }).pipe(Effect.provide(QueueTest))
  )

  it.live("enqueues with the transaction or not at all", () =>
    Effect.gen(function* () {
      const [db, jobs] = [yield* Db, yield* JobQueue]
      const [kept, dropped] = [job("work", 1), job("work", 2)]
      yield* db.transaction(jobs.enqueue([kept]))
      yield* Effect.flip(db.transaction(Effect.andThen(jobs.enqueue([dropped]), Effect.fail("no" as const))))
      assert.strictEqual((yield* row(kept.id))?.state, "created")
      assert.isUndefined(yield* row(dropped.id))
    }).pipe(Effect.provide(QueueTest))
  )

  it.live(
    "tries a failed job again, and a job that used up its attempts ends with its hook and in the dead letters",
    () =>
      Effect.gen(function* () {
        const jobs = yield* JobQueue
        const attempts = yield* Ref.make<ReadonlyArray<number>>([])
        const exhausted = yield* Deferred.make<{ n: number; id: string; attempts: number; reason: string }>()
        const handler = jobHandler({
          queue: "frail",
          data: Data,
          run: (_, { attempt }) =>
            Effect.andThen(
              Ref.update(attempts, (all) => [...all, attempt]),
              Effect.fail(new Broken({ reason: "the host is on fire" }))
            ),
          onExhausted: ({ n }, info) => Effect.asVoid(Deferred.succeed(exhausted, { n, ...info }))
        })
        const worker = yield* Effect.forkChild(jobs.work([handler]))
        const sent = job("frail", 7)
        yield* jobs.enqueue([sent])
        const end = yield* Deferred.await(exhausted)
        assert.deepStrictEqual(yield* Ref.get(attempts), [1, 2])
        assert.deepInclude(end, { n: 7, id: sent.id, attempts: 2 })
        assert.include(end.reason, "the host is on fire")
        assert.strictEqual((yield* row(sent.id))?.state, "failed")
        const [status] = (yield* jobs.status).filter((one) => one.name === "frail")
        assert.strictEqual(status?.dead, 1)
        yield* Fiber.interrupt(worker)
      }).pipe(Effect.provide(QueueTest))
  )

  it.live("sends a job that fits no schema to the dead letters at once, with its data", () =>
    Effect.gen(function* () {
      const [db, jobs] = [yield* Db, yield* JobQueue]
      const handler = jobHandler({ queue: "work", data: Data, run: () => Effect.die("must not run") })
      const worker = yield* Effect.forkChild(jobs.work([handler]))
      const sent = { ...job("work", 0), data: { n: "seven", list: [1, "two", null] } }
      yield* jobs.enqueue([sent])
      const letter = yield* until(
        "the letter is there",
        Effect.map(
          db.query(
            "read",
            (sql) => sql<{ data: unknown }[]>`select data from pgboss.job where name = ${deadLetterOf("work")}`
          ),
          (rows) => rows[0]
        )
      )
      assert.deepStrictEqual(letter.data, sent.data)
      const original = yield* row(sent.id)
      assert.strictEqual(original?.retries, 0)
      assert.include(JSON.stringify(original?.output), "does not fit its schema")
      yield* Fiber.interrupt(worker)
    }).pipe(Effect.provide(QueueTest))
  )

  it.live("interrupts a cancelled job at once, with its signal aborted, and frees the slot", () =>
    Effect.gen(function* () {
      const jobs = yield* JobQueue
      const started = yield* Mailbox.unbounded<{ n: number; signal: AbortSignal }>()
      const stopped = yield* Deferred.make<boolean>()
      const handler = jobHandler({
        queue: "calm", // what waited for its next heartbeat would take 20 seconds
        data: Data,
        run: ({ n }, { signal }) =>
          Mailbox.offer(started, { n, signal }).pipe(
            Effect.andThen(n === 1 ? Effect.never : Effect.void),
            Effect.onInterrupt(() => Deferred.succeed(stopped, signal.aborted))
          )
      })
      const worker = yield* Effect.forkChild(jobs.work([handler]))
      const [one, two] = [job("calm", 1), job("calm", 2)]
      yield* jobs.enqueue([one])
      yield* Mailbox.take(started)
      yield* jobs.enqueue([two])
      yield* jobs.cancel("calm", one.id)
      assert.isTrue(yield* Effect.timeout(Deferred.await(stopped), "15 seconds"))
      assert.strictEqual((yield* Mailbox.take(started)).n, 2)
      assert.strictEqual((yield* row(one.id))?.state, "cancelled")
      yield* Fiber.interrupt(worker)
    }).pipe(Effect.provide(QueueTest))
  )

  it.live("drains: short jobs end, the rest is handed back without a burnt attempt and goes on elsewhere", () =>
    Effect.gen(function* () {
      const jobs = yield* JobQueue
      const started = yield* Mailbox.unbounded<string>()
      const gate = yield* Deferred.make<void>()
      const handlers = (first: boolean) => [
        jobHandler({
          queue: "work",
          data: Data,
          run: ({ n }, { attempt }) =>
            Effect.andThen(
              Mailbox.offer(started, `work ${n} attempt ${attempt}`),
              first ? (n === 1 ? Deferred.await(gate) : Effect.never) : Effect.void
            )
        }),
        jobHandler({
          queue: "watch",
          data: Data,
          run: ({ n }, { attempt }) =>
            Effect.andThen(Mailbox.offer(started, `watch ${n} attempt ${attempt}`), first ? Effect.never : Effect.void)
        })
      ]
      const sent = [job("work", 1), job("work", 2), job("watch", 3)]
      yield* jobs.enqueue(sent)
      const worker = yield* Effect.forkChild(jobs.work(handlers(true), { grace: "4 seconds" }))
      yield* Mailbox.takeN(started, 3)
      const late = job("work", 4)
      const stopping = yield* Effect.forkChild(Fiber.interrupt(worker), { startImmediately: true })
      yield* until(
        "the watch is handed back",
        Effect.map(row(sent[2]?.id ?? ""), (one) => one?.state === "created")
      )
      yield* jobs.enqueue([late])
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(stopping)
      const states = yield* Effect.forEach([...sent, late], (one) => row(one.id))
      assert.deepStrictEqual(
        states.map((one) => [one?.state, one?.retries]),
        [
          ["completed", 0],
          ["created", 0],
          ["created", 0],
          ["created", 0]
        ]
      )
      const second = yield* Effect.forkChild(jobs.work(handlers(false)))
      const again = yield* Mailbox.takeN(started, 3)
      assert.deepStrictEqual(again.toSorted(), ["watch 3 attempt 1", "work 2 attempt 1", "work 4 attempt 1"])
      yield* Fiber.interrupt(second)
    }).pipe(Effect.provide(QueueTest))
  )

  it.live.each(["work", "narrow"])(
    "stops an attempt that was taken over, and lets only the next one settle (%s)",
    (name) =>
      Effect.gen(function* () {
        const [db, jobs] = [yield* Db, yield* JobQueue]
        const happened = yield* Mailbox.unbounded<string>()
        const handler = jobHandler({
          queue: name,
          data: Data,
          run: (_, { attempt }) =>
            attempt === 1
              ? Effect.onInterrupt(Effect.andThen(Mailbox.offer(happened, "1 runs"), Effect.never), () =>
                  Mailbox.offer(happened, "1 is stopped")
                )
              : Effect.asVoid(Mailbox.offer(happened, `${attempt} runs`))
        })
        const worker = yield* Effect.forkChild(jobs.work([handler]))
        const sent = job(name, 1)
        yield* jobs.enqueue([sent])
        assert.strictEqual(yield* Mailbox.take(happened), "1 runs")
        // what pg-boss does with a job whose worker gave no sign of life
        yield* db.query("take over", (sql) => sql`update pgboss.job set state = 'retry' where id = ${sent.id}`)
        assert.deepStrictEqual((yield* Mailbox.takeN(happened, 2)).toSorted(), ["1 is stopped", "2 runs"])
        const end = yield* until(
          "it is completed",
          Effect.map(row(sent.id), (one) => one?.state === "completed" && one)
        )
        assert.strictEqual(end.retries, 1)
        yield* Fiber.interrupt(worker)
      }).pipe(Effect.provide(QueueTest))
  )

  it.live("tells the hook of a job whose workers all died", () =>
    Effect.gen(function* () {
      const [db, jobs] = [yield* Db, yield* JobQueue]
      const exhausted = yield* Deferred.make<{ id: string; attempts: number; reason: string }>()
      const sent = job("frail", 3)
      yield* jobs.enqueue([sent])
      // claimed for the last time by a process that is gone
      yield* db.query(
        "claim and die",
        (sql) => sql`update pgboss.job set state = 'active', retry_count = 1, started_on = now() - interval '1 minute',
          heartbeat_on = now() - interval '1 minute' where id = ${sent.id}`
      )
      const handler = jobHandler({
        queue: "frail",
        data: Data,
        run: () => Effect.die("must not run"),
        onExhausted: (_, info) => Effect.asVoid(Deferred.succeed(exhausted, info))
      })
      const worker = yield* Effect.forkChild(jobs.work([handler]))
      const end = yield* Deferred.await(exhausted)
      assert.deepInclude(end, { id: sent.id, attempts: 2 })
      assert.include(end.reason, "heartbeat")
      yield* Fiber.interrupt(worker)
    }).pipe(Effect.provide(QueueTest))
  )
})
