/** The command as people run it: bundled, from another directory, judged by its streams and exit codes. */
import { spawn } from "node:child_process"
import { readFileSync, statSync } from "node:fs"
import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { afterAll } from "vitest"
import postgres from "postgres"
import { emptyDatabase, freshDatabase } from "../../../test/support/database.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const launcher = join(root, "packages/cli/bin/signalbox.mjs")
let elsewhere = ""
const made: Array<string> = []

interface Options {
  readonly env?: Record<string, string>
  readonly cwd?: string
  readonly file?: string
  readonly nodeArgs?: ReadonlyArray<string>
}
const signalbox = (args: ReadonlyArray<string>, options: Options = {}) =>
  new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    const child = spawn(process.execPath, [...(options.nodeArgs ?? []), options.file ?? launcher, ...args], {
      cwd: options.cwd ?? elsewhere,
      env: { PATH: process.env["PATH"] ?? "", HOME: elsewhere, ...options.env },
      stdio: ["ignore", "pipe", "pipe"]
    })
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()))
    child.once("error", reject)
    child.once("close", (code) => resolve({ code, stdout, stderr }))
  })

const temporary = async () => {
  const path = await fs.mkdtemp(join(tmpdir(), "signalbox-cli-"))
  await fs.chmod(path, 0o755)
  made.push(path)
  return path
}
const newHome = async () => join(await temporary(), "home")

beforeAll(async () => {
  elsewhere = await temporary()
})
afterAll(async () => {
  for (const path of made) await fs.rm(path, { recursive: true, force: true, maxRetries: 10 })
})

describe("the launcher", () => {
  it("runs from any directory", async () => {
    const { code, stdout, stderr } = await signalbox(["--version"])
    assert.match(stdout, /^signalbox \d+\.\d+\.\d+\n$/)
    assert.deepStrictEqual([code, stderr], [0, ""])
  })

  it("is what npx finds in node_modules/.bin: a bin of the root package would be installed into npx's own cache first", () => {
    const bin = (path: string) => JSON.parse(readFileSync(join(root, path), "utf8")).bin
    assert.isUndefined(bin("package.json"))
    assert.strictEqual(join(root, "packages/cli", bin("packages/cli/package.json").signalbox), launcher)
    assert.strictEqual(statSync(launcher).mode & 0o111, 0o111)
  })

  const pretendNode20 = [
    "--import",
    "data:text/javascript,if(process.env.SIGNALBOX_NODE_TRIED!=='1')Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.1.0'}})"
  ]
  it("goes on with the Node of npm when the machine's own is too old", async () => {
    const { code, stdout } = await signalbox(["db", "status", "--nonsense"], { nodeArgs: pretendNode20 })
    assert.strictEqual(code, 2, "the exit code of the real run")
    assert.strictEqual(stdout, "")
    const help = await signalbox(["--help"], { nodeArgs: pretendNode20 })
    assert.include(help.stdout, "SUBCOMMANDS")
  })

  const tellProcess = [
    "--import",
    "data:text/javascript,console.error(process.pid);process.on('exit',()=>console.error(process.execArgv.at(-1)))"
  ]
  it("gives roles a larger young generation, in the same process, and commands none", async () => {
    for (const role of [["hub"], ["worker"], ["up", "--headless"]]) {
      const { code, stderr } = await signalbox([...role, "--help"], { nodeArgs: tellProcess })
      const [first, then, ...last] = stderr.trim().split("\n")
      assert.strictEqual(then, first, "it keeps its number")
      assert.deepStrictEqual([code, last], [0, ["--min-semi-space-size=4"]])
    }
    const { stderr } = await signalbox(["events", "--help"], { nodeArgs: tellProcess })
    assert.notInclude(stderr, "semi-space")
    const chosen = await signalbox(["hub", "--help"], { nodeArgs: [...tellProcess, "--max-semi-space-size=4"] })
    assert.match(chosen.stderr, /^\d+\n--max-semi-space-size=4\n$/u, "what a person says is left alone")
  })

  it("says in one sentence that Node is too old, that nothing is built, that the installation is damaged", async () => {
    const alone = await temporary()
    const copy = join(alone, "cli/bin/signalbox.mjs")
    await fs.mkdir(join(alone, "cli/bin"), { recursive: true })
    await fs.copyFile(launcher, copy)
    const old = await signalbox(["--version"], { file: copy, nodeArgs: pretendNode20 })
    assert.match(old.stderr, /^error: Node 20\.1\.0 is too old for Signalbox, which needs 22\.19\. [^\n]*\n$/)
    assert.strictEqual(old.code, 1)
    const damaged = await signalbox(["--version"], { file: copy })
    assert.match(damaged.stderr, /^error: This installation is not complete\. Run: npm ci\n$/)
    await fs.mkdir(join(alone, "cli/src"))
    await fs.writeFile(join(alone, "cli/src/bin.ts"), "")
    const unbuilt = await signalbox(["--version"], { file: copy })
    assert.match(unbuilt.stderr, /^error: Signalbox is not built yet\. Run: npm run build\n$/)
    assert.strictEqual(unbuilt.code, 1)
  })
})

describe("wrong usage", () => {
  it.each([
    [[], /Try: signalbox --help/],
    [["db"], /migrate {4}Bring the schema.*Try: signalbox db --help/s],
    [["nonsense"], /error: Unknown subcommand "nonsense"/],
    [["docter"], /Did you mean this\?\s+doctor/],
    [["db", "nonsense"], /error: Unknown subcommand "nonsense" for "signalbox db"/],
    [["doctor", "--bad"], /error: Unrecognized flag: --bad/],
    [["db", "migrate", "extra"], /error: Unexpected positional argument: "extra"/],
    [["cert", "--days", "0"], /error: --days is a number from 1 to 36500/],
    [["cert", "--name", "bad name"], /error: --name bad name is neither/],
    [["--completions", "tcsh"], /error: .*Expected: "bash" \| "zsh" \| "fish"/]
  ])("%j exits 2, with talk on stderr and nothing on stdout", async (args, says) => {
    const { code, stdout, stderr } = await signalbox(args)
    assert.strictEqual(code, 2)
    assert.strictEqual(stdout, "")
    assert.match(stderr, says)
  })

  it("help that was asked for is data", async () => {
    const { code, stdout, stderr } = await signalbox(["db", "--help"])
    assert.deepStrictEqual([code, stderr], [0, ""])
    assert.include(stdout, "psql")
    assert.notInclude(stdout, "\u001b[")
  })

  it.each(["bash", "zsh", "fish"])("completions for %s know the nouns and verbs", async (shell) => {
    const { code, stdout } = await signalbox(["--completions", shell])
    assert.strictEqual(code, 0)
    for (const word of ["doctor", "migrate", "psql", "json"]) assert.include(stdout, word)
  })
})

describe("db", () => {
  it("migrate, status and psql work on the database of DATABASE_URL", async () => {
    const env = { DATABASE_URL: await emptyDatabase(), SIGNALBOX_HOME: await newHome() }
    const before = await signalbox(["db", "status", "--json"], { env })
    assert.strictEqual(before.code, 1)
    assert.include(before.stderr, "Run: signalbox db migrate")
    assert.deepInclude(JSON.parse(before.stdout), { origin: "url", current: false, applied: [] })
    assert.notInclude(before.stdout, ":test@")
    const migrated = await signalbox(["--json", "db", "migrate"], { env })
    assert.strictEqual(migrated.code, 0)
    assert.include(JSON.parse(migrated.stdout).applied, "0001_log.sql")
    assert.deepStrictEqual(JSON.parse((await signalbox(["db", "migrate", "--json"], { env })).stdout), { applied: [] })
    const after = await signalbox(["db", "status"], { env })
    assert.strictEqual(after.code, 0)
    assert.match(after.stdout, /pending {2}none/)
    assert.strictEqual((await signalbox(["db", "url"], { env })).stdout, `${env.DATABASE_URL}\n`)
  })

  it("refuses a database of a newer program", async () => {
    const env = { DATABASE_URL: await freshDatabase(), SIGNALBOX_HOME: await newHome() }
    const sql = postgres(env.DATABASE_URL, { max: 1 })
    await sql`insert into signalbox.migration (name, sha256) values ('9999_future.sql', 'x')`
    await sql.end()
    for (const verb of ["migrate", "status"]) {
      const { code, stdout, stderr } = await signalbox(["db", verb], { env })
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, "")
      assert.match(
        stderr,
        /^error: The database belongs to a newer Signalbox \(it has 9999_future\.sql\)\. Update[^\n]*\n$/
      )
    }
    const doctor = await signalbox(["doctor"], { env })
    assert.strictEqual(doctor.code, 1)
    assert.match(doctor.stdout, /FAIL {2}schema .*newer Signalbox/)
  })

  it("works with the built-in Postgres, which it starts and stops", async () => {
    const env = { SIGNALBOX_HOME: await newHome() }
    const none = await signalbox(["db", "url"], { env })
    assert.strictEqual(none.code, 2)
    assert.match(none.stderr, /^error: The built-in database is not running\. Start it: signalbox up\n$/)
    const migrated = await signalbox(["db", "migrate"], { env })
    assert.strictEqual(migrated.code, 0, migrated.stderr)
    const status = await signalbox(["db", "status", "--json"], { env })
    assert.deepInclude(JSON.parse(status.stdout), { origin: "embedded", current: true })
    const { code } = await signalbox(["db", "url"], { env })
    assert.strictEqual(code, 2, "it was stopped by the command that started it")
  })

  it("passes psql's arguments and exit code through, and says when psql is missing", async () => {
    const env = { DATABASE_URL: await emptyDatabase(), SIGNALBOX_HOME: await newHome() }
    const bin = await temporary()
    await fs.writeFile(join(bin, "psql"), '#!/bin/sh\necho "$PGHOST $PGUSER $PGPASSWORD $PGDATABASE" "$@"\nexit 3\n', {
      mode: 0o755
    })
    const ran = await signalbox(["db", "psql", "--", "-c", "select 1"], {
      env: { ...env, PATH: `${bin}:/bin:/usr/bin` }
    })
    const { pathname } = new URL(env.DATABASE_URL)
    assert.strictEqual(ran.stdout, `127.0.0.1 signalbox test ${pathname.slice(1)} -c select 1\n`)
    assert.strictEqual(ran.code, 3)
    const missing = await signalbox(["db", "psql"], { env: { ...env, PATH: elsewhere } })
    assert.strictEqual(missing.code, 1)
    assert.match(missing.stderr, /psql is not installed/)
  })
})

describe("settings", () => {
  it("of .env in the working directory count, and those of the environment win", async () => {
    const cwd = await temporary()
    const home = await newHome()
    await fs.writeFile(join(cwd, ".env"), "DATABASE_URL=postgres://file@file.invalid/x\n")
    const file = await signalbox(["db", "url"], { cwd, env: { SIGNALBOX_HOME: home } })
    assert.strictEqual(file.stdout, "postgres://file@file.invalid/x\n")
    const env = { SIGNALBOX_HOME: home, DATABASE_URL: "postgres://env@env.invalid/x" }
    assert.strictEqual((await signalbox(["db", "url"], { cwd, env })).stdout, "postgres://env@env.invalid/x\n")
  })

  it("that are wrong are one line, exit 1", async () => {
    const env = { SIGNALBOX_HOME: await newHome(), SIGNALBOX_HTTP_PORT: "many" }
    const { code, stdout, stderr } = await signalbox(["db", "url"], { env })
    assert.deepStrictEqual([code, stdout], [1, ""])
    assert.match(stderr, /^error: .*SIGNALBOX_HTTP_PORT/)
  })
})

describe("doctor", () => {
  const check = (stdout: string, name: string) =>
    JSON.parse(stdout).checks.find((each: { name: string }) => each.name === name)

  it("finds nothing wrong with a fresh home, and makes nothing", async () => {
    const env = { SIGNALBOX_HOME: await newHome() }
    const { code, stdout, stderr } = await signalbox(["doctor", "--json"], { env })
    assert.strictEqual(stderr, "")
    assert.strictEqual(code, 0)
    const names = JSON.parse(stdout).checks.map((each: { name: string }) => each.name)
    assert.deepStrictEqual(names, ["node", "tmux", "ssh", "disk", "home", "database", "hub", "clock"])
    await fs.access(env.SIGNALBOX_HOME).then(
      () => assert.fail("doctor made the home"),
      () => {}
    )
  })

  it("asks the database, the schema and the clock when there is one", async () => {
    const env = { SIGNALBOX_HOME: await newHome(), DATABASE_URL: await emptyDatabase() }
    const { code, stdout } = await signalbox(["doctor", "--json"], { env })
    assert.strictEqual(code, 0)
    assert.match(check(stdout, "database").detail, /, Postgres 18\.\d+$/)
    assert.deepInclude(check(stdout, "schema"), { status: "warn", mend: "Run: signalbox db migrate" })
    assert.strictEqual(check(stdout, "clock").status, "ok")
  })

  it("exits 1 and names the mend: an open home, a database that is down, a hub that is gone", async () => {
    const home = await newHome()
    await fs.mkdir(home, { mode: 0o755 })
    await fs.chmod(home, 0o755)
    const hub = { url: "http://127.0.0.1:9", pid: process.pid, startedAt: "2001-01-01T00:00:00.000Z", version: "1" }
    await fs.writeFile(join(home, "hub.json"), JSON.stringify(hub))
    const env = { SIGNALBOX_HOME: home, DATABASE_URL: "postgres://u:secretsecret@127.0.0.1:1/x" }
    const { code, stdout, stderr } = await signalbox(["doctor", "--json"], { env })
    assert.strictEqual(code, 1)
    assert.match(stderr, /^error: 2 things have to be mended\.\n$/)
    assert.deepInclude(check(stdout, "home"), { status: "fail", mend: `Run: chmod go-rwx ${home}` })
    assert.match(check(stdout, "database").detail, /127\.0\.0\.1:1\/x cannot be used \(.*ECONNREFUSED/)
    assert.strictEqual(check(stdout, "hub").status, "warn")
    assert.notInclude(stdout, "secretsecret")
  })
})
