/**
 * What systemd says of a unit, and whether it stays so.
 *
 * Owns: `systemctl show` and its reading, looking for a while. Does not own: acts (`acts.ts`), the look after the answer (`lasting.ts`).
 * Invariants: units come after `--`; what cannot be read is absent and never guessed; no password is ever asked for.
 */
import { setTimeout as delay } from "node:timers/promises"
import { type Ran, run } from "../child.ts"
import { startOf } from "../process/stat.ts"
import { clean } from "../text/clean.ts"

const properties = [
  "Id",
  "LoadState",
  "ActiveState",
  "SubState",
  "Result",
  "Type",
  "Description",
  "FragmentPath",
  "MainPID",
  "ExecMainStatus",
  "NRestarts",
  "InvocationID",
  "UnitFileState",
  "CanReload",
  "NeedDaemonReload",
  "ActiveEnterTimestamp",
  "ActiveEnterTimestampMonotonic",
  "ActiveExitTimestamp",
  "InactiveEnterTimestamp",
  "InactiveExitTimestamp",
  "MemoryCurrent",
  "TasksCurrent"
] as const

export interface Unit {
  readonly unit: string
  readonly load: string
  readonly active: string
  readonly sub: string
  readonly result: string
  readonly type: string
  readonly description: string
  readonly file: string
  /** 0: no main process. */
  readonly mainPid: number
  /** Clock ticks since boot; null without a main process. */
  readonly mainStarted: number | null
  readonly exitStatus: number | null
  readonly restarts: number
  readonly invocation: string
  readonly enabled: string
  readonly canReload: boolean
  /** When it came into the state it is in, as systemd writes it; empty: never, in this boot. */
  readonly since: string
  /** When it became active, in milliseconds of the clock of `process.hrtime`; null: it has not, or nobody can tell. */
  readonly activeAt: number | null
  readonly memoryBytes: number | null
}

export const systemctl = (args: ReadonlyArray<string>, signal: AbortSignal, timeoutMs?: number): Promise<Ran> =>
  run("systemctl", ["--no-ask-password", "--no-pager", ...args], {
    signal,
    ...(timeoutMs === undefined ? {} : { timeoutMs })
  })

/** Of what systemctl shows: `key=value` lines, the first `=` parts them. */
export const parseProperties = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split("\n").flatMap((line) => {
      const at = line.indexOf("=")
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : []
    })
  )

/** Which time tells since when; a unit that is down still has that of its last start. */
const entered: Readonly<Record<string, (typeof properties)[number]>> = {
  inactive: "InactiveEnterTimestamp",
  failed: "InactiveEnterTimestamp",
  activating: "InactiveExitTimestamp",
  deactivating: "ActiveExitTimestamp"
}

export const unitOf = (name: string, text: string, mainStarted: number | null): Unit => {
  const found = parseProperties(text)
  const word = (key: (typeof properties)[number]) => clean(found.get(key) ?? "", 300)
  return {
    unit: word("Id") || name,
    load: word("LoadState"),
    active: word("ActiveState"),
    sub: word("SubState"),
    result: word("Result"),
    type: word("Type"),
    description: word("Description"),
    file: word("FragmentPath"),
    mainPid: number(word("MainPID")) ?? 0,
    mainStarted,
    exitStatus: number(word("ExecMainStatus")),
    restarts: number(word("NRestarts")) ?? 0,
    invocation: word("InvocationID"),
    enabled: word("UnitFileState"),
    canReload: word("CanReload") === "yes",
    since: word(entered[word("ActiveState")] ?? "ActiveEnterTimestamp"),
    activeAt: millisOf(number(word("ActiveEnterTimestampMonotonic"))),
    memoryBytes: number(word("MemoryCurrent"))
  }
}

export const showUnit = async (name: string, signal: AbortSignal): Promise<Unit> => {
  const ran = await systemctl(["show", `--property=${properties.join(",")}`, "--", name], signal, 10_000)
  const mainPid = number(parseProperties(ran.stdout).get("MainPID") ?? "") ?? 0
  return unitOf(name, ran.stdout, mainPid === 0 ? null : await startOf(mainPid))
}

export const isThere = (unit: Unit): boolean => unit.load !== "not-found" && unit.load !== ""
/** Some units end at once and have done their work: their success is how they ended. */
export const isOneshot = (unit: Unit): boolean => unit.type === "oneshot"
export const runs = (unit: Unit): boolean =>
  unit.active === "active" || unit.active === "reloading" || unit.active === "refreshing"
export const didItsWork = (unit: Unit): boolean =>
  runs(unit) || (isOneshot(unit) && unit.active === "inactive" && unit.result === "success")

/** The same start of the same unit, with nothing in between. */
export const isSameRun = (a: Unit, b: Unit): boolean =>
  a.invocation === b.invocation &&
  a.mainPid === b.mainPid &&
  a.mainStarted === b.mainStarted &&
  a.restarts === b.restarts

const lookEvery = 250

export interface Look {
  readonly unit: Unit
  readonly steady: boolean
}

/** Looks at a unit again and again for so long; the first look that is not the same run, or not well, is the last. */
export const watchUnit = async (first: Unit, signal: AbortSignal, millis = 2_000): Promise<Look> => {
  if (!didItsWork(first)) return { unit: first, steady: false }
  let unit = first
  for (let waited = 0; waited < millis; waited += lookEvery) {
    await delay(lookEvery, undefined, { signal })
    unit = await showUnit(first.unit, signal)
    if (!didItsWork(unit) || !isSameRun(first, unit)) return { unit, steady: false }
  }
  return { unit, steady: true }
}

/** A unit that ends at once is seen to; one that ends later is told of after the answer (`lasting.ts`). */
const settleMillis = 250
/** Where systemd calls a unit active only when its program has said itself that it is up. */
const saidMillis = 100
const saysItself = new Set(["forking", "notify", "notify-reload", "dbus"])

/**
 * Whether what has just begun is the same run a moment after systemd took it for active. While its main process lives, that is asked of
 * the kernel: another run has another one.
 * @param now of the clock of `activeAt`
 */
export const settled = async (
  first: Unit,
  signal: AbortSignal,
  now = Number(process.hrtime.bigint() / 1_000_000n)
): Promise<Look> => {
  if (!didItsWork(first)) return { unit: first, steady: false }
  const moment = saysItself.has(first.type) ? saidMillis : settleMillis
  // a clock that cannot be compared spares nobody the whole wait
  const been = first.activeAt === null || first.activeAt > now ? 0 : now - first.activeAt
  if (been < moment) await delay(moment - been, undefined, { signal })
  if (first.mainStarted !== null && (await startOf(first.mainPid)) === first.mainStarted)
    return { unit: first, steady: true }
  const unit = await showUnit(first.unit, signal)
  return { unit, steady: didItsWork(unit) && isSameRun(first, unit) }
}

/** What of a unit goes into results. */
export const facts = (unit: Unit) => ({
  unit: unit.unit,
  active: unit.active,
  sub: unit.sub,
  result: unit.result,
  mainPid: unit.mainPid,
  restarts: unit.restarts,
  invocation: unit.invocation,
  enabled: unit.enabled,
  since: unit.since
})

/** For sentences: "failed (start-limit-hit)", "active (running)". */
export const stateWords = (unit: Unit): string =>
  unit.active === "failed" || unit.sub === "auto-restart"
    ? `${unit.active} (${unit.sub === "auto-restart" ? "restarting again and again" : unit.result}${unit.exitStatus ? `, exit code ${unit.exitStatus}` : ""})`
    : `${unit.active} (${unit.sub})`

const millisOf = (micros: number | null): number | null =>
  micros === null || micros === 0 ? null : Math.ceil(micros / 1_000)
const number = (text: string): number | null => (/^\d{1,15}$/u.test(text) ? Number(text) : null)
