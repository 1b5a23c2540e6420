/**
 * system.reboot: its performer ends with the machine, and the proof is found by whoever starts after it.
 *
 * Owns: asking systemd, and judging by boot ids what became of it. Does not own: the receipt that keeps the boot id (agent).
 * Invariants: while the machine may still go down nothing is answered: the receipt stays "started", and the next start of the helper
 * asks `afterReboot` with the boot id that the receipt holds; a machine that did not go down in time is told as failed.
 */
import { setTimeout as delay } from "node:timers/promises"
import { NotDone } from "../outcome.ts"
import type { Performed, Performer } from "../Performer.ts"
import { systemctl } from "../service/unit.ts"
import { clean } from "../text/clean.ts"

/** How long a shutdown may take before it is told as failed; below the catalogue's time limit. */
const shutdownMillis = 9 * 60_000

export const reboot: Performer<"system.reboot"> = async (_args, of) => {
  const ran = await systemctl(["reboot", "--no-block", "--message=Signalbox"], of.signal, 30_000)
  if (ran.code !== 0) throw new NotDone({ why: `systemd did not take the reboot: ${clean(ran.stderr, 500)}` })
  // on purpose without the signal: the helper is stopped by the very reboot, which is no failure of it
  await delay(shutdownMillis)
  throw new NotDone({
    why: `The host was told to reboot and had not gone down after ${shutdownMillis / 60_000} minutes. Something holds it: systemctl list-jobs tells what.`
  })
}

export interface RebootReceipt {
  readonly bootId: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
}

/** For a reboot whose receipt says "started", at the start of the helper. */
export const afterReboot = (
  receipt: RebootReceipt,
  now: { readonly bootId: string; readonly at: number }
): Performed => {
  const back = receipt.bootId !== "" && now.bootId !== "" && receipt.bootId !== now.bootId
  const seconds = Math.max(0, Math.round((now.at - receipt.startedAt) / 1000))
  return {
    outcome: back ? "succeeded" : "failed",
    summary: back
      ? `The host was rebooted; its agent was back after ${seconds} s.`
      : "The agent was started anew but the host was not rebooted: its boot id is that of before.",
    data: { before: receipt.bootId, after: now.bootId, seconds },
    proven: back
  }
}
