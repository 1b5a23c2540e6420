/**
 * A scope of systemd around one program: the cgroup that holds all that it starts, whatever that does to get away.
 *
 * Owns: whether this host has scopes, what is run in one, its end. Does not own: the program, what is said of it (`shell.ts`).
 * Invariants: the scope is never used on trust, since the program's own cgroup is read before it begins; it ends with its program and
 * with the service that asked, when that dies or is told to stop; the program has the service's restrictions, because it is its child. What the program handed to another
 * service (systemd, cron, at) is that one's: only a cgroup is ended here.
 */
import { access, readFile } from "node:fs/promises"
import { type Ran, run, type RunOptions } from "./child.ts"
import { NotDone, Refused } from "./outcome.ts"
import { systemctl } from "./service/unit.ts"
import { clean } from "./text/clean.ts"

const endMs = 8_000
const nameLimit = 4 * 1024

/** Scopes are root's to make, where systemd is the first process. */
export const hasScopes = async (): Promise<boolean> =>
  process.getuid?.() === 0 &&
  (await access("/run/systemd/system").then(
    () => true,
    () => false
  ))

/** The program tells on a descriptor of its own where it is, and begins. */
const begin = 'cat /proc/self/cgroup >&3 && exec 3>&- && exec "$@"'

/** @throws Refused when there is no scope for it: then nothing was begun. */
export const runInScope = async (
  id: string,
  [program, ...args]: readonly [string, ...ReadonlyArray<string>],
  options: Omit<RunOptions, "onNote" | "onExit">
): Promise<Ran & { readonly unit: string; readonly left: string | undefined }> => {
  const unit = `signalbox-run-${id.replaceAll(/[^a-zA-Z0-9-]/gu, "")}.scope`
  const service = serviceIn(await readFile("/proc/self/cgroup", "utf8"))
  let where = ""
  let ending: Promise<string | undefined> | undefined
  const ran = await run(
    "systemd-run",
    [
      "--scope",
      "--quiet",
      "--no-ask-password",
      "--collect",
      `--unit=${unit}`,
      "--description=What Signalbox runs for a command of its hub",
      ...(service === undefined ? [] : [`--property=BindsTo=${service}`, `--property=After=${service}`]),
      "--",
      "/bin/sh",
      "-c",
      begin,
      "sh",
      program,
      ...args
    ],
    {
      ...options,
      onNote: (chunk) => (where = (where + chunk.toString("latin1")).slice(0, nameLimit)),
      // before its pipes are waited for: who got away may hold them
      onExit: () => void (ending = end(unit))
    }
  )
  const left = await ending
  if (isIn(where, unit)) return { ...ran, unit, left }
  if (ran.ended !== "by itself") throw new NotDone({ why: "Its time was over before systemd had a scope for it." })
  throw new Refused({
    why: `systemd gave it no scope in which all that it starts can be ended, so nothing was run: ${clean(ran.stderr, 400)}`
  })
}

/** Undefined: nothing is left in it. */
const end = async (unit: string): Promise<string | undefined> => {
  const signal = AbortSignal.timeout(endMs)
  try {
    await systemctl(["kill", "--signal=SIGKILL", "--", unit], signal, endMs)
    // returns when the last process is gone; a scope that is gone already is not loaded
    const stopped = await systemctl(["stop", "--", unit], signal, endMs)
    if (stopped.code === 0 || /not loaded/u.test(stopped.stderr)) return undefined
    return clean(stopped.stderr, 400) || `systemctl stop ${unit} did not come to its end`
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  }
}

/** The service that this process is of, if it is: `/proc/PID/cgroup` has a line for each hierarchy, one in version 2. */
export const serviceIn = (cgroup: string): string | undefined =>
  /^(?:0:|\d+:name=systemd):\/(?:[^\n/]+\/)*([a-zA-Z0-9@:._-]+\.service)$/mu.exec(cgroup)?.[1]

/** Whether it was there when it told of itself. */
export const isIn = (cgroup: string, unit: string): boolean =>
  cgroup.split("\n").some((line) => /^(?:0:|\d+:name=systemd):/u.test(line) && line.endsWith(`/${unit}`))
