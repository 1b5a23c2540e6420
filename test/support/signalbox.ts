/**
 * Drives the real command as a person would: every role is a child process with a home of its own, every question goes through
 * the command line or HTTP, and a process can be killed with -9.
 *
 * Owns: the processes it started, their home and their logs. Does not own: hosts (`test/fleet/support.ts`).
 * Invariants: nothing of the person's own environment leaks in; waiting is always for a condition and has a deadline.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { createWriteStream, readFileSync } from "node:fs"
import { chmod, mkdir, mkdtemp, readFile, rm } from "node:fs/promises"
import { loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Schema } from "effect"
import { freePort } from "./free-port.ts"
import { stopTmux } from "./sshd.ts"

const program = fileURLToPath(new URL("../../packages/cli/bin/signalbox.mjs", import.meta.url))

/** Where Signalbox lives in a test, and what its processes are told. */
export interface Home {
  readonly path: string
  readonly env: Readonly<Record<string, string>>
}

export interface Ran {
  /** Null: it was ended by a signal. */
  readonly code: number | null
  readonly bytes: Buffer
  readonly stdout: string
  readonly stderr: string
  /** Stdout as one JSON document of this shape; anything else is an error that shows the output. */
  readonly json: <A>(schema: Schema.Codec<A, unknown>) => A
}

/** A new home on a free port. With `database` the processes use that Postgres, else the embedded one. */
export const makeHome = async (
  options: { readonly database?: string; readonly env?: Readonly<Record<string, string>> } = {}
): Promise<Home> => {
  const path = await mkdtemp(join(tmpdir(), "signalbox-home-"))
  await chmod(path, 0o755) // closed, it would send the embedded Postgres of root to the system's directory, where it stays
  await mkdir(join(path, "person"))
  return {
    path,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: join(path, "person"),
      LANG: "C.UTF-8",
      NO_COLOR: "1",
      SIGNALBOX_HOME: join(path, "home"),
      SIGNALBOX_HTTP_PORT: String(await freePort()),
      SIGNALBOX_BRIDGE_PORT: "0",
      ...(options.database === undefined ? {} : { DATABASE_URL: options.database }),
      ...options.env
    }
  }
}

/** Runs one command to its end. */
export const signalbox = (home: Home, ...args: ReadonlyArray<string>): Promise<Ran> => signalboxWith(home, {}, ...args)

/** The same with something on stdin, a deadline, or more environment. */
export const signalboxWith = (
  home: Home,
  options: {
    readonly input?: string | Uint8Array
    readonly timeoutMs?: number
    readonly env?: Readonly<Record<string, string>>
    /** Called with all of stdout whenever there is more. */
    readonly printed?: (text: string) => void
  },
  ...args: ReadonlyArray<string>
): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: home.path,
      env: { ...home.env, ...options.env },
      stdio: ["pipe", "pipe", "pipe"]
    })
    const out: Array<Buffer> = []
    const err: Array<Buffer> = []
    const timeoutMs = options.timeoutMs ?? 120_000
    const timer = setTimeout(() => {
      err.push(Buffer.from(`\nnot ended after ${timeoutMs} ms, killed by the test${whereTimeWent(child.pid)}\n`))
      child.kill("SIGKILL")
    }, timeoutMs)
    child.stdout.on("data", (chunk: Buffer) => {
      out.push(chunk)
      options.printed?.(Buffer.concat(out).toString())
    })
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk))
    child.stdin.on("error", () => {}) // it may end without reading; its exit code tells the story
    child.stdin.end(options.input)
    child.once("error", reject)
    child.once("close", (code) => {
      clearTimeout(timer)
      resolve(ran(args, code, Buffer.concat(out), Buffer.concat(err).toString()))
    })
  })

/** Of its main thread, where the kernel tells: a command that waited for a core is no command that hung. */
const whereTimeWent = (pid: number | undefined): string => {
  try {
    const [ran = 0, waited = 0] = readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ").map(Number)
    return `: ${(ran / 1e9).toFixed(1)} s on a core, ${(waited / 1e9).toFixed(1)} s waiting for one (load ${loadavg()[0]?.toFixed(0)})`
  } catch {
    return ""
  }
}

const ran = (args: ReadonlyArray<string>, code: number | null, bytes: Buffer, stderr: string): Ran => {
  const stdout = bytes.toString()
  return {
    code,
    bytes,
    stdout,
    stderr,
    json: (schema) => {
      const shown = `signalbox ${args.join(" ").slice(0, 300)} → ${code}\n${stdout.slice(0, 2000)}\n${stderr.slice(0, 2000)}`
      if (code !== 0) throw new Error(shown)
      try {
        return Schema.decodeUnknownSync(schema)(JSON.parse(stdout))
      } catch (cause) {
        throw new Error(`not the JSON that was expected: ${shown}`, { cause })
      }
    }
  }
}

/** A running role. */
export interface Role {
  readonly name: string
  readonly pid: number
  /** Everything it has written to stdout and stderr so far. */
  readonly log: () => Promise<string>
  /** Where that is written. */
  readonly file: string
  readonly stdout: () => Buffer
  /** Resolves with its exit code, null after a signal. */
  readonly ended: Promise<number | null>
  /** -9: no goodbye. */
  readonly kill9: () => Promise<void>
  /** TERM, and -9 when it has not gone after 20 s. */
  readonly stop: () => Promise<void>
}

let roles = 0

/** Starts a command that stays: `start(home, "worker")`, `start(home, "up", "--headless")`, `start(home, "task", "logs", "-f", id)`. */
export const start = async (home: Home, ...args: ReadonlyArray<string>): Promise<Role> => {
  const name = `${args.join("-").slice(0, 40)}-${++roles}`
  const logs = join(home.path, "logs")
  await mkdir(logs, { recursive: true })
  const file = join(logs, `${name}.log`)
  const sink = createWriteStream(file)
  const out: Array<Buffer> = []
  const keep = args[0] === "task" // what roles and `events` say is in the file, and may be long
  const child = spawn(process.execPath, [program, ...args], {
    cwd: home.path,
    env: home.env,
    stdio: ["ignore", "pipe", "pipe"]
  })
  child.stdout.on("data", (chunk: Buffer) => {
    if (keep) out.push(chunk)
    sink.write(chunk)
  })
  child.stderr.on("data", (chunk: Buffer) => sink.write(chunk))
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code) => sink.end(() => resolve(code)))
  })
  const role: Role = {
    name,
    pid: child.pid ?? 0,
    log: () => readFile(file, "utf8"),
    file,
    stdout: () => Buffer.concat(out),
    ended,
    kill9: () => end(child, ended, "SIGKILL"),
    stop: () => end(child, ended, "SIGTERM")
  }
  alive.set(home.path, [...rolesOf(home), role])
  return role
}

const alive = new Map<string, ReadonlyArray<Role>>()

const end = async (
  child: ChildProcess,
  ended: Promise<number | null>,
  signal: "SIGKILL" | "SIGTERM"
): Promise<void> => {
  child.kill(signal)
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000)
  await ended
  clearTimeout(timer)
}

/** Ends every process of a home, the last started first. */
export const stopAll = async (home: Home): Promise<void> => {
  for (const role of rolesOf(home).toReversed()) await role.stop()
  alive.delete(home.path)
}

/** The same, and removes the home. */
export const dispose = async (home: Home): Promise<void> => {
  await stopAll(home)
  stopTmux(home.env["HOME"] ?? "")
  await rm(home.path, { recursive: true, force: true })
}

/** The processes of a home that were started and not disposed of. */
export const rolesOf = (home: Home): ReadonlyArray<Role> => alive.get(home.path) ?? []

/** A hub and workers on a database that has been migrated; resolves when the hub is ready. */
export const startHub = async (home: Home): Promise<Role> => {
  const migrated = await signalbox(home, "db", "migrate")
  if (migrated.code !== 0) throw new Error(`db migrate → ${migrated.code}\n${migrated.stderr}`)
  const hub = await start(home, "hub")
  await ready(home, hub)
  return hub
}

/** Resolves when it takes jobs. */
export const startWorker = async (home: Home): Promise<Role> => {
  const worker = await start(home, "worker")
  await until("the worker takes jobs", 60_000, async () =>
    (await worker.log()).includes("takes jobs") ? true : undefined
  )
  return worker
}

/** The hub of a home over HTTP, as its owner. */
export const hubFetch = async (home: Home, path: string, init: RequestInit = {}): Promise<Response> => {
  const token = (await readFile(join(home.path, "home", "credentials", "admin-token"), "utf8")).trim()
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", ...init.headers }
  return fetch(`http://127.0.0.1:${home.env["SIGNALBOX_HTTP_PORT"]}${path}`, { ...init, headers })
}

/** What the hub says, for waiting: a command line each time would keep a core busy with starting it. */
export const hubSays = async <A>(home: Home, path: string, schema: Schema.Codec<A, unknown>): Promise<A> => {
  const answer = await hubFetch(home, path)
  const text = await answer.text()
  if (!answer.ok) throw new Error(`GET ${path} → ${answer.status} ${text.slice(0, 1_000)}`)
  return Schema.decodeUnknownSync(schema)(JSON.parse(text))
}

/** Waits until the hub of a home answers /ready. */
export const ready = async (home: Home, role: Role): Promise<void> => {
  let gone: number | null | undefined
  void role.ended.then((code) => (gone = code))
  await until(`${role.name} is ready`, 60_000, async () => {
    if (gone !== undefined) throw new Fatal(`${role.name} ended with ${gone}:\n${(await role.log()).slice(-3000)}`)
    const answer = await fetch(`http://127.0.0.1:${home.env["SIGNALBOX_HTTP_PORT"]}/ready`)
    return answer.ok ? true : undefined
  })
}

/** Waiting cannot succeed any more. */
export class Fatal extends Error {}

/**
 * Asks until there is an answer, at most every 200 ms.
 * @param probe `undefined` or a rejection: not yet
 * @returns the answer and how long it took
 */
export const until = async <A>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<A | undefined>
): Promise<{ readonly value: A; readonly ms: number }> => {
  const began = performance.now()
  let last = "it was never so"
  while (true) {
    try {
      const value = await probe()
      if (value !== undefined) return { value, ms: performance.now() - began }
    } catch (cause) {
      if (cause instanceof Fatal) throw cause
      last = cause instanceof Error ? cause.message : String(cause)
    }
    if (performance.now() - began > timeoutMs) throw new Error(`not within ${timeoutMs} ms: ${what}. Last: ${last}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
