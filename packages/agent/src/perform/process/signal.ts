/**
 * process.signal: ends one process, told by number and start time.
 *
 * Owns: that it is that very process, and the wait for its end. Does not own: who it is (`stat.ts`).
 * Invariants: neither the first process, nor the kernel's, nor this agent and those it hangs on; a number that was given to another
 * process meanwhile is refused.
 */
import { readFile } from "node:fs/promises"
import { setTimeout as delay } from "node:timers/promises"
import { NotDone, Refused, reasonOf } from "../outcome.ts"
import type { Performer } from "../Performer.ts"
import { clean } from "../text/clean.ts"
import { readStat, startOf } from "./stat.ts"

const goneMillis = 20_000

export const signalProcess: Performer<"process.signal"> = async ({ pid, started, signal }, of) => {
  const stat = await readStat(pid)
  if (stat === undefined) throw new Refused({ why: `There is no process ${pid} any more.` })
  if (stat.started !== started)
    throw new Refused({
      why: `Process ${pid} is another one by now: it began at ${stat.started} and not at ${started}.`
    })
  if (stat.ofKernel) throw new Refused({ why: `Process ${pid} belongs to the kernel.` })
  const [status, group] = await Promise.all([proc(pid, "status"), proc(pid, "cgroup")])
  if (!new RegExp(`^Tgid:\\s+${pid}$`, "mu").test(status))
    throw new Refused({ why: `${pid} is a thread of another process, which would get the signal. Name the process.` })
  if ((await ancestors()).has(pid) || /\/signalbox-[\w@.-]*\.(?:service|socket)/u.test(group))
    throw new Refused({ why: `Process ${pid} is this agent, what it hangs on, or what it runs right now.` })
  const facts = { pid, started, signal, command: clean(stat.command, 60) }
  try {
    process.kill(pid, `SIG${signal}`)
  } catch (cause) {
    throw new NotDone({ why: `Process ${pid} could not be sent ${signal}: ${reasonOf(cause)}` })
  }
  if (signal === "HUP")
    return {
      outcome: "succeeded",
      summary: `Process ${pid} (${facts.command}) was sent HUP; nothing proves what it made of it.`,
      data: facts,
      proven: false
    }
  const until = performance.now() + goneMillis
  while ((await startOf(pid)) === started) {
    if (performance.now() > until)
      return {
        outcome: "failed",
        summary: `Process ${pid} (${facts.command}) was sent ${signal} and still runs after ${goneMillis / 1000} s.`,
        data: facts,
        proven: false
      }
    await delay(50, undefined, { signal: of.signal })
  }
  return { outcome: "succeeded", summary: `Process ${pid} (${facts.command}) is gone.`, data: facts, proven: true }
}

const proc = (pid: number, name: string): Promise<string> => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "")

const ancestors = async (): Promise<ReadonlySet<number>> => {
  const found = new Set<number>([1])
  for (let pid = process.pid; pid > 1 && !found.has(pid);) {
    found.add(pid)
    pid = (await readStat(pid))?.parent ?? 0
  }
  return found
}
