/**
 * The checks of the machine: Node, tmux, ssh, disk, the home, the clock.
 *
 * Owns: what is asked and what is enough. Invariant: each check ends within seconds and changes nothing.
 */
import { execFile } from "node:child_process"
import { stat, statfs } from "node:fs/promises"
import { dirname } from "node:path"
import { promisify } from "node:util"
import { isPrivate } from "@signalbox/core/config/Home.ts"
import { type Check, fail, ok, warn } from "./Check.ts"

const run = promisify(execFile)

export const node = (version: string): Check => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  return major > 22 || (major === 22 && minor >= 19)
    ? ok("node", version)
    : fail("node", `${version} is too old`, "Install Node 22.19 or newer, or run npm ci here")
}

export const tmux = async (): Promise<Check> => {
  const version = await output("tmux", ["-V"])
  if (version === undefined)
    return warn("tmux", "not found", "Install tmux: tasks on this machine run inside it, so that they survive")
  const number = Number(/(\d+\.\d+)/.exec(version)?.[1] ?? "3.0")
  return number >= 2.6 ? ok("tmux", version) : warn("tmux", `${version} is old`, "Install tmux 2.6 or newer")
}

export const ssh = async (): Promise<Check> => {
  const version = await output("ssh", ["-V"])
  return version === undefined
    ? warn("ssh", "not found", "Signalbox does not need it, but making keys for hosts does: install openssh-client")
    : ok("ssh", version)
}

const MB = 1024 * 1024
/** The disk on which the home lies, or will lie. */
export const disk = async (home: string): Promise<Check> => {
  const { bavail, bsize } = await statfs(await nearest(home))
  const free = Math.floor((Number(bavail) * Number(bsize)) / MB)
  const detail = `${free < 10_000 ? `${free} MB` : `${Math.floor(free / 1024)} GB`} free for ${home}`
  const mend = "Free some space: the log only grows"
  return free < 200 ? fail("disk", detail, mend) : free < 2_000 ? warn("disk", detail, mend) : ok("disk", detail)
}

export const homeDirectoryCheck = async (home: string): Promise<Check> => {
  const found = await stat(home).catch((cause: NodeJS.ErrnoException) => cause.code ?? "unknown")
  if (found === "ENOENT") return ok("home", `${home} (made at the first start)`)
  if (typeof found === "string") return fail("home", `${home}: ${found}`, "Set $SIGNALBOX_HOME to a directory of yours")
  if (!found.isDirectory()) return fail("home", `${home} is not a directory`, "Set $SIGNALBOX_HOME to a directory")
  const mode = (found.mode & 0o777).toString(8).padStart(4, "0")
  if (!isPrivate(found.mode)) return fail("home", `${home} has mode ${mode}`, `Run: chmod go-rwx ${home}`)
  const uid = process.getuid?.() ?? found.uid
  return uid === found.uid || uid === 0
    ? ok("home", home)
    : fail("home", `${home} belongs to another user`, "Set $SIGNALBOX_HOME to a directory of yours")
}

/** @param skewMs our time less the database's, when that could be asked */
export const clock = (nowMs: number, skewMs: number | undefined): Check => {
  const now = new Date(nowMs).toISOString()
  const mend = "Set the clock, for example: timedatectl set-ntp true"
  if (new Date(nowMs).getUTCFullYear() < 2026) return fail("clock", `it shows ${now}`, mend)
  if (skewMs === undefined || Math.abs(skewMs) < 2_000) return ok("clock", now)
  const detail = `${(Math.abs(skewMs) / 1000).toFixed(1)} s ${skewMs > 0 ? "ahead of" : "behind"} the database`
  return Math.abs(skewMs) > 60_000 ? fail("clock", detail, mend) : warn("clock", detail, mend)
}

const nearest = async (path: string): Promise<string> =>
  stat(path).then(
    () => path,
    () => (dirname(path) === path ? path : nearest(dirname(path)))
  )

/** First line of what a program says about itself, on whichever stream. */
const output = (file: string, args: ReadonlyArray<string>): Promise<string | undefined> =>
  run(file, [...args], { timeout: 5_000 }).then(
    ({ stdout, stderr }) => `${stdout}${stderr}`.split("\n")[0]?.trim() ?? "",
    () => undefined
  )
