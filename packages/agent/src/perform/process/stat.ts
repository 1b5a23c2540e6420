/**
 * /proc/PID/stat: who a process is, told by its start time and not by its number alone.
 *
 * Owns: the reading of that one file. Does not own: lists (`list.ts`), signals (`signal.ts`).
 * Invariants: the command in parentheses may hold anything, parentheses and line breaks too; the fields begin after the last one.
 */
import { readFile } from "node:fs/promises"

export interface Stat {
  readonly pid: number
  readonly command: string
  readonly state: string
  readonly parent: number
  readonly ofKernel: boolean
  /** Clock ticks spent in user and kernel mode. */
  readonly ticks: number
  /** Clock ticks since boot. */
  readonly started: number
  readonly residentPages: number
}

/** PF_KTHREAD: in a container number 2 is a process like others. */
const kernelThread = 0x0020_0000

export const parseStat = (text: string): Stat | undefined => {
  const open = text.indexOf("(")
  const close = text.lastIndexOf(")")
  if (open < 1 || close < open) return undefined
  const fields = text
    .slice(close + 2)
    .trim()
    .split(" ")
  const at = (field: number): number => Number(fields[field - 3] ?? Number.NaN)
  const stat = {
    pid: Number(text.slice(0, open)),
    command: text.slice(open + 1, close),
    state: fields[0] ?? "",
    parent: at(4),
    ofKernel: (at(9) & kernelThread) !== 0,
    ticks: at(14) + at(15),
    started: at(22),
    residentPages: at(24)
  }
  return Number.isSafeInteger(stat.pid) && Number.isSafeInteger(stat.started) ? stat : undefined
}

export const readStat = async (pid: number): Promise<Stat | undefined> => {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined)
  return text === undefined ? undefined : parseStat(text)
}

/** Null: there is no such process, or it has ended and nobody has taken note yet. */
export const startOf = async (pid: number): Promise<number | null> => {
  const stat = await readStat(pid)
  return stat === undefined || stat.state === "Z" || stat.state === "X" ? null : stat.started
}
