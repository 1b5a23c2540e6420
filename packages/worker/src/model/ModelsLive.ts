/**
 * The Models service over the adapters: attempts, patience, stalls, usage, sentences.
 *
 * Owns: the course of one request. Does not own: wire formats (adapters), what it cost, what is said.
 * Invariants: nothing is asked again once a part has come; an interruption, a stall and the end alike abort the request; usage is
 * the sum over all attempts, because all of them are billed.
 */
import { Clock, Data, Effect, Exit, Layer, Queue, Random, Result, Stream } from "effect"
import { Settings } from "@signalbox/core/config/Settings.ts"
import type { Usage } from "@signalbox/core/model/message.ts"
import { modelOf, providerOf } from "@signalbox/core/model/ref.ts"
import type { Adapter, Piece, Provider, ProviderKind } from "./adapter.ts"
import { type Amendment, amendmentFor, learnedOf } from "./amend.ts"
import { anthropic } from "./anthropic.ts"
import { brokenFailure, type Failure, noKey, noProvider, stalled, toldFailure, tooMuch } from "./failures.ts"
import { gemini } from "./gemini.ts"
import { type ModelFailed, type ModelPart, type ModelRequest, Models } from "./Models.ts"
import { ollama } from "./ollama.ts"
import { openai } from "./openai.ts"
import { providersOf } from "./providers.ts"
import { type Pacing, pauseAfter, usual } from "./retry.ts"
import { sum } from "./usage.ts"
import { openWire, type OpenWire, type Patience } from "./wire.ts"

export interface ModelsOptions {
  readonly pacing?: Pacing
  /** Until a model has begun; the default depends on the provider. */
  readonly firstMs?: number
  /** Between two bytes afterwards. */
  readonly silenceMs?: number
  /** For a list. */
  readonly listMs?: number
}

const adapters: { readonly [Kind in ProviderKind]: Adapter } = { anthropic, gemini, openai, ollama }

/** Anthropic speaks at once and pings while a model thinks. The others are silent until the first thought or word. */
const firstMs: { readonly [Kind in ProviderKind]: number } = {
  anthropic: 60_000,
  gemini: 240_000,
  openai: 240_000,
  ollama: 240_000
}
const SILENCE = 60_000
const LIST = 8_000
/** Where nobody listens at all. */
const NOBODY = 5_000
/**
 * The first piece is on the screen before the ones that came with it are looked at, for otherwise this process keeps a core from those
 * who carry it there. Nobody sees the others later: pieces are gathered for longer than that.
 */
const firstAlone = "2 millis"
/** Screens are told once a second that a model still thinks. */
const THINKING = 1_000

export const modelsLayer: Layer.Layer<Models, never, Settings> = Layer.effect(
  Models,
  Effect.map(Settings, (settings) => makeModels(providersOf(settings)))
)

export const makeModels = (providers: ReadonlyArray<Provider>, options: ModelsOptions = {}): Models["Service"] => {
  const pacing = options.pacing ?? usual
  /** What a model or a server refused once it would refuse again. */
  const learned = new Map<string, ReadonlySet<Amendment>>()
  const learnedBy = (name: string): ReadonlySet<Amendment> => learned.get(name) ?? new Set()

  const find = (name: string): Result.Result<Provider, ModelFailed> => {
    const provider = providers.find((known) => known.provider === name)
    if (provider === undefined)
      return Result.fail(
        noProvider(
          name,
          providers.flatMap((known) => (known.quiet === true ? [] : [known.provider]))
        )
      )
    const keyless = provider.kind === "openai" || provider.kind === "ollama" || provider.key !== undefined
    return keyless ? Result.succeed(provider) : Result.fail(noKey(provider))
  }

  const run = Effect.fnUntraced(function* (
    request: ModelRequest,
    queue: Queue.Enqueue<ModelPart>,
    onUsage: (usage: Usage) => void,
    go: Promise<void> | undefined
  ) {
    const provider = yield* Effect.fromResult(find(providerOf(request.ref)))
    const patience = {
      firstMs: options.firstMs ?? firstMs[provider.kind],
      silenceMs: options.silenceMs ?? SILENCE
    }
    const began = yield* Clock.currentTimeMillis
    let spent: Usage | null = null
    for (let attempt = 1; ; attempt++) {
      const amendments = new Set([...learnedBy(request.ref), ...learnedBy(provider.url)])
      const tried: Tried = yield* attemptOnce(provider, request, { amendments, patience, spent, queue, onUsage, go })
      if (tried._tag === "Done") return
      if (tried._tag === "Amend") {
        const name = learnedOf(tried.amendment, request.ref, provider.url)
        learned.set(name, new Set([...learnedBy(name), tried.amendment]))
        attempt--
        continue
      }
      const { failure } = tried
      spent = tried.spent
      if (!failure.again || tried.begun) return yield* failure.error
      const pause = pauseAfter(
        attempt,
        failure.nobody === true ? { ...pacing, patienceMs: Math.min(NOBODY, pacing.patienceMs) } : pacing,
        {
          elapsedMs: (yield* Clock.currentTimeMillis) - began,
          retryAfterMs: failure.retryAfterMs,
          random: yield* Random.next
        }
      )
      if (pause === undefined) return yield* failure.error
      yield* Effect.logDebug(`${provider.title} is asked again in ${pause} ms: ${failure.error.message}`)
      yield* Effect.sleep(pause)
    }
  })

  return {
    providers: providers.map(({ provider, title, quiet }) => ({
      provider,
      title,
      ...(quiet === undefined ? {} : { quiet })
    })),
    stream: (request, onUsage = () => {}, go) =>
      Stream.callback<ModelPart, ModelFailed>((queue) =>
        Effect.andThen(
          run(request, queue, onUsage, go),
          Effect.sync(() => Queue.endUnsafe(queue))
        )
      ),
    list: Effect.fn("Models.list")(function* (name) {
      const provider = yield* Effect.fromResult(find(name))
      const listMs = options.listMs ?? LIST
      const adapter = adapters[provider.kind]
      return yield* Effect.acquireUseRelease(
        Effect.sync(() => openWire({ firstMs: listMs, silenceMs: listMs }, Date.now)),
        (wire) =>
          Effect.tryPromise({
            try: () => adapter.list(provider, wire),
            catch: (error) => failureOf(provider, "its list", adapter, wire, error, false).error
          }).pipe(
            Effect.timeoutOrElse({ duration: listMs, orElse: () => Effect.fail(stalled(provider, listMs).error) })
          ),
        (wire) => Effect.sync(wire.close)
      )
    })
  }
}

type Tried =
  | { readonly _tag: "Done" }
  | { readonly _tag: "Amend"; readonly amendment: Amendment }
  | {
      readonly _tag: "Failed"
      readonly failure: Failure
      readonly begun: boolean
      readonly spent: Usage | null
    }

interface Attempt {
  readonly amendments: ReadonlySet<Amendment>
  readonly patience: Patience
  /** By the attempts before. */
  readonly spent: Usage | null
  readonly queue: Queue.Enqueue<ModelPart>
  readonly onUsage: (usage: Usage) => void
  /** Nothing is sent before. */
  readonly go: Promise<void> | undefined
}

/** Whatever an SDK threw: its adapter explains it. */
class Thrown extends Data.TaggedError("Thrown")<{ readonly cause: unknown }> {}

/** Passes the pieces on as they come, until the end or the failure. */
const attemptOnce = (provider: Provider, request: ModelRequest, attempt: Attempt): Effect.Effect<Tried> =>
  Effect.acquireUseRelease(
    Effect.sync(() => openWire(attempt.patience, Date.now, attempt.go)),
    (wire) => passOn(provider, request, attempt, wire),
    (wire) => Effect.sync(wire.close)
  )

const passOn = Effect.fnUntraced(function* (
  provider: Provider,
  request: ModelRequest,
  { amendments, spent, queue, onUsage }: Attempt,
  wire: OpenWire
) {
  const adapter = adapters[provider.kind]
  const pieces = adapter.stream(request, amendments, provider, wire)[Symbol.asyncIterator]()
  let usage: Usage | null = null
  let begun = false
  let thoughtAt = Number.NEGATIVE_INFINITY
  for (;;) {
    const next = yield* Effect.exit(
      Effect.tryPromise({ try: () => pieces.next(), catch: (cause) => new Thrown({ cause }) })
    )
    if (Exit.isFailure(next) || next.value.done === true) {
      if (Exit.hasInterrupts(next)) return yield* Effect.interrupt
      const error = Exit.isFailure(next) ? Exit.findErrorOption(next) : undefined
      const cause = error?._tag === "Some" ? error.value.cause : new Error("nothing came")
      const trouble = wire.gaveUp() === undefined ? adapter.explain(cause) : undefined
      const amendment = begun || trouble === undefined ? undefined : amendmentFor(trouble, request, amendments)
      if (amendment !== undefined) return { _tag: "Amend", amendment } satisfies Tried
      const failure = failureOf(provider, modelOf(request.ref), adapter, wire, cause, begun)
      return { _tag: "Failed", failure, begun, spent: sum(spent, usage) } satisfies Tried
    }
    const piece: Piece = next.value.value
    if (piece._tag === "Usage") {
      usage = piece.usage
      const total = sum(spent, usage)
      if (total !== null) onUsage(total)
      continue
    }
    if (piece._tag === "Pondering") wire.pondering()
    else wire.begun()
    if (piece._tag === "Finished") {
      const total = sum(spent, piece.usage)
      if (total !== null) onUsage(total)
      yield* Queue.offer(queue, { ...piece, usage: total })
      return { _tag: "Done" } satisfies Tried
    }
    const first = !begun
    begun = true
    if (piece._tag === "Thinking" || piece._tag === "Pondering") {
      const now = yield* Clock.currentTimeMillis
      if (now - thoughtAt < THINKING) continue
      thoughtAt = now
      yield* Queue.offer(queue, { _tag: "Thinking" })
    } else yield* Queue.offer(queue, piece)
    if (first) yield* Effect.sleep(firstAlone)
  }
})

const failureOf = (
  provider: Provider,
  model: string,
  adapter: Adapter,
  wire: OpenWire,
  error: unknown,
  begun: boolean
): Failure => {
  const gaveUp = wire.gaveUp()
  if (gaveUp === "stalled") return stalled(provider, wire.limitMs())
  if (gaveUp === "too-much") return tooMuch(provider)
  const trouble = adapter.explain(error)
  if (trouble === undefined) return brokenFailure(provider, error, begun)
  const failure = toldFailure(provider, model, trouble)
  const retryAfterMs = wire.retryAfterMs() ?? failure.retryAfterMs
  return {
    ...failure,
    again: failure.again && wire.mayRetry(),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs })
  }
}
