/**
 * One data directory as the processes around it see it: made by initdb, locked by postmaster.pid, used by live processes.
 *
 * Owns: the files of the directory and the reading of them. Does not own: who starts and stops the server (`embedded.ts`).
 * Invariants: a directory named `data` is always complete (initdb works beside it and renames); a lock file is never unlinked by
 * name, because a racer may have replaced it: it is renamed away first, and put back when it was not the stale one.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process"
import { randomBytes } from "node:crypto"
import { closeSync, openSync } from "node:fs"
import * as fs from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import type { ServerUser } from "./placement.ts"

const run = promisify(execFile)
const MAX_LOG = 8 * 1024 * 1024

/** First writer wins; readers never see half a file. @returns the password */
export const passwordFile = async (file: string): Promise<string> => {
  const read = () => fs.readFile(file, "utf8").catch(() => undefined)
  const existing = await read()
  if (existing !== undefined) return existing.trim()
  const making = `${file}.${randomBytes(4).toString("hex")}`
  try {
    await fs.writeFile(making, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600 })
    await fs.link(making, file).catch(unless("EEXIST"))
  } finally {
    await fs.rm(making, { force: true })
  }
  return (await fs.readFile(file, "utf8")).trim()
}

/** Major version of the directory's files, or undefined when there is none yet. */
export const clusterVersion = async (data: string): Promise<string | undefined> => {
  const text = await fs.readFile(join(data, "PG_VERSION"), "utf8").catch(unless("ENOENT"))
  return text?.trim()
}

/** Makes the directory; when several do so at the same time one of them wins and the others find it made. */
export const makeCluster = async (
  programs: string,
  data: string,
  password: string,
  user: ServerUser | undefined
): Promise<void> => {
  const making = `${data}.${randomBytes(4).toString("hex")}`
  const secret = `${making}.password`
  try {
    await fs.mkdir(making, { mode: 0o700 })
    await fs.writeFile(secret, `${password}\n`, { mode: 0o600 })
    if (user !== undefined) for (const path of [making, secret]) await fs.chown(path, user.uid, user.gid)
    const flags = ["-D", making, "-U", "signalbox", `--pwfile=${secret}`, "--auth=scram-sha-256", "--encoding=UTF8"]
    const locale = ["--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"]
    await run(join(programs, "bin/initdb"), [...flags, ...locale], { ...ids(user), cwd: "/", env: {} })
    await fs.rename(making, data).catch(unless("ENOTEMPTY", "EEXIST"))
  } finally {
    await fs.rm(making, { recursive: true, force: true })
    await fs.rm(secret, { force: true })
  }
}

export interface Lock {
  readonly pid: number
  readonly port: number
  readonly ready: boolean
}

/** What postmaster.pid says; it may be of a server that is long gone. */
export const readLock = async (data: string): Promise<Lock | undefined> => {
  const text = await fs.readFile(join(data, "postmaster.pid"), "utf8").catch(unless("ENOENT"))
  const lines = text?.split("\n") ?? []
  const pid = Math.abs(Number.parseInt(lines[0] ?? "", 10))
  return pid > 0 ? { pid, port: Number(lines[3] ?? 0), ready: lines[7]?.trim() === "ready" } : undefined
}

/**
 * Whether any process of a server still works in the directory. All of them (postmaster, backends, workers) have it as their
 * working directory, which on Linux proves more than the pid: it sees through reused pids, zombies and orphaned backends.
 */
export const inUse = async (data: string, pid: number): Promise<boolean> => {
  if (process.platform !== "linux") return alive(pid)
  const real = await fs.realpath(data)
  const pids = (await fs.readdir("/proc")).filter((name) => /^\d+$/.test(name))
  const directories = await Promise.all(pids.map((name) => fs.readlink(`/proc/${name}/cwd`).catch(() => "")))
  return directories.includes(real)
}

export const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return cause instanceof Error && "code" in cause && cause.code === "EPERM"
  }
}

/** Takes the lock file of the dead server `stale` away. */
export const discardLock = async (data: string, stale: number): Promise<void> => {
  const file = join(data, "postmaster.pid")
  const mine = join(data, `stale.${randomBytes(4).toString("hex")}`)
  const taken = await fs.rename(file, mine).then(() => true, unless("ENOENT"))
  if (taken !== true) return
  const pid = Math.abs(Number.parseInt(await fs.readFile(mine, "utf8"), 10))
  if (pid !== stale) await fs.link(mine, file).catch(unless("EEXIST"))
  await fs.rm(mine, { force: true })
}

export interface Started {
  readonly process: ChildProcess
  /** What this start (and its racers) wrote to the log so far, at most 4,000 characters of the end. */
  readonly words: () => Promise<string>
}

/** Starts a server that outlives us and the terminal's Ctrl-C. fsync stays on: an acknowledged event is on the disk. */
export const startServer = async (
  programs: string,
  base: string,
  port: number,
  user: ServerUser | undefined
): Promise<Started> => {
  const log = join(base, "postgres.log")
  const size = (await fs.stat(log).catch(unless("ENOENT")))?.size ?? 0
  const rotate = size > MAX_LOG
  if (rotate) await fs.rename(log, `${log}.1`).catch(unless("ENOENT"))
  const fd = openSync(log, "a", 0o600)
  try {
    const child = spawn(join(programs, "bin/postgres"), ["-D", join(base, "data"), ...settings(port)], {
      ...ids(user),
      detached: true,
      cwd: "/",
      env: {},
      stdio: ["ignore", fd, fd]
    })
    child.unref()
    const words = async () => {
      const all = await fs.readFile(log)
      return all.subarray(Math.max(rotate ? 0 : size, all.length - 4000)).toString("utf8")
    }
    return { process: child, words }
  } finally {
    closeSync(fd)
  }
}

const settings = (port: number): ReadonlyArray<string> =>
  Object.entries({
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    max_connections: 100,
    shared_buffers: "64MB",
    wal_level: "minimal",
    max_wal_senders: 0,
    max_wal_size: "256MB",
    min_wal_size: "64MB",
    wal_compression: "on",
    fsync: "on",
    io_method: "sync",
    jit: "off",
    autovacuum_naptime: "15s",
    password_encryption: "scram-sha-256",
    max_parallel_workers_per_gather: 0,
    log_line_prefix: "%m [%p] ",
    log_min_messages: "warning"
  }).flatMap(([key, value]) => ["-c", `${key}=${value}`])

const ids = (user: ServerUser | undefined): { uid?: number; gid?: number } =>
  user === undefined ? {} : { uid: user.uid, gid: user.gid }

/** Swallows the errnos that mean somebody else was faster. */
const unless =
  (...codes: ReadonlyArray<string>) =>
  (cause: unknown): undefined => {
    if (!(cause instanceof Error && "code" in cause && codes.includes(String(cause.code)))) throw cause
  }
