import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { spawn } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, DateTime, Effect, Layer, Option, Redacted } from "effect"
import { adminTokenFile, ensureAdminToken, readAdminToken } from "./credentials.ts"
import { loadDotEnv } from "./dotenv.ts"
import { Home, homeDirectory, openHome } from "./Home.ts"
import { announceHub, readHubFile, writeHubFile } from "./hub-file.ts"
import { installationRoot } from "./root.ts"
import { ollamaUrl } from "./providers.ts"
import { makeSecretSet } from "./secret.ts"
import { secretsOf, Settings } from "./Settings.ts"

const temporary = Effect.acquireRelease(
  Effect.promise(() => fs.mkdtemp(join(tmpdir(), "signalbox-config-"))),
  (path) => Effect.promise(() => fs.rm(path, { recursive: true, force: true }))
)
const environment = (env: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromEnv({ env }))
const settings = (env: Record<string, string>) =>
  Effect.flatMap(Settings, Effect.succeed).pipe(Effect.provide(Layer.provide(Settings.layer, environment(env))))
const modeOf = (path: string) => Effect.promise(async () => (await fs.stat(path)).mode & 0o777)

describe("the home", () => {
  it.live("is found by SIGNALBOX_HOME, else by the XDG data directory", () =>
    Effect.gen(function* () {
      const where = (env: Record<string, string>) => homeDirectory.pipe(Effect.provide(environment(env)))
      assert.strictEqual(yield* where({ SIGNALBOX_HOME: "/a/b", XDG_DATA_HOME: "/x" }), "/a/b")
      assert.strictEqual(yield* where({ SIGNALBOX_HOME: "", XDG_DATA_HOME: "/x" }), "/x/signalbox")
      assert.match(yield* where({ XDG_DATA_HOME: "relative" }), /\/\.local\/share\/signalbox$/)
    })
  )

  it.live("is made private, and refused when others can read it", () =>
    Effect.gen(function* () {
      const directory = join(yield* temporary, "deep/home")
      const home = yield* Home.use(Effect.succeed).pipe(Effect.provide(Home.layerAt(directory)))
      assert.strictEqual(yield* modeOf(directory), 0o700)
      assert.strictEqual(yield* modeOf(home.credentials), 0o700)
      yield* Effect.promise(() => fs.chmod(directory, 0o755))
      const error = yield* Effect.flip(openHome(directory))
      assert.match(error.message, /can be read by others \(mode 0755\)\. Run: chmod go-rwx/)
      yield* Effect.promise(() => fs.chmod(directory, 0o710))
      yield* openHome(directory)
    })
  )

  it.live("is one sentence when a file is in its place", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      yield* Effect.promise(() => fs.writeFile(join(directory, "file"), ""))
      assert.match((yield* Effect.flip(openHome(join(directory, "file")))).message, /is not a directory/)
      assert.match((yield* Effect.flip(openHome(join(directory, "file/home")))).message, /is not a directory/)
    })
  )
})

describe(".env", () => {
  it.live("fills in what the environment does not have, and nothing else", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      yield* Effect.promise(() =>
        fs.writeFile(join(directory, ".env"), '# keys\nGEMINI_API_KEY="from file"\nOPENAI_API_KEY=file\nEMPTY=x\n')
      )
      const env: NodeJS.ProcessEnv = { OPENAI_API_KEY: "environment", EMPTY: "" }
      assert.deepStrictEqual(yield* loadDotEnv(directory, env), ["GEMINI_API_KEY"])
      assert.deepStrictEqual(env, { OPENAI_API_KEY: "environment", EMPTY: "", GEMINI_API_KEY: "from file" })
    })
  )

  it.live("may be missing; one that is too large is refused by name", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      assert.deepStrictEqual(yield* loadDotEnv(directory, {}), [])
      yield* Effect.promise(() => fs.writeFile(join(directory, ".env"), "A=1\n".repeat(300_000)))
      const error = yield* Effect.flip(loadDotEnv(directory, {}))
      assert.include(error.message, `${join(directory, ".env")} cannot be read (it is larger than 1 MB)`)
    })
  )
})

describe("settings", () => {
  it.effect("have the defaults of the design", () =>
    Effect.gen(function* () {
      const none = yield* settings({ DATABASE_URL: "", SIGNALBOX_HTTP_PORT: "", GEMINI_API_KEY: " " })
      assert.isUndefined(none.databaseUrl)
      assert.isUndefined(none.geminiApiKey)
      assert.deepStrictEqual([none.httpHost, none.httpPort, none.bridgePort], ["127.0.0.1", 49152, 65432])
    })
  )

  it.effect("keep secrets redacted and know them all", () =>
    Effect.gen(function* () {
      const some = yield* settings({
        DATABASE_URL: "postgres://u:p%40ssword@db/x",
        ANTHROPIC_API_KEY: "sk-ant-1234",
        OPENROUTER_API_KEY: "sk-or-1234",
        VLLM_API_KEY: "vllm-1234",
        SIGNALBOX_PROVIDERS: '{"lab":{"url":"http://10.0.0.5:8000/v1","keyEnv":"LAB_KEY"}}',
        LAB_KEY: "lab-1234",
        SIGNALBOX_HTTP_PORT: "0"
      })
      assert.strictEqual(some.httpPort, 0)
      assert.notMatch(JSON.stringify(some), /-1234/u)
      assert.deepStrictEqual(secretsOf(some), [
        "sk-ant-1234",
        "sk-or-1234",
        "vllm-1234",
        "lab-1234",
        "p%40ssword",
        "p@ssword"
      ])
    })
  )

  it.effect("name further model servers, whose keys stand in variables of their own", () =>
    Effect.gen(function* () {
      const named = yield* settings({
        SIGNALBOX_PROVIDERS: JSON.stringify({
          lab: { url: "http://10.0.0.5:8000/v1", keyEnv: "LAB_KEY", title: "The lab" },
          attic: { url: "https://attic.example/v1" }
        }),
        LAB_KEY: "lab-secret"
      })
      assert.deepStrictEqual(
        named.servers.map(({ name, url, title, keyEnv, key }) => [
          name,
          url,
          title,
          keyEnv,
          key === undefined ? undefined : Redacted.value(key)
        ]),
        [
          ["lab", "http://10.0.0.5:8000/v1", "The lab", "LAB_KEY", "lab-secret"],
          ["attic", "https://attic.example/v1", undefined, undefined, undefined]
        ]
      )
      assert.deepStrictEqual((yield* settings({})).servers, [])
    })
  )

  it.effect.each([
    ["not json", "it must be a JSON object like"],
    ["[]", "it must be a JSON object like"],
    ['{"lab":{"url":"ftp://x"}}', "lab.url: an address like http://127.0.0.1:8000/v1 is needed"],
    ['{"lab":{"url":"http://u:hunter2@x/v1"}}', "lab.url: an address like"],
    ['{"lab":{"url":"http://x/v1","key":"hunter2"}}', "lab.key"],
    ['{"lab":{"url":"http://x/v1","keyEnv":"hunter2 it is"}}', "lab.keyEnv"],
    ['{"Lab one":{"url":"http://x/v1"}}', "Lab one"],
    ['{"gemini":{"url":"http://x/v1"}}', "gemini is built in"]
  ] as const)("refuse SIGNALBOX_PROVIDERS=%s in a sentence", ([value, reason]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(settings({ SIGNALBOX_PROVIDERS: value }))
      assert.include(error.message, "The setting SIGNALBOX_PROVIDERS is wrong: ")
      assert.include(error.message, reason)
      assert.notInclude(error.message, "hunter2")
    })
  )

  it("read OLLAMA_HOST as Ollama does", () => {
    const url = (host: string | undefined) => Option.getOrUndefined(ollamaUrl(host))
    assert.strictEqual(url(undefined), "http://127.0.0.1:11434")
    assert.strictEqual(url("box"), "http://box:11434")
    assert.strictEqual(url(":8080"), "http://127.0.0.1:8080")
    assert.strictEqual(url("8080"), "http://127.0.0.1:8080")
    assert.strictEqual(url("0.0.0.0"), "http://127.0.0.1:11434")
    assert.strictEqual(url("http://box:80/"), "http://box")
    assert.strictEqual(url("https://ollama.example/proxy/"), "https://ollama.example/proxy")
    assert.isUndefined(url("http://u:p@box"))
    assert.isUndefined(url("a box"))
  })

  it.effect.each([
    ["SIGNALBOX_HTTP_PORT", "70000"],
    ["SIGNALBOX_BRIDGE_PORT", "many"],
    ["DATABASE_URL", "mysql://u:hunter2@x"],
    ["OPENAI_BASE_URL", "http://u:hunter2@x/v1"],
    ["VLLM_BASE_URL", "10.0.0.5:8000"],
    ["OLLAMA_HOST", "http://u:hunter2@x"],
    ["SIGNALBOX_SUMMARY_BYTES", "many"],
    ["SIGNALBOX_SUMMARY_BYTES", "999"],
    ["SIGNALBOX_SUMMARY_SHARE", "1.5"],
    ["SIGNALBOX_SUMMARY_SHARE", "NaN"],
    ["SIGNALBOX_BRIDGE_OPEN", "yes"]
  ] as const)("refuse %s=%s and say which it is", ([name, value]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(settings({ [name]: value }))
      assert.include(error.message, `The setting ${name} is wrong: `)
      assert.notInclude(error.message, "hunter2")
    })
  )
})

describe("the admin token", () => {
  it.live("is one for many processes that start together, private and 256 bits", () =>
    Effect.gen(function* () {
      const home = yield* openHome(join(yield* temporary, "home"))
      const tokens = yield* Effect.all(
        Array.from({ length: 20 }, () => ensureAdminToken(home)),
        { concurrency: "unbounded" }
      )
      const values = new Set(tokens.map((token) => Redacted.value(token)))
      assert.strictEqual(values.size, 1)
      assert.lengthOf(Buffer.from([...values][0]!.slice(4), "base64url"), 32)
      assert.strictEqual(yield* modeOf(adminTokenFile(home)), 0o600)
      assert.deepStrictEqual(yield* Effect.promise(() => fs.readdir(home.credentials)), ["admin-token"])
    })
  )

  it.live("is refused when others can read it, when it is damaged, and told apart from none", () =>
    Effect.gen(function* () {
      const home = yield* openHome(join(yield* temporary, "home"))
      const file = adminTokenFile(home)
      assert.match((yield* Effect.flip(readAdminToken(home))).message, /There is no token/)
      yield* ensureAdminToken(home)
      yield* Effect.promise(() => fs.chmod(file, 0o644))
      assert.match((yield* Effect.flip(readAdminToken(home))).message, /can be read by others \(mode 0644\)/)
      assert.match((yield* Effect.flip(ensureAdminToken(home))).message, /can be read by others/)
      yield* Effect.promise(() => fs.writeFile(file, "half"))
      yield* Effect.promise(() => fs.chmod(file, 0o600))
      assert.match((yield* Effect.flip(readAdminToken(home))).message, /does not hold a token/)
    })
  )
})

describe("hub.json", () => {
  const info = (pid: number, startedAt = DateTime.nowUnsafe()) => ({
    url: "http://127.0.0.1:1",
    pid,
    startedAt,
    version: "1"
  })

  it.live("tells a running hub, and nothing after it said goodbye", () =>
    Effect.gen(function* () {
      const home = yield* openHome(join(yield* temporary, "home"))
      assert.deepStrictEqual(yield* readHubFile(home), { _tag: "None" })
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* announceHub(home, info(process.pid))
          const state = yield* readHubFile(home)
          assert.strictEqual(state._tag, "Running")
        })
      )
      assert.deepStrictEqual(yield* readHubFile(home), { _tag: "None" })
    })
  )

  it.live("is stale when its process is dead, or younger than the file", () =>
    Effect.gen(function* () {
      const home = yield* openHome(join(yield* temporary, "home"))
      const child = spawn("true")
      yield* Effect.promise(() => new Promise((resolve) => child.once("exit", resolve)))
      yield* writeHubFile(home, info(child.pid ?? 0))
      assert.strictEqual((yield* readHubFile(home))._tag, "Stale")
      yield* writeHubFile(home, info(process.pid, DateTime.makeUnsafe("2001-01-01T00:00:00Z")))
      assert.strictEqual((yield* readHubFile(home))._tag, "Stale", "the pid belongs to another program now")
    })
  )

  it.live("of another make is one sentence, and a hub takes away only its own", () =>
    Effect.gen(function* () {
      const home = yield* openHome(join(yield* temporary, "home"))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* announceHub(home, info(process.pid))
          yield* writeHubFile(home, info(1)) // another hub took over
        })
      )
      assert.notStrictEqual((yield* readHubFile(home))._tag, "None")
      yield* Effect.promise(() => fs.writeFile(home.hubFile, '{"url":"ftp://x"}'))
      assert.match((yield* Effect.flip(readHubFile(home))).message, /was not written by a hub/)
    })
  )
})

describe("the installation's root", () => {
  it("is found from the sources and from a bundle, and missed with one sentence", () => {
    const root = installationRoot()
    assert.match(root.migrations, /migrations$/)
    assert.match(root.version, /^\d+\.\d+\.\d+$/)
    assert.strictEqual(installationRoot(join(root.directory, "packages/cli/dist")).directory, root.directory)
    assert.throws(() => installationRoot("/"), /installation around \/ is not complete/)
  })
})

describe("secrets", () => {
  it("are taken out in every form in which they travel", () => {
    const secrets = makeSecretSet(['pass"word\n1', "sk-12345678", "sk-123456789", "short"])
    assert.strictEqual(secrets.scrub("a sk-123456789 b sk-12345678 c"), "a [secret] b [secret] c")
    assert.strictEqual(secrets.scrub(JSON.stringify({ a: 'pass"word\n1' })), '{"a":"[secret]"}')
    assert.strictEqual(secrets.scrub(`q=${encodeURIComponent('pass"word\n1')}`), "q=[secret]")
    assert.strictEqual(secrets.scrub("short words stay"), "short words stay")
  })
})
