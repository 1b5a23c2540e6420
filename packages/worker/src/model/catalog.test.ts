import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Fiber, Layer } from "effect"
import { Settings } from "@signalbox/core/config/Settings.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { Catalog } from "@signalbox/core/model/Catalog.ts"
import { catalogLayer, resolveIn } from "@signalbox/core/model/CatalogLive.ts"
import type { ProviderInfo } from "@signalbox/core/model/message.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { DbTest } from "../../../../test/support/database.ts"
import { type ProviderKind, type StandIn, startProvider } from "../../../../test/support/providers/stand-in.ts"
import { until } from "../../../../test/support/until.ts"
import { runCatalog } from "./catalog.ts"
import { Models } from "./Models.ts"
import { makeModels } from "./ModelsLive.ts"
import { providersOf } from "./providers.ts"

const standIn = (kind: ProviderKind) =>
  Effect.acquireRelease(
    Effect.promise(() => startProvider(kind)),
    (server) => Effect.promise(() => server.close())
  )
/** A port on which nobody listens. */
const nobody = Effect.promise(async () => {
  const server = await startProvider("ollama")
  await server.close()
  return server.url.replace("http://", "")
})
const settings = (env: Record<string, string>) =>
  Effect.flatMap(Settings, Effect.succeed).pipe(
    Effect.provide(Layer.provide(Settings.layer, ConfigProvider.layer(ConfigProvider.fromEnv({ env }))))
  )
const providersIn = (env: Record<string, string>) => Effect.map(settings(env), providersOf)
const modelsOf = (env: Record<string, string>) =>
  Effect.map(providersIn(env), (providers) => makeModels(providers, { listMs: 1_500 }))
const base = Layer.provideMerge(catalogLayer({ waitMs: 4_000 }), Layer.provideMerge(eventLogLayer, DbTest))
const worker = (models: Models["Service"]) => Effect.forkScoped(runCatalog.pipe(Effect.provideService(Models, models)))
const refsOf = (provider: ProviderInfo | undefined) => provider?.models.map((model) => model.ref)

describe("lists, asked through the SDKs", () => {
  it.live("hold models to chat with, and what fits them, and nothing else", () =>
    Effect.gen(function* () {
      const servers = yield* Effect.forEach(
        ["anthropic", "gemini", "openai", "openrouter", "vllm", "ollama"] as const,
        standIn
      )
      const models = yield* modelsOf(Object.assign({}, ...servers.map((server: StandIn) => server.env)))
      const lists = new Map(
        yield* Effect.forEach(servers, ({ kind }) => Effect.map(models.list(kind), (list) => [kind, list] as const))
      )
      const names = (kind: ProviderKind) => lists.get(kind)?.map((model) => model.ref.replace(`${kind}/`, "")) ?? []
      assert.deepStrictEqual(names("anthropic").slice(0, 3), [
        "claude-haiku-5-5",
        "claude-sonnet-5-5",
        "claude-opus-5-5"
      ])
      assert.strictEqual(names("anthropic").length, 12)
      assert.deepStrictEqual(names("gemini"), [
        "gemini-4-argon",
        "gemini-3.8-flash",
        "gemini-3-pro-preview",
        "gemini-3-flash-preview",
        "gemini-2.5-pro",
        "gemini-2.5-flash",
        "gemini-2.5-flash-lite",
        "gemini-2.0-flash",
        "gemini-flash-latest",
        "gemma-3-27b-it",
        "learnlm-2.0-flash-experimental"
      ])
      assert.deepStrictEqual(names("openai"), [
        "gpt-6.2-sol",
        "gpt-6-astra",
        "gpt-6-sol",
        "gpt-6-luna",
        "gpt-5.5",
        "gpt-4-0613",
        "gpt-4",
        "gpt-3.5-turbo",
        "gpt-5.1-codex-mini",
        "gpt-3.5-turbo-1106",
        "gpt-4-turbo",
        "gpt-4-turbo-2024-04-09",
        "gpt-4o",
        "gpt-4o-2024-08-06",
        "gpt-4o-mini",
        "gpt-4o-mini-2024-07-18",
        "o1",
        "o1-pro",
        "o3-mini",
        "o3",
        "o3-pro",
        "o4-mini",
        "gpt-4.1",
        "gpt-4.1-mini",
        "gpt-4.1-nano",
        "gpt-4o-search-preview",
        "gpt-4o-mini-search-preview",
        "codex-mini-latest",
        "gpt-5",
        "gpt-5-2025-08-07",
        "gpt-5-mini",
        "gpt-5-nano",
        "gpt-5-chat-latest",
        "gpt-5-codex",
        "gpt-5-pro",
        "gpt-5.1",
        "gpt-5.1-chat-latest",
        "gpt-5.1-codex",
        "ft:gpt-4o-mini-2024-07-18:acme::AbCd1234"
      ])
      assert.deepStrictEqual(names("openrouter"), [
        "anthropic/claude-sonnet-4.5",
        "meta-llama/llama-3.3-70b-instruct",
        "deepseek/deepseek-chat-v3.1:free"
      ])
      assert.deepStrictEqual(lists.get("vllm"), [
        { ref: "vllm/Qwen/Qwen3-32B", title: "Qwen/Qwen3-32B", window: 32_768, maxOutput: null }
      ])
      assert.deepStrictEqual(lists.get("ollama"), [
        { ref: "ollama/llama3.2:3b", title: "llama3.2:3b", window: 131_072, maxOutput: null },
        { ref: "ollama/qwen3:8b", title: "qwen3:8b", window: 16_384, maxOutput: null },
        { ref: "ollama/gemma3:4b", title: "gemma3:4b", window: 40_960, maxOutput: null }
      ])
      const window = (ref: string) => [...lists.values()].flat().find((model) => model.ref === ref)?.window
      assert.strictEqual(window("anthropic/claude-sonnet-5-5"), 1_000_000)
      assert.strictEqual(window("gemini/gemini-2.5-pro"), 1_048_576)
      assert.strictEqual(window("openai/gpt-5"), 272_000)
      assert.strictEqual(window("openrouter/meta-llama/llama-3.3-70b-instruct"), 131_072)
    })
  )

  it.live("fail in a sentence: wrong key, nobody there, silence", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      const models = yield* modelsOf({
        ...server.env,
        OPENAI_API_KEY: "sk-wrong-0123456789",
        OLLAMA_HOST: yield* nobody,
        SIGNALBOX_PROVIDERS: JSON.stringify({ slow: { url: `${server.url}/v1`, keyEnv: "SLOW_KEY", title: "Slow" } }),
        SLOW_KEY: server.key ?? ""
      })
      server.failLists("stall")
      const problem = (name: string) =>
        Effect.map(Effect.flip(models.list(name)), (error) => `${error.kind}: ${error.message}`)
      assert.match(yield* problem("openai"), /^bad-key: OpenAI refused the key in OPENAI_API_KEY\./u)
      assert.match(yield* problem("ollama"), /^outage: Ollama cannot be reached at 127\.0\.0\.1:\d+ \(ECONNREFUSED\)/u)
      assert.match(yield* problem("slow"), /^stalled: Slow has said nothing/u)
    })
  )
})

describe("the catalog", () => {
  it.live("is filled by a worker at start, kept for five minutes, asked for anew when that is wanted", () =>
    Effect.gen(function* () {
      const [anthropic, openai] = yield* Effect.all([standIn("anthropic"), standIn("openai")])
      const catalog = yield* Catalog
      yield* worker(yield* modelsOf({ ...anthropic.env, ...openai.env, OLLAMA_HOST: yield* nobody }))
      const listed = yield* until(
        "all are listed",
        Effect.map(catalog.providers(), (all) => (all.length === 3 ? all : undefined))
      )
      assert.deepStrictEqual(
        listed.map(({ provider, problem }) => [provider, problem === null]),
        [
          ["anthropic", true],
          ["openai", true],
          ["ollama", false]
        ]
      )
      assert.strictEqual(yield* catalog.current, "anthropic/claude-haiku-5-5")
      assert.strictEqual(yield* catalog.windowOf("openai/gpt-4.1"), 1_047_576)
      assert.strictEqual(yield* catalog.windowOf("openai/gpt-5.1-of-tomorrow"), 272_000)
      assert.isUndefined(yield* catalog.windowOf("lab/unknown"))

      const before = [anthropic.others.length, openai.others.length]
      yield* catalog.providers()
      assert.deepStrictEqual([anthropic.others.length, openai.others.length], before)

      openai.failLists("server")
      const refreshed = yield* catalog.providers(true)
      assert.deepStrictEqual([anthropic.others.length, openai.others.length], [before[0]! + 1, before[1]! + 1])
      const failing = refreshed.find(({ provider }) => provider === "openai")
      assert.match(failing?.problem ?? "", /^OpenAI has trouble of its own \(500/u)
      assert.strictEqual(failing?.models.length, listed[1]?.models.length)
    }).pipe(Effect.provide(base))
  )

  it.live("asks for old lists, and does without a worker after a while", () =>
    Effect.gen(function* () {
      const server = yield* standIn("gemini")
      const catalog = yield* Catalog
      const db = yield* Db
      assert.deepStrictEqual(yield* catalog.providers(), [])
      assert.isUndefined(yield* catalog.current)
      const running = yield* worker(yield* modelsOf({ ...server.env, OLLAMA_HOST: yield* nobody }))
      yield* until(
        "it is listed",
        Effect.map(catalog.providers(), (all) => all.length === 2)
      )
      yield* db.query("age the lists", (sql) => sql`update model.catalog set at = at - interval '6 minutes'`)
      const asked = server.others.length
      yield* catalog.providers()
      assert.strictEqual(server.others.length, asked + 1)
      yield* Fiber.interrupt(running)
      yield* db.query("age the lists", (sql) => sql`update model.catalog set at = at - interval '6 minutes'`)
      const [gemini] = yield* catalog.providers()
      assert.include(refsOf(gemini) ?? [], "gemini/gemini-2.5-pro")
    }).pipe(Effect.provide(base))
  )

  it.live("does not speak of an Ollama that nobody configured and that is not there", () =>
    Effect.gen(function* () {
      const { rows } = yield* Effect.gen(function* () {
        const catalog = yield* Catalog
        const all = yield* providersIn({})
        assert.deepStrictEqual(
          all.map(({ provider, quiet, url }) => [provider, quiet, url]),
          [["ollama", true, "http://127.0.0.1:11434"]]
        )
        const absent = yield* nobody
        yield* worker(makeModels(all.map((provider) => ({ ...provider, url: `http://${absent}` }))))
        return { rows: yield* catalog.providers() }
      })
      assert.deepStrictEqual(rows, [])
    }).pipe(Effect.provide(base))
  )

  it.live("follows the choice of model use", () =>
    Effect.gen(function* () {
      const catalog = yield* Catalog
      const db = yield* Db
      yield* db.query(
        "choose",
        (sql) => sql`insert into read.setting (id, version, view) values ('model.default', 1, '{"value":"lab/brain"}')`
      )
      assert.strictEqual(yield* catalog.current, "lab/brain")
    }).pipe(Effect.provide(base))
  )

  it.live("forgets what no living worker has any more, and nothing while none lives", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      const catalog = yield* Catalog
      const db = yield* Db
      yield* db.query(
        "another worker's list of yesterday",
        (sql) => sql`insert into model.catalog (provider, title, rank, models, problem, at, seen_at)
          values ('lab', 'Lab', 1, '[{"ref":"lab/brain","title":"Brain","window":null,"maxOutput":null}]', null,
            now() - interval '1 day', now() - interval '1 day')`
      )
      assert.strictEqual(yield* catalog.resolve("brain"), "lab/brain")
      yield* worker(yield* modelsOf({ ...server.env, OLLAMA_HOST: yield* nobody }))
      yield* until(
        "it is gone",
        Effect.map(catalog.providers(true), (all) => all.every(({ provider }) => provider !== "lab"))
      )
      const error = yield* Effect.flip(catalog.resolve("brain"))
      assert.strictEqual(error.message, "No model is called brain. See model list.")
    }).pipe(Effect.provide(base))
  )

  it.live("is not ended by nonsense on the channel", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.publish("models/wanted", { nonsense: true })
      const server = yield* standIn("vllm")
      yield* worker(yield* modelsOf({ ...server.env, OLLAMA_HOST: yield* nobody }))
      yield* log.publish("models/wanted", ["more", "nonsense"])
      const catalog = yield* Catalog
      yield* until(
        "it lives on",
        Effect.map(catalog.providers(true), (all) => refsOf(all[0])?.includes("vllm/Qwen/Qwen3-32B"))
      )
    }).pipe(Effect.provide(base))
  )
})

describe("what a written name means", () => {
  const provider = (name: string, ...models: ReadonlyArray<string>): ProviderInfo => ({
    provider: name,
    title: name,
    problem: null,
    at: null,
    models: models.map((model) => ({ ref: `${name}/${model}`, title: model, window: null, maxOutput: null }))
  })
  const providers = [
    provider("anthropic", "claude-sonnet-5-5", "claude-opus-5-5"),
    provider("openai", "gpt-5", "gpt-5-mini"),
    provider("openrouter", "openai/gpt-5", "meta/llama-3.3-70b", "gpt-5-mini"),
    provider("many", ...Array.from({ length: 12 }, (_, index) => `llama-${index}`))
  ]
  const meant = (written: string) => {
    const result = resolveIn(providers, written)
    return result._tag === "Success" ? result.success : result.failure.message
  }

  it("is a full name, a model's own name, a number of the list, or the one that it is part of", () => {
    assert.strictEqual(meant("anthropic/claude-of-tomorrow"), "anthropic/claude-of-tomorrow")
    assert.strictEqual(meant("claude-opus-5-5"), "anthropic/claude-opus-5-5")
    assert.strictEqual(meant(" meta/llama-3.3-70b "), "openrouter/meta/llama-3.3-70b")
    assert.strictEqual(meant("openai/gpt-5"), "openai/gpt-5")
    assert.strictEqual(meant("1"), "anthropic/claude-sonnet-5-5")
    assert.strictEqual(meant("7"), "openrouter/gpt-5-mini")
    assert.strictEqual(meant("Sonnet"), "anthropic/claude-sonnet-5-5")
  })

  it("is refused in a sentence when it is nothing, or several", () => {
    assert.strictEqual(meant("99"), "There is no model number 99; model list has 1 to 19.")
    assert.strictEqual(meant("0"), "There is no model number 0; model list has 1 to 19.")
    assert.strictEqual(meant("wizard"), "No model is called wizard. See model list.")
    assert.match(
      meant("lab/brain"),
      /^No worker has a provider named lab; there are anthropic, openai, openrouter, many\./u
    )
    assert.strictEqual(
      meant("gpt-5-mini"),
      "gpt-5-mini could be openai/gpt-5-mini, openrouter/gpt-5-mini. Say which one, by its full name or its number in model list."
    )
    const many = meant("llama")
    assert.strictEqual(many.split(",").length, 9)
    assert.match(many, /or 5 more\. Say which one/u)
    const nothing = resolveIn([], "x")
    assert.match(
      nothing._tag === "Failure" ? nothing.failure.message : "",
      /^No model is configured\. Give a provider's key/u
    )
  })
})
