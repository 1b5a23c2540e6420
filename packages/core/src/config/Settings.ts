/**
 * What a process is told by its environment (design §8). Everything that a person changes at run time is an event instead.
 *
 * Owns: names, defaults and validity of the variables. Does not own: `.env` (`dotenv.ts`), the home (`Home.ts`).
 * Invariants: a variable that is set to nothing counts as not set; secrets are `Redacted` from the first moment.
 */
import { Config, Context, Effect, Layer, Option, Redacted, Result, Schema, SchemaIssue } from "effect"
import { decodeServers, HttpUrl, type NamedServer, ollamaUrl } from "./providers.ts"
import { mustBe } from "./words.ts"

/** A variable has a value that cannot be meant. */
export class SettingInvalid extends Schema.TaggedError<SettingInvalid>()("SettingInvalid", {
  name: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `The setting ${this.name} is wrong: ${this.reason}. Mend it in the environment or in .env.`
  }
}

const filled = (name: string): Config.Config<string | undefined> =>
  Config.option(Config.String(name)).pipe(
    Config.map((value) => Option.getOrUndefined(Option.filter(value, (text) => text.trim() !== "")))
  )

const secret = (name: string): Config.Config<Redacted.Redacted<string> | undefined> =>
  filled(name).pipe(Config.map((value) => (value === undefined ? undefined : Redacted.make(value))))

const Port = Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 0, maximum: 65535 }))
const number = (name: string, schema: Schema.Codec<number, string>, otherwise: number): Config.Config<number> =>
  Config.schema(Schema.Union([schema, Schema.Literal("")]), name).pipe(
    Config.withDefault(otherwise),
    Config.map((value) => (value === "" ? otherwise : value))
  )

/** 0 asks for any free port. */
const port = (name: string, otherwise: number): Config.Config<number> => number(name, Port, otherwise)

const Share = Schema.NumberFromString.check(Schema.isBetween({ minimum: 0.05, maximum: 0.95 }))
const TextBytes = Schema.NumberFromString.check(
  Schema.isInt(),
  Schema.isBetween({ minimum: 1_000, maximum: 100_000_000 })
)
const YesNo = Schema.String.check(Schema.makeFilter((text) => /^[01]?$/u.test(text) || "0 or 1 is needed"))
const yesNo = (name: string, otherwise: boolean): Config.Config<boolean> =>
  Config.schema(YesNo, name).pipe(
    Config.withDefault(""),
    Config.map((value) => (value === "" ? otherwise : value === "1"))
  )

/** The address of a model server. */
const address = (name: string): Config.Config<string | undefined> =>
  Config.option(Config.schema(Schema.Union([HttpUrl, Schema.Literal("")]), name)).pipe(
    Config.map((value) => Option.getOrUndefined(Option.filter(value, (text) => text !== "")))
  )

const PostgresUrl = Schema.String.check(
  Schema.makeFilter((text) => text.trim() === "" || /^postgres(ql)?:\/\//.test(text) || "a postgres:// URL is needed")
)

const settings = Config.all({
  /** Any Postgres ≥ 15; not set = the embedded one. */
  databaseUrl: Config.option(Config.schema(PostgresUrl, "DATABASE_URL")).pipe(
    Config.map((value) => Option.getOrUndefined(Option.filter(value, (text) => text.trim() !== ""))),
    Config.map((value) => (value === undefined ? undefined : Redacted.make(value)))
  ),
  httpHost: filled("SIGNALBOX_HTTP_HOST").pipe(Config.map((value) => value ?? "127.0.0.1")),
  httpPort: port("SIGNALBOX_HTTP_PORT", 49152),
  /** The line protocol's address; any other than loopback speaks TLS only and asks for a token. */
  bridgeHost: filled("SIGNALBOX_BRIDGE_HOST").pipe(Config.map((value) => value ?? "127.0.0.1")),
  bridgePort: port("SIGNALBOX_BRIDGE_PORT", 65432),
  /** Whether this machine's clients of the line protocol may talk to models before they sign in: it costs the owner's money. */
  bridgeOpen: yesNo("SIGNALBOX_BRIDGE_OPEN", true),
  /** Of the model's window, and of text: beyond either the past of a conversation is summarized. */
  summaryShare: number("SIGNALBOX_SUMMARY_SHARE", Share, 0.7),
  summaryBytes: number("SIGNALBOX_SUMMARY_BYTES", TextBytes, 400_000),
  tlsCert: filled("SIGNALBOX_TLS_CERT"),
  tlsKey: filled("SIGNALBOX_TLS_KEY"),
  /** The file of the key that signs grants, where several hubs share one; else it is in the home. */
  grantKey: filled("SIGNALBOX_GRANT_KEY"),
  geminiApiKey: secret("GEMINI_API_KEY"),
  anthropicApiKey: secret("ANTHROPIC_API_KEY"),
  openaiApiKey: secret("OPENAI_API_KEY"),
  openrouterApiKey: secret("OPENROUTER_API_KEY"),
  vllmApiKey: secret("VLLM_API_KEY"),
  ollamaHost: filled("OLLAMA_HOST"),
  geminiBaseUrl: address("GOOGLE_GEMINI_BASE_URL"),
  anthropicBaseUrl: address("ANTHROPIC_BASE_URL"),
  openaiBaseUrl: address("OPENAI_BASE_URL"),
  openrouterBaseUrl: address("OPENROUTER_BASE_URL"),
  /** Set: there is a vLLM, with or without a key. */
  vllmBaseUrl: address("VLLM_BASE_URL")
})

type Values = Config.Success<typeof settings> & {
  /** SIGNALBOX_PROVIDERS: further servers that speak as OpenAI does. */
  readonly servers: ReadonlyArray<NamedServer>
}

export class Settings extends Context.Service<Settings, Values>()("@signalbox/core/config/Settings") {
  static readonly layer: Layer.Layer<Settings, SettingInvalid> = Layer.effect(
    Settings,
    Effect.suspend(() => read)
  )
}

const read = Effect.gen(function* () {
  const values = yield* settings
  if (Option.isNone(ollamaUrl(values.ollamaHost)))
    return yield* new SettingInvalid({
      name: "OLLAMA_HOST",
      reason: "it must be a host, a port or both, like 127.0.0.1:11434"
    })
  return { ...values, servers: yield* namedServers }
}).pipe(Effect.mapError((error) => (error._tag === "ConfigError" ? toSettingInvalid(error) : error)))

const namedServers = Effect.gen(function* () {
  const text = yield* filled("SIGNALBOX_PROVIDERS")
  if (text === undefined) return []
  const wanted = new Set<string>()
  const names = decodeServers(text, (name) => void wanted.add(name))
  const keys = new Map<string, Redacted.Redacted<string> | undefined>()
  if (Result.isSuccess(names)) for (const name of wanted) keys.set(name, yield* secret(name))
  const servers = decodeServers(text, (name) => keys.get(name))
  if (Result.isFailure(servers))
    return yield* new SettingInvalid({ name: "SIGNALBOX_PROVIDERS", reason: servers.failure })
  return servers.success
})

/** Names the variable, never its value: it may be a secret. */
const toSettingInvalid = (error: Config.ConfigError): SettingInvalid => {
  const [issue] =
    error.cause._tag === "SchemaError" ? SchemaIssue.makeFormatterStandardSchemaV1()(error.cause.issue).issues : []
  const name = issue?.path?.map(String).join("_") ?? ""
  return new SettingInvalid({
    name: name === "" ? "of the environment" : name,
    reason: issue === undefined ? error.message : mustBe(issue.message).replace(/^must be/u, "it must be")
  })
}

/** Values that may never appear in logs, output or errors: keys, and the password inside the database's URL. */
export const secretsOf = (values: Settings["Service"]): ReadonlyArray<string> => {
  const keys = [
    values.geminiApiKey,
    values.anthropicApiKey,
    values.openaiApiKey,
    values.openrouterApiKey,
    values.vllmApiKey,
    ...values.servers.map((server) => server.key)
  ].flatMap((key) => (key === undefined ? [] : [Redacted.value(key)]))
  const url = values.databaseUrl === undefined ? undefined : passwordOf(Redacted.value(values.databaseUrl))
  return url === undefined ? keys : [...keys, ...url]
}

/** The password of a URL, as written and as meant. */
const passwordOf = (url: string): ReadonlyArray<string> => {
  const written = URL.canParse(url) ? new URL(url).password : ""
  if (written === "") return []
  try {
    return [written, decodeURIComponent(written)]
  } catch {
    return [written]
  }
}
