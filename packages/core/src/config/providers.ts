/**
 * Model servers beyond the built-in ones, as the setting SIGNALBOX_PROVIDERS names them:
 *
 *   SIGNALBOX_PROVIDERS='{"lab":{"url":"http://10.0.0.5:8000/v1","keyEnv":"LAB_KEY","title":"The lab's vLLM"}}'
 *
 * Owns: the format of that setting, and of addresses of model servers. Does not own: other settings, how the servers are spoken to
 * (worker's model room). Invariants: a key is named, never written there; whatever is wrong is told with the name of the server.
 */
import { Option, Redacted, Result, Schema, SchemaIssue } from "effect"
import { ProviderName } from "../model/ref.ts"
import { mustBe } from "./words.ts"

/** A server that speaks OpenAI's Chat Completions. */
export interface NamedServer {
  readonly name: string
  readonly url: string
  readonly title: string | undefined
  /** The variable that holds the key; undefined: it needs none. */
  readonly keyEnv: string | undefined
  readonly key: Redacted.Redacted<string> | undefined
}

/** These have variables of their own. */
export const builtIn = ["gemini", "anthropic", "openai", "openrouter", "vllm", "ollama"] as const

const MAX_SERVERS = 20

/** Without name and password, which requests cannot carry and logs would show. */
export const isHttpUrl = (text: string): boolean => {
  if (!URL.canParse(text) || /[?#\s]/u.test(text)) return false
  const { protocol, username, password } = new URL(text)
  return /^https?:$/u.test(protocol) && username === "" && password === ""
}

export const HttpUrl = Schema.String.check(
  Schema.makeFilter((text) => isHttpUrl(text) || "an address like http://127.0.0.1:8000/v1 is needed")
)
const VariableName = Schema.String.check(
  Schema.isPattern(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/u, { expected: "the name of a variable like LAB_KEY" })
)
const Servers = Schema.fromJsonString(
  Schema.Record(
    ProviderName,
    Schema.Struct({
      url: HttpUrl,
      keyEnv: Schema.optionalKey(VariableName),
      title: Schema.optionalKey(Schema.String.check(Schema.isBetweenLength(1, 60)))
    })
  )
)
const decode = Schema.decodeUnknownResult(Servers)

/**
 * @param secret reads a variable that holds a key
 * @returns the servers in the order in which they are written, or what is wrong, as the end of "… is wrong: "
 */
export const decodeServers = (
  text: string,
  secret: (name: string) => Redacted.Redacted<string> | undefined
): Result.Result<ReadonlyArray<NamedServer>, string> => {
  const servers = decode(text, { onExcessProperty: "error" })
  if (Result.isFailure(servers)) return Result.fail(faultOf(servers.failure))
  const entries = Object.entries(servers.success)
  if (entries.length > MAX_SERVERS) return Result.fail(`it names more than ${MAX_SERVERS} servers`)
  const taken = entries.find(([name]) => builtIn.some((other) => other === name))
  if (taken !== undefined) return Result.fail(`${taken[0]} is built in and has variables of its own; take another name`)
  return Result.succeed(
    entries.map(([name, { url, keyEnv, title }]) => ({
      name,
      url,
      title,
      keyEnv,
      key: keyEnv === undefined ? undefined : secret(keyEnv)
    }))
  )
}

/** Never a value: a password may stand in it. */
const faultOf = (error: Schema.SchemaError): string => {
  const [issue] = SchemaIssue.makeFormatterStandardSchemaV1()(error.issue).issues
  const path = (issue?.path ?? []).map(String)
  if (path.length === 0)
    return 'it must be a JSON object like {"lab":{"url":"http://10.0.0.5:8000/v1","keyEnv":"LAB_KEY"}}'
  return `${path.join(".")}: ${mustBe(issue?.message.replace(/, got .*$/su, "") ?? "is wrong")}`
}

/** OLLAMA_HOST as Ollama itself reads it: a host, a port, both, or a URL; an address to listen on means this machine. */
export const ollamaUrl = (host: string | undefined): Option.Option<string> => {
  const text = (host ?? "").trim().replace(/\/+$/u, "")
  if (text === "") return Option.some("http://127.0.0.1:11434")
  const [, scheme = "http", rest = ""] = /^(?:(https?):\/\/)?(.*)$/u.exec(text) ?? []
  const written = /^:?\d+$/u.test(rest) ? `127.0.0.1:${rest.replace(":", "")}` : rest
  if (!isHttpUrl(`${scheme}://${written}`)) return Option.none()
  const url = new URL(`${scheme}://${written}`)
  if (["0.0.0.0", "[::]"].includes(url.hostname)) url.hostname = "127.0.0.1"
  if (url.port === "" && !/:\d+/u.test(written)) url.port = text.includes("://") ? "" : "11434"
  return Option.some(url.toString().replace(/\/+$/u, ""))
}
