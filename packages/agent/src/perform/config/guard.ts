/**
 * The restore by itself: a timer of systemd that outlives this agent, its helper and the connection to the hub.
 *
 * Owns: the timer and the time of a hold. Does not own: the restore (`back.ts`), the hub's word (agent).
 * Invariants: the timer runs before anything is changed; it is ended only after the verdict `keep` is on the disk, so that of the two
 * words the first to be written holds.
 */
import { readFile } from "node:fs/promises"
import { run } from "../child.ts"
import { Refused } from "../outcome.ts"
import { systemctl } from "../service/unit.ts"
import type { Surroundings } from "../Surroundings.ts"
import { clean } from "../text/clean.ts"

const timerOf = (id: string): string => `signalbox-restore-${id}`

export const armGuard = async (own: Surroundings, id: string, millis: number, signal: AbortSignal): Promise<void> => {
  const seconds = Math.max(1, Math.ceil(millis / 1000))
  const ran = await run(
    "systemd-run",
    [
      "--quiet",
      "--no-ask-password",
      `--unit=${timerOf(id)}`,
      `--description=Signalbox restores the configuration of change ${id} unless it is told not to`,
      `--on-active=${seconds}s`,
      "--timer-property=AccuracySec=100ms",
      "--collect",
      "--",
      ...own.agentCommand,
      "restore",
      id
    ],
    { signal, timeoutMs: 15_000 }
  )
  if (ran.code !== 0)
    throw new Refused({
      why: `Nothing was changed, because the restore by itself could not be prepared: ${clean(ran.stderr, 400)}`
    })
}

export const disarmGuard = async (id: string): Promise<void> => {
  await systemctl(["stop", "--", `${timerOf(id)}.timer`], AbortSignal.timeout(10_000), 10_000)
}

/** Unknown is no: then it is for whoever asks to restore. */
export const isArmed = async (id: string): Promise<boolean> => {
  const ran = await systemctl(["is-active", "--", `${timerOf(id)}.timer`], AbortSignal.timeout(10_000), 10_000).catch(
    () => undefined
  )
  return ran?.code === 0
}

export const bootId = async (): Promise<string> => (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim()
