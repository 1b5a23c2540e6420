/**
 * What a program finds on the disk before it can do anything: settings of `.env`, the home, the hub's address, the token.
 *
 * Owns: the looking, and the rules by which a file is good. Does not own: what is said when it is not (`dotenv.ts`, `Home.ts`,
 * `hub-file.ts`, `credentials.ts` wrap these for effects), making any of it.
 * Invariants: node alone, nothing is imported but types, because commands that only read begin here and shall begin at once;
 * nothing is written.
 */
import * as fs from "node:fs"
import { homedir } from "node:os"
import { isAbsolute, join, resolve } from "node:path"
import { parseEnv } from "node:util"
import type { HomePaths } from "./Home.ts"

/** @param chosen `$SIGNALBOX_HOME` @param xdg `$XDG_DATA_HOME`; blank ones count as missing */
export const homeOf = (chosen: string | undefined, xdg: string | undefined): string => {
  if (chosen !== undefined && chosen.trim() !== "") return resolve(chosen)
  // the XDG specification tells to ignore relative paths
  const data = xdg !== undefined && isAbsolute(xdg) ? xdg : join(homedir(), ".local/share")
  return join(data, "signalbox")
}

export const homePaths = (directory: string): HomePaths => ({
  directory,
  keys: join(directory, "keys"),
  credentials: join(directory, "credentials"),
  logs: join(directory, "logs"),
  tls: join(directory, "tls"),
  hubFile: join(directory, "hub.json")
})

const mostDotEnv = 1024 * 1024

/** Puts `.env` into the environment, which wins. Throws when there is one and it cannot be read. @returns the names that were set */
export const applyDotEnv = (path: string, environment: NodeJS.ProcessEnv): ReadonlyArray<string> => {
  const stat = fs.statSync(path, { throwIfNoEntry: false })
  if (stat === undefined || stat.isDirectory()) return []
  if (stat.size > mostDotEnv) throw new Error("it is larger than 1 MB")
  const added: Array<string> = []
  for (const [name, value] of Object.entries(parseEnv(fs.readFileSync(path, "utf8")))) {
    if (value === undefined || environment[name] !== undefined) continue
    environment[name] = value
    added.push(name)
  }
  return added
}

/** A process that began after `startedAt` is not the one that wrote it; one that has ended and waits to be reaped is dead. */
export const isRunning = (pid: number, startedAt: number): boolean => {
  try {
    process.kill(pid, 0)
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EPERM")) return false
  }
  if (process.platform !== "linux") return true
  const stat = textOf(`/proc/${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  if (fields[0] === "Z" || fields[0] === "X") return false
  const ticks = Number(fields[19])
  const boot = Number(/^btime (\d+)$/m.exec(textOf("/proc/stat"))?.[1])
  if (!Number.isFinite(ticks) || !Number.isFinite(boot)) return true
  const began = boot * 1000 + ticks * 10 // the kernel shows 100 ticks a second to programs; btime is in whole seconds
  return began <= startedAt + 2_000
}

const textOf = (path: string): string => {
  try {
    return fs.readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

export type FoundToken =
  { readonly token: string } | { readonly problem: "readable-by-others" | "malformed"; readonly reason: string }

const tokenForm = /^sbx_[A-Za-z0-9_-]{43}$/

/** Throws what opening and reading throw. */
export const readToken = (path: string): FoundToken => {
  const file = fs.openSync(path, "r") // one open file: what is checked is what is read
  try {
    const { mode, size } = fs.fstatSync(file)
    if ((mode & 0o077) !== 0)
      return { problem: "readable-by-others", reason: `mode ${(mode & 0o777).toString(8).padStart(4, "0")}` }
    const token = size > 1024 ? "" : fs.readFileSync(file, "utf8").trim()
    return tokenForm.test(token) ? { token } : { problem: "malformed", reason: "" }
  } finally {
    fs.closeSync(file)
  }
}
