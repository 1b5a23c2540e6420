/** Bad input: one clear sentence on stderr that names the thing, nothing on stdout, the right exit code, nothing half-done. */
import { chmod, copyFile, writeFile } from "node:fs/promises"
import { createServer, type Server } from "node:net"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import postgres from "postgres"
import { freePort } from "../support/free-port.ts"
import {
  type Home,
  type Ran,
  dispose,
  makeHome,
  signalbox,
  signalboxWith,
  start,
  startHub
} from "../support/signalbox.ts"
import { type TestServer, startServer } from "../support/postgres-server.ts"
import { type FleetHost, host } from "./support.ts"

let server: TestServer
let box: FleetHost
let home: Home

beforeAll(async () => {
  ;[server, box] = await Promise.all([startServer(), host("input")])
  home = await makeHome({ database: server.url })
  await startHub(home)
  await start(home, "worker")
})
afterAll(async () => {
  await dispose(home)
  await server.stop()
})

/** Well understood and not so: no such task, a state that does not allow it, a server that cannot start. */
const refused = 1
/** The request itself is wrong: an option, a value, a host, tool or parameter that does not exist. */
const usage = 2
const create = ["task", "create", "--host", "local", "--tool", "shell", "--command", "true"]
const noTask = "task-20200101-000000-aaaaaa"

it.each<{ readonly args: ReadonlyArray<string>; readonly code: number; readonly says: RegExp }>([
  {
    args: ["task", "create", "--host", "nowhere", "--tool", "shell", "--command", "true"],
    code: usage,
    says: /nowhere/
  },
  {
    args: ["task", "create", "--host", "local", "--tool", "no-such", "--command", "true"],
    code: usage,
    says: /no-such/
  },
  { args: [...create, "--no-such-option"], code: usage, says: /--no-such-option/ },
  { args: ["task", "create", "--host", "local", "--tool", "shell"], code: usage, says: /command/ },
  { args: ["task", "no-such-verb"], code: usage, says: /no-such-verb/ },
  { args: ["no-such-noun"], code: usage, says: /no-such-noun/ },
  { args: [...create, "--params", '{"model": '], code: usage, says: /params|JSON/i },
  { args: [...create, "--params", "[1]"], code: usage, says: /params|object/i },
  { args: [...create, "--params", '{"noSuch": 1}'], code: usage, says: /noSuch/ },
  {
    args: ["task", "create", "--host", "local", "--tool", "claude", "--command", "x", "--params", '{"max_turn": 3}'],
    code: usage,
    says: /did you mean 'maxTurns'/
  },
  { args: [...create, "--after", "yesterday"], code: usage, says: /after.*task id/ },
  { args: [...create, "--priority", "high"], code: usage, says: /priority.*high.*number/ },
  {
    args: ["schedule", "add", "a/b", "--cron", "0 3 * * *", ...create.slice(2)],
    code: usage,
    says: /scheduleId.*name/
  },
  { args: ["schedule", "add", "ab", "--cron", "every day", ...create.slice(2)], code: usage, says: /every day/ },
  { args: ["host", "edit", "nowhere", "--port", "22"], code: refused, says: /nowhere/ },
  {
    args: [
      "task",
      "create",
      "--host",
      "local",
      "--tool",
      "claude",
      "--command",
      "x",
      "--params",
      '{"maxTurns": "many"}'
    ],
    code: usage,
    says: /maxTurns/
  },
  {
    args: ["task", "create", "--host", "local", "--tool", "shell", "--command", ""],
    code: usage,
    says: /empty|command/i
  },
  { args: [...create, "--timeout", "soon"], code: usage, says: /soon|timeout/ },
  { args: [...create, "--at", "yesterday-ish"], code: usage, says: /yesterday-ish|--at/ },
  { args: [...create, "--env", "NO_VALUE"], code: usage, says: /NO_VALUE|env/ },
  { args: [...create, "--env", "1BAD=x"], code: usage, says: /1BAD|env/ },
  { args: [...create, "--after", noTask], code: usage, says: new RegExp(noTask) },
  { args: ["task", "show", noTask], code: refused, says: new RegExp(noTask) },
  { args: ["task", "show", "../../etc/passwd"], code: usage, says: /passwd|task id/i },
  { args: ["task", "logs", noTask], code: refused, says: new RegExp(noTask) },
  { args: ["task", "kill", noTask], code: refused, says: new RegExp(noTask) },
  { args: ["task", "retry", noTask], code: refused, says: new RegExp(noTask) },
  { args: ["task", "resume", noTask, "go on"], code: refused, says: new RegExp(noTask) },
  { args: ["task", "wait", noTask], code: usage, says: new RegExp(noTask) },
  { args: ["task", "list", "--status", "sleepy"], code: usage, says: /sleepy/ },
  { args: ["host", "show", "nowhere"], code: refused, says: /nowhere/ },
  { args: ["host", "add", "../evil", "--address", "127.0.0.1"], code: usage, says: /evil|name/ },
  { args: ["host", "add", "fine", "--address", "127.0.0.1", "--port", "99999"], code: usage, says: /99999|port/i },
  { args: ["host", "add", "local", "--address", "127.0.0.1"], code: refused, says: /local/ },
  { args: ["host", "remove", "local"], code: refused, says: /local/ }
])("signalbox $args", async ({ args, code, says }) => {
  const before = await eventsOfPeople()
  const ran = await signalbox(home, ...args)
  expect(ran.stdout).toBe("")
  oneSentence(ran, says)
  expect(ran.code).toBe(code)
  expect(await eventsOfPeople()).toEqual(before)
})

it("JSON errors are for programs: --json keeps stdout empty or valid, and the exit code", async () => {
  const ran = await signalbox(home, "task", "show", noTask, "--json")
  expect(ran.code).toBe(refused)
  oneSentence(ran, new RegExp(noTask))
})

it("a key file that is missing is named", async () => {
  const missing = join(home.path, "no-such-key")
  oneSentence(await addAndCheck("missing", missing), /no-such-key/)
})

it("a key file that others can read is refused, with the mend", async () => {
  const open = join(home.path, "open-key")
  await copyFile(box.keyFile, open)
  await chmod(open, 0o644)
  oneSentence(await addAndCheck("open", open), /open-key.*(chmod|600|readable|permission)/i)
})

it("a key file that holds no key is refused", async () => {
  const nonsense = join(home.path, "nonsense-key")
  await writeFile(nonsense, "hello\n", { mode: 0o600 })
  oneSentence(await addAndCheck("nonsense", nonsense), /nonsense-key/)
})

it("an unknown host key never connects, and the sentence says how to accept it", async () => {
  const ran = await addAndCheck("unpinned", box.keyFile)
  oneSentence(ran, /accept/)
})

it("a port that is taken: the hub says which and ends", async () => {
  const port = await freePort()
  const taken = await listen(port)
  const other = await makeHome({ database: server.url, env: { SIGNALBOX_HTTP_PORT: String(port) } })
  const ran = await signalboxWith(other, { timeoutMs: 120_000 }, "hub")
  taken.close()
  oneSentence(ran, new RegExp(String(port)))
  expect(ran.code).toBe(refused)
  await dispose(other)
})

it("a database that is down: every command says so and how to look", async () => {
  const other = await makeHome({ database: `postgres://signalbox:secret-word@127.0.0.1:${await freePort()}/postgres` })
  const commands = [["db", "status"], ["db", "migrate"], ["hub"], ["worker"], ["audit", "verify"]]
  const all = await Promise.all(
    commands.map(async (args) => ({ args, ran: await signalboxWith(other, { timeoutMs: 120_000 }, ...args) }))
  )
  for (const { args, ran } of all) {
    oneSentence(ran, /database|Postgres/i)
    expect(ran.stderr).not.toContain("secret-word")
    expect(ran.code).toBe(args[0] === "audit" ? usage : refused)
  }
  await dispose(other)
})

it("settings that cannot be meant: one sentence names the variable and never its value", async () => {
  const other = await makeHome({ database: server.url })
  const { SIGNALBOX_HTTP_PORT: _port, DATABASE_URL: _url, ...env } = other.env
  const bare = { ...other, env }
  const wrong: ReadonlyArray<readonly [string, RegExp]> = [
    ["SIGNALBOX_HTTP_PORT=zzz-secret\n", /SIGNALBOX_HTTP_PORT.*must be/],
    ["SIGNALBOX_HTTP_PORT=70000\n", /SIGNALBOX_HTTP_PORT.*between 0 and 65535/],
    ["DATABASE_URL=mysql://zzz-secret@x/y\n", /DATABASE_URL.*postgres:\/\//]
  ]
  for (const [text, says] of wrong) {
    await writeFile(join(other.path, ".env"), `\u0000\u001f = garbage\n=\n${text}`)
    const ran = await signalboxWith(bare, { timeoutMs: 120_000 }, "hub")
    oneSentence(ran, says)
    expect(ran.stderr).not.toContain("zzz-secret")
    expect(ran.code).toBe(refused)
  }
  await writeFile(join(other.path, ".env"), "x".repeat(2 * 1024 * 1024))
  oneSentence(await signalboxWith(bare, { timeoutMs: 120_000 }, "hub"), /\.env.*larger than 1 MB/)
  await dispose(other)
})

it("no hub is running: commands that need one say so", async () => {
  const other = await makeHome({ database: server.url })
  const ran = await signalbox(other, "task", "list")
  oneSentence(ran, /hub/i)
  expect(ran.code).toBe(usage) // cannot tell
  await dispose(other)
})

it("a database of a newer schema is left alone", async () => {
  const sql = postgres(server.url, { max: 1, onnotice: () => {} })
  await sql`create database newer`
  const url = server.url.replace(/\/postgres$/, "/newer")
  const other = await makeHome({ database: url })
  expect((await signalbox(other, "db", "migrate")).code).toBe(0)
  const newer = postgres(url, { max: 1, onnotice: () => {} })
  await newer`insert into signalbox.migration (name, sha256) values ('9999_tomorrow.sql', 'x')`
  for (const args of [["hub"], ["worker"], ["db", "migrate"]]) {
    const ran = await signalboxWith(other, { timeoutMs: 120_000 }, ...args)
    oneSentence(ran, /newer/)
    expect(ran.code).toBe(refused)
  }
  await newer.end()
  await sql.end()
  await dispose(other)
})

/** A refusal leaves no event, and so nothing at all. What workers find out meanwhile (a look at a host) is no business of a refused command. */
const eventsOfPeople = async (): Promise<unknown> => {
  const sql = postgres(server.url, { max: 1, onnotice: () => {} })
  const [row] = await sql`select count(*)::text as count from log.event where actor not like 'worker:%'`
  await sql.end()
  return row?.["count"]
}

/** One line for people (a second may say where to read more), no stack trace, no object dump. */
const oneSentence = (ran: Ran, says: RegExp): void => {
  const lines = ran.stderr.split("\n").filter((line) => line.trim() !== "")
  expect(ran.stderr).toMatch(says)
  expect(lines.length, ran.stderr).toBeLessThanOrEqual(2)
  expect(lines[0]?.length, ran.stderr).toBeLessThan(400)
  expect(ran.stderr).not.toMatch(/\n\s+at |\[object|Error:|undefined|_tag|RegExp|excess property|finite number/)
}

/** The key file is looked at where it is used: by the worker, or already when the host is added. Never success. */
const addAndCheck = async (name: string, keyFile: string): Promise<Ran> => {
  const added = await signalbox(home, "host", "add", name, "--address", box.address, "--user", "root", "--key", keyFile)
  if (added.code !== 0) return added
  const checked = await signalbox(home, "host", "check", name, "--json")
  expect(checked.code).toBe(refused)
  // A look at a host that found it out of reach is an answer: its sentence is in the report.
  const problem: unknown = JSON.parse(/"problem":\s*("(?:[^"\\]|\\.)*")/.exec(checked.stdout)?.[1] ?? '""')
  return { ...checked, stderr: String(problem) }
}

const listen = (port: number): Promise<Server> =>
  new Promise((resolve, reject) => {
    const one = createServer().once("error", reject)
    one.listen(port, "127.0.0.1", () => resolve(one))
  })
