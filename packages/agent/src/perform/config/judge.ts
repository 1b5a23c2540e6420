/**
 * What others say of a configuration: its checker, and its service once it was told.
 *
 * Owns: running checkers, reloading, looking whether the service goes on. Does not own: which they are (`kinds.ts`), what follows from
 * what they say (`change.ts`, `back.ts`).
 * Invariants: what checkers print is text of strangers and may quote secrets: it is masked, cleaned and cut.
 */
import { mkdir, readdir } from "node:fs/promises"
import { setTimeout as delay } from "node:timers/promises"
import { programPath, run } from "../child.ts"
import { readStat } from "../process/stat.ts"
import {
  type Unit,
  facts,
  isSameRun,
  isThere,
  runs,
  showUnit,
  stateWords,
  systemctl,
  watchUnit
} from "../service/unit.ts"
import { clean } from "../text/clean.ts"
import { mask, maskSaid } from "../text/mask.ts"
import type { Argv, Kind } from "./kinds.ts"

export interface Judgement {
  readonly checker: string
  readonly agrees: boolean
  readonly said: string
}

/** Undefined: nobody can judge it here. `texts` are those that are judged: secrets in them may be quoted. */
export const judge = async (
  argv: Argv | undefined,
  signal: AbortSignal,
  texts: ReadonlyArray<string> = []
): Promise<Judgement | undefined> => {
  if (argv === undefined) return undefined
  const [program, ...args] = argv
  if ((await programPath(program)) === undefined) return undefined
  // sshd refuses to judge without it, and where sshd is started by its socket nobody has made it yet
  if (program === "sshd") await mkdir("/run/sshd", { recursive: true, mode: 0o755 }).catch(() => undefined)
  const ran = await run(program, args, { signal, timeoutMs: 25_000 })
  return {
    checker: [program, ...args.filter((arg) => arg.startsWith("-"))].join(" "),
    agrees: ran.code === 0 && ran.ended === "by itself",
    said:
      ran.ended === "by itself"
        ? clean(maskSaid(`${ran.stderr}\n${ran.stdout}`, ...texts), 800)
        : `${program} did not come to its end in time`
  }
}

export const isJudged = async (kind: Kind, file: string): Promise<boolean> => {
  const programs = [kind.checkFile?.(file)?.[0], kind.checkAll?.(file)?.[0]].filter((one) => one !== undefined)
  const paths = await Promise.all(programs.map(programPath))
  return programs.length > 0 && paths.every((path) => path !== undefined)
}

/** The service of a kind of configuration when it runs. */
export const serviceOf = async (kind: Kind, signal: AbortSignal): Promise<Unit | undefined> => {
  for (const name of kind.units ?? []) {
    const unit = await showUnit(name, signal)
    if (isThere(unit)) return runs(unit) ? unit : undefined
  }
  return undefined
}

export interface Told {
  readonly well: boolean
  readonly why: string
  readonly unit: Unit | undefined
}

/** Reloads the service and looks whether it goes on as the same run and took what it was given. */
export const tell = async (kind: Kind, before: Unit | undefined, signal: AbortSignal): Promise<Told> => {
  if (kind.tell !== undefined) {
    const [program, ...args] = kind.tell
    const ran = await run(program, args, { signal })
    if (ran.code !== 0)
      return {
        well: false,
        why: `${program} ${args.join(" ")} failed: ${clean(mask(ran.stderr), 500)}`,
        unit: undefined
      }
  }
  return before === undefined
    ? { well: true, why: "", unit: undefined }
    : apply(kind, before, kind.newWorkers === true, signal)
}

const apply = async (kind: Kind, before: Unit, newWorkers: boolean, signal: AbortSignal): Promise<Told> =>
  kind.socket !== undefined && runs(await showUnit(kind.socket, signal))
    ? restart(before, signal)
    : reload(before, newWorkers, signal)

const restart = async (before: Unit, signal: AbortSignal): Promise<Told> => {
  const ran = await systemctl(["restart", "--", before.unit], signal, 90_000)
  const { unit, steady } = await watchUnit(await showUnit(before.unit, signal), signal)
  return steady && unit.invocation !== before.invocation
    ? { well: true, why: "", unit }
    : {
        well: false,
        why: `${before.unit} did not come back after the restart: it is ${stateWords(unit)}. ${clean(mask(ran.stderr), 300)}`.trim(),
        unit
      }
}

const reload = async (before: Unit, newWorkers: boolean, signal: AbortSignal): Promise<Told> => {
  const workers = newWorkers ? await workersOf(before.mainPid) : new Set<string>()
  const ran = await systemctl(["reload", "--", before.unit], signal, 90_000)
  if (ran.code !== 0) {
    const unit = await showUnit(before.unit, signal)
    return {
      well: false,
      why: `${before.unit} could not be reloaded (${stateWords(unit)}): ${clean(mask(ran.stderr), 500)}`,
      unit
    }
  }
  const { unit, steady } = await watchUnit(await settled(before.unit, signal), signal)
  if (!steady || !isSameRun(before, unit))
    return { well: false, why: `${before.unit} did not go on after the reload: it is ${stateWords(unit)}.`, unit }
  if (newWorkers && !(await hasNewWorkers(before.mainPid, workers)))
    return {
      well: false,
      why: `${before.unit} was reloaded but its processes are those of before: it did not take the new configuration. Its log says why.`,
      unit
    }
  return { well: true, why: "", unit }
}

/** After a restore: whatever state the service is in, it is brought to run with what is there now. */
export const bringUp = async (name: string | null, kind: Kind, signal: AbortSignal): Promise<Told> => {
  const said = kind.tell === undefined ? undefined : await run(kind.tell[0], kind.tell.slice(1), { signal })
  if (name === null) {
    const well = said === undefined || said.code === 0
    return {
      well,
      why: well ? "" : `${kind.tell?.join(" ") ?? ""} failed: ${clean(mask(said.stderr), 300)}`,
      unit: undefined
    }
  }
  const before = await showUnit(name, signal)
  if (runs(before)) {
    const told = await apply(kind, before, false, signal)
    if (told.well) return told
  }
  await systemctl(["reset-failed", "--", name], signal, 10_000)
  await systemctl([runs(before) ? "restart" : "start", "--", name], signal, 90_000)
  const { unit, steady } = await watchUnit(await showUnit(name, signal), signal)
  return { well: steady, why: steady ? "" : `${name} is ${stateWords(unit)} after the restore.`, unit }
}

export const unitFacts = (unit: Unit | undefined) => (unit === undefined ? null : facts(unit))

const settled = async (name: string, signal: AbortSignal): Promise<Unit> => {
  for (;;) {
    const unit = await showUnit(name, signal)
    if (unit.active !== "reloading" && unit.active !== "refreshing") return unit
    await delay(200, undefined, { signal })
  }
}

/** Children of a process, each as "pid start-time". */
const workersOf = async (parent: number): Promise<ReadonlySet<string>> => {
  if (parent === 0) return new Set()
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/u.test(name))
  const stats = await Promise.all(pids.map((pid) => readStat(Number(pid))))
  return new Set(stats.flatMap((stat) => (stat?.parent === parent ? [`${stat.pid} ${stat.started}`] : [])))
}

const hasNewWorkers = async (parent: number, before: ReadonlySet<string>): Promise<boolean> => {
  for (let look = 0; look < 20; look++) {
    for (const worker of await workersOf(parent)) if (!before.has(worker)) return true
    await delay(200)
  }
  return false
}
