/**
 * `Catalog` over the table that the workers fill.
 *
 * Owns: waiting for fresh lists, what a written name means. Does not own: asking providers (worker's model room), the choice
 * (setting room).
 * Invariants: nobody waits longer than 10 s, and not at all while the lists are young; numbers count through the list as
 * it is shown, over all providers.
 */
import { Effect, Layer, Option, Queue, Result, Schema, Stream } from "effect"
import { ModelUnknown } from "../conversation/Conversations.ts"
import { EventLog } from "../log/EventLog.ts"
import { Db } from "../postgres/Db.ts"
import { readSetting } from "../setting/projection.ts"
import { Catalog } from "./Catalog.ts"
import { Fresh, FRESH, readCatalog, WANTED } from "./catalog-rows.ts"
import { limitsOf } from "./limits.ts"
import type { ProviderInfo } from "./message.ts"
import { modelOf, ModelRef, providerOf } from "./ref.ts"

export interface CatalogOptions {
  /** How long to wait for workers. */
  readonly waitMs?: number
}

const WAIT = 10_000
const POLL = "500 millis"
const OLD = 5 * 60 * 1000
const MOST_NAMED = 8
const decodeFresh = Schema.decodeUnknownOption(Fresh)

export const catalogLayer = (options: CatalogOptions = {}): Layer.Layer<Catalog, never, Db | EventLog> =>
  Layer.effect(
    Catalog,
    Effect.gen(function* () {
      const db = yield* Db
      const log = yield* EventLog
      const read = Effect.provideService(readCatalog, Db, db)

      /** Until all lists are from that moment or later, a worker has nothing to tell, or the time is over. */
      const waitFor = Effect.fnUntraced(function* (notBefore: number) {
        const rings = yield* Queue.sliding<void>(1)
        let done = false
        const listening = Stream.runForEach(log.subscribe(FRESH), (message) =>
          Effect.suspend(() => {
            const told = decodeFresh(message)
            done ||= Option.isSome(told) && told.value.done
            return Queue.offer(rings, undefined)
          })
        )
        const asking = Effect.gen(function* () {
          for (;;) {
            const { rows } = yield* read
            if (rows.length === 0 ? done : isFrom(rows, notBefore)) return
            // asked again with every look: a worker may have been deaf, or only just started
            yield* log.publish(WANTED, { notBefore })
            yield* Effect.raceFirst(Queue.take(rings), Effect.sleep(POLL))
          }
        })
        yield* Effect.raceFirst(asking, Effect.andThen(listening, Effect.never)).pipe(
          Effect.timeoutOption(options.waitMs ?? WAIT)
        )
      })

      const providers = Effect.fn("Catalog.providers")(function* (refresh = false) {
        const { rows, now } = yield* read
        const notBefore = refresh ? now : now - OLD
        if (rows.length > 0 && isFrom(rows, notBefore)) return rows
        yield* waitFor(notBefore)
        return (yield* read).rows
      })

      /** What is there already, however old; waited for only while a list has never come. */
      const inStock = Effect.flatMap(read, ({ rows }) =>
        rows.length > 0 && rows.every((row) => row.at !== null) ? Effect.succeed(rows) : providers()
      )

      const current = Effect.gen(function* () {
        const chosen = yield* Effect.provideService(readSetting("model.default"), Db, db)
        if (chosen !== undefined) return chosen
        const all = yield* inStock
        const answering = all.find((provider) => provider.problem === null && provider.models.length > 0)
        return (answering ?? all.find((provider) => provider.models.length > 0))?.models[0]?.ref
      }).pipe(Effect.withSpan("Catalog.current"))

      const resolve = Effect.fn("Catalog.resolve")(function* (written: string) {
        const known = resolveIn((yield* read).rows, written)
        return Result.isSuccess(known) && isRef(written.trim())
          ? known.success
          : yield* Effect.fromResult(resolveIn(yield* inStock, written))
      })

      const windowOf = Effect.fn("Catalog.windowOf")(function* (ref: string) {
        const { rows } = yield* read
        const model = rows.find((row) => row.provider === providerOf(ref))?.models.find((known) => known.ref === ref)
        return model?.window ?? limitsOf(ref)?.window
      })
      return Catalog.of({ providers, current, resolve, windowOf })
    })
  )

const isFrom = (rows: ReadonlyArray<ProviderInfo>, notBefore: number): boolean =>
  rows.every((row) => row.at !== null && Date.parse(row.at) >= notBefore)

const isRef = Schema.is(ModelRef)

/** What a person meant, by the lists as they are shown. Pure. */
export const resolveIn = (
  providers: ReadonlyArray<ProviderInfo>,
  written: string
): Result.Result<string, ModelUnknown> => {
  const fail = (reason: string) => Result.fail(new ModelUnknown({ reason }))
  const name = written.trim()
  const shown = name.slice(0, 100)
  const models = providers.flatMap((provider) => provider.models)
  if (providers.length === 0)
    return fail(
      "No model is configured. Give a provider's key to the worker (GEMINI_API_KEY, ANTHROPIC_API_KEY, OPENAI_API_KEY, or OLLAMA_HOST); model list shows what there is."
    )
  if (/^\d{1,5}$/u.test(name)) {
    const model = models[Number(name) - 1]
    return model === undefined
      ? fail(
          `There is no model number ${shown}; model list has ${models.length === 0 ? "none" : `1 to ${models.length}`}.`
        )
      : Result.succeed(model.ref)
  }
  // lists are never complete: a full name is taken as it is when its provider is known
  if (isRef(name) && providers.some((provider) => provider.provider === providerOf(name))) return Result.succeed(name)

  const exact = models.filter((model) => modelOf(model.ref) === name)
  const candidates = exact.length > 0 ? exact : similar(models, name)
  const [only, ...others] = candidates
  if (exact.length === 1 && only !== undefined) return Result.succeed(only.ref)
  if (only !== undefined && others.length === 0) return Result.succeed(only.ref)
  if (only === undefined)
    return fail(
      isRef(name)
        ? `No worker has a provider named ${providerOf(name)}; there are ${providers.map((provider) => provider.provider).join(", ")}. See model list.`
        : `No model is called ${shown}. See model list.`
    )
  const named = candidates.slice(0, MOST_NAMED).map((model) => model.ref)
  const more = candidates.length - named.length
  return fail(
    `${shown} could be ${named.join(", ")}${more > 0 ? ` or ${more} more` : ""}. Say which one, by its full name or its number in model list.`
  )
}

/** Without regard to case, and by the beginning: `sonnet` is no name, `claude-sonnet-4-6` in full is. */
const similar = (models: ReadonlyArray<ProviderInfo["models"][number]>, name: string) => {
  const folded = name.toLowerCase()
  const same = models.filter(
    (model) => modelOf(model.ref).toLowerCase() === folded || model.title.toLowerCase() === folded
  )
  return same.length > 0
    ? same
    : folded.length < 3
      ? []
      : models.filter((model) => model.ref.toLowerCase().includes(folded))
}
