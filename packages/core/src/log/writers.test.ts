import { fork } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { freshDatabase } from "../../../../test/support/database.ts"
import { operations, perform, type Reported } from "../../../../test/support/log-operations.ts"
import { startProxy } from "../../../../test/support/tcp-proxy.ts"
import { Db } from "../postgres/Db.ts"
import type { RecordedEvent } from "./Event.ts"
import { EventLog } from "./EventLog.ts"
import { layer } from "./EventLogLive.ts"

const script = fileURLToPath(new URL("../../../../test/support/log-writer.ts", import.meta.url))
const logAt = (url: string) => layer.pipe(Layer.provideMerge(Db.layer(url)))

/** @param killAfter it dies in the middle of its work, with so many outcomes known: from here that would be a race */
const writer = (url: string, seed: number, count: number, killAfter = Infinity) => {
  const child = fork(script, [url, String(seed), String(count), String(killAfter)])
  const reports: Array<Reported> = []
  let finished = false
  child.on("message", (message) => {
    if (message === "finished") finished = true
    else reports.push(message as Reported)
  })
  const exited = Promise.all([once(child, "exit"), once(child, "disconnect")]) // the last report may come after the exit
  return { child, reports, done: exited.then(() => ({ reports, finished })) }
}

/** The laws of the log, checked against what the commands were and what the writers were told. */
const lawful = (
  seeds: ReadonlyArray<{ readonly seed: number; readonly count: number }>,
  reports: ReadonlyArray<Reported>
) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const events = yield* Stream.runCollect(log.readAll())
    assert.deepStrictEqual(
      events.map((event) => event.position),
      events.map((_, n) => n + 1)
    )
    assert.strictEqual(yield* log.head, events.length)
    const streams = new Map<string, number>()
    const byCommand = new Map<string, Array<RecordedEvent>>()
    for (const event of events) {
      assert.strictEqual(event.version, (streams.get(event.stream) ?? 0) + 1)
      streams.set(event.stream, event.version)
      byCommand.set(event.commandId, [...(byCommand.get(event.commandId) ?? []), event])
    }
    assert.deepStrictEqual(yield* log.verify(), { ok: true, events: events.length, head: events.at(-1)?.hash ?? "" })

    // Every command's events are those of one of its bodies, whole and once.
    const bodies = Map.groupBy(
      seeds.flatMap(({ seed, count }) => operations(seed, count)),
      (item) => item.commandId
    )
    for (const [commandId, written] of byCommand) {
      const candidates = (bodies.get(commandId) ?? []).map((item) => JSON.stringify(item.events))
      assert.include(candidates, JSON.stringify(written.map(({ type, data }) => ({ type, data }))))
    }
    for (const report of reports.filter((one) => one.outcome === "accepted")) {
      const written = byCommand.get(report.commandId) ?? []
      assert.deepStrictEqual(
        [written[0]?.version, written.at(-1)?.version, written.at(-1)?.position],
        [report.from, report.to, report.position]
      )
    }
    return events.length
  })

describe("many writers", () => {
  it.live(
    "in one process and in three others keep the laws of the log",
    () =>
      Effect.gen(function* () {
        const url = yield* Effect.promise(freshDatabase)
        const others = [1, 2, 3].map((seed) => writer(url, seed, 400))
        yield* Effect.gen(function* () {
          const here = yield* Effect.forEach(operations(4, 800), perform, { concurrency: 64 })
          const there = yield* Effect.promise(() => Promise.all(others.map((other) => other.done)))
          assert.isTrue(there.every((one) => one.finished))
          const reports = [...here, ...there.flatMap((one) => one.reports)]
          assert.lengthOf(reports, 2_000)
          const seeds = [1, 2, 3].map((seed) => ({ seed, count: 400 }))
          yield* lawful([...seeds, { seed: 4, count: 800 }], reports)
          const outcomes = new Set(reports.map((one) => one.outcome))
          assert.deepStrictEqual([...outcomes].toSorted(), [
            "CommandIdReused",
            "CommandRejected",
            "VersionConflict",
            "accepted"
          ])
        }).pipe(Effect.provide(logAt(url)))
      }),
    300_000
  )

  it.live(
    "that are killed at random and run again write every command once",
    () =>
      Effect.gen(function* () {
        const url = yield* Effect.promise(freshDatabase)
        const seeds = [11, 12].map((seed) => ({ seed, count: 300 }))
        const reports: Array<Reported> = []
        for (const killAfter of [20, 90, 170]) {
          const victims = seeds.map(({ seed, count }) => writer(url, seed, count, killAfter + seed))
          const ended = yield* Effect.promise(() => Promise.all(victims.map((victim) => victim.done)))
          assert.isTrue(ended.every((one) => !one.finished))
          reports.push(...ended.flatMap((one) => one.reports))
        }
        const last = yield* Effect.promise(() =>
          Promise.all(seeds.map(({ seed, count }) => writer(url, seed, count).done))
        )
        assert.isTrue(last.every((one) => one.finished))
        reports.push(...last.flatMap((one) => one.reports))
        yield* lawful(seeds, reports).pipe(Effect.provide(logAt(url)))
      }),
    300_000
  )

  for (const at of ["before send", "before answer"] as const)
    it.live(
      `killed ${at}: the command runs again and is written once`,
      () =>
        Effect.gen(function* () {
          const url = yield* Effect.promise(freshDatabase)
          const proxy = yield* Effect.acquireRelease(
            Effect.promise(() => startProxy(url)),
            (one) => Effect.promise(() => one.stop())
          )
          const [first] = operations(21, 1)
          const victim = writer(proxy.url, 21, 1)
          proxy.cutNext({ marker: first?.commandId ?? "", at, act: () => victim.child.kill("SIGKILL") })
          const killed = yield* Effect.promise(() => victim.done)
          assert.deepStrictEqual([killed.finished, killed.reports, proxy.cuts()], [false, [], 1])
          yield* Effect.gen(function* () {
            const log = yield* EventLog
            const written = first?.events.length ?? 0
            assert.strictEqual(yield* log.head, at === "before send" ? 0 : written)
            const again = yield* Effect.promise(() => writer(url, 21, 1).done)
            assert.strictEqual(yield* lawful([{ seed: 21, count: 1 }], again.reports), written)
          }).pipe(Effect.provide(logAt(url)))
        }).pipe(Effect.scoped),
      300_000
    )

  for (const at of ["before send", "before answer"] as const)
    it.live(`whose connection is cut ${at} do not notice, and write once`, () =>
      Effect.gen(function* () {
        const url = yield* Effect.promise(freshDatabase)
        const proxy = yield* Effect.acquireRelease(
          Effect.promise(() => startProxy(url)),
          (one) => Effect.promise(() => one.stop())
        )
        yield* Effect.gen(function* () {
          const log = yield* EventLog
          const events = [{ type: "Happened", data: { n: 1 } }]
          const append = (stream: string, commandId: string = randomUUID()) =>
            log.append({ stream, expected: "new", commandId, events, actor: "hub" })
          yield* append("warm")
          const commandId = randomUUID()
          proxy.cutNext({ marker: commandId, at })
          const answers = yield* Effect.all([append("a", commandId), append("b"), append("c")], {
            concurrency: "unbounded"
          })
          assert.strictEqual(proxy.cuts(), 1)
          assert.deepStrictEqual(
            answers.map((answer) => [answer.fromVersion, answer.toVersion]),
            [
              [1, 1],
              [1, 1],
              [1, 1]
            ]
          )
          assert.strictEqual(yield* log.head, 4)
        }).pipe(Effect.provide(logAt(proxy.url)))
      }).pipe(Effect.scoped)
    )
})
