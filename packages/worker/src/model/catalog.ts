/**
 * Tells the others which models this worker's providers have: at start, when asked, and that it still lives.
 *
 * Owns: asking the providers for their lists, keeping the answers. Does not own: the table (`core/model/catalog-rows.ts`), who
 * waits for it (`CatalogLive.ts`).
 * Invariants: a list that is young enough is not asked for again; one slow provider holds up no other; nothing here ends the worker.
 */
import { Effect, Option, Schedule, Schema, Semaphore, Stream } from "effect"
import {
  expectLists,
  FRESH,
  readCatalog,
  stillConfigured,
  Wanted,
  WANTED,
  writeCatalog
} from "@signalbox/core/model/catalog-rows.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import type { Db } from "@signalbox/core/postgres/Db.ts"
import { Models } from "./Models.ts"

const decodeWanted = Schema.decodeUnknownOption(Wanted)
/** At start, lists of this age are good enough. */
const OLD = 5 * 60 * 1000

export const runCatalog: Effect.Effect<never, never, Models | Db | EventLog> = Effect.gen(function* () {
  const models = yield* Models
  const log = yield* EventLog
  /** Providers that nobody configured and that answered last. */
  const answered = new Set<string>()

  const tell = Effect.fnUntraced(function* (rank: number, provider: string, title: string, quiet: boolean) {
    const listed = yield* Effect.result(models.list(provider))
    if (listed._tag === "Success") answered.add(provider)
    else answered.delete(provider)
    if (quiet && listed._tag === "Failure") return
    yield* writeCatalog({
      provider,
      title,
      rank,
      models: listed._tag === "Success" ? listed.success : undefined,
      problem: listed._tag === "Success" ? null : listed.failure.message
    })
    yield* log.publish(FRESH, { done: false })
  })

  /** One after the other: who comes second finds the lists young and asks nobody. */
  const turn = yield* Semaphore.make(1)
  const refresh = (notBefore: number) => Semaphore.withPermits(turn, 1)(listsFrom(notBefore))
  const listsFrom = Effect.fnUntraced(function* (notBefore: number) {
    const { rows } = yield* readCatalog
    const youngs = new Set(
      rows.flatMap((row) => (row.at !== null && Date.parse(row.at) >= notBefore ? [row.provider] : []))
    )
    yield* Effect.forEach(
      models.providers.map((provider, rank) => ({ ...provider, rank })).filter(({ provider }) => !youngs.has(provider)),
      ({ rank, provider, title, quiet }) => tell(rank, provider, title, quiet === true),
      { concurrency: "unbounded", discard: true }
    )
    yield* log.publish(FRESH, { done: true })
  })

  const alive = Effect.suspend(() =>
    stillConfigured(
      models.providers.flatMap(({ provider, quiet }) => (quiet === true && !answered.has(provider) ? [] : [provider]))
    )
  )
  const calmly = <E extends { readonly message: string }, R>(self: Effect.Effect<void, E, R>) =>
    Effect.catch(self, (error) => Effect.logWarning(`the model lists were not kept: ${error.message}`))

  const first = Effect.gen(function* () {
    const expected = models.providers.map(({ provider, title, quiet }, rank) => ({ provider, title, rank, quiet }))
    yield* expectLists(expected.filter(({ quiet }) => quiet !== true))
    const { now } = yield* readCatalog
    yield* refresh(now - OLD)
  })
  const asked = Stream.runForEach(
    Stream.buffer(log.subscribe(WANTED), { capacity: 1, strategy: "sliding" }),
    (message) => {
      const wanted = decodeWanted(message)
      return Option.isNone(wanted) ? Effect.void : calmly(refresh(wanted.value.notBefore))
    }
  )
  const heartbeat = Effect.repeat(calmly(alive), Schedule.spaced("1 minute"))
  yield* Effect.all([Effect.andThen(calmly(first), heartbeat), asked], { concurrency: "unbounded" })
  return yield* Effect.never
})
