/**
 * system.reboot: its performer ends with the machine, and the proof is found by whoever starts after it.
 *
 * Owns: asking systemd, the boot id of before, and judging by it what became of the reboot. Does not own: receipts (agent).
 * Invariants: the boot id is on the disk before systemd is asked; while the machine may still go down nothing is answered; a machine
 * that did not go down in time is told as failed.
 */
import { readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { Schema } from "effect"
import { bootId } from "../config/guard.ts"
import { syncDirectory, writeFileWhole } from "../config/node.ts"
import { makeDirectory } from "../config/store.ts"
import { NotDone, Refused } from "../outcome.ts"
import type { Performed, Performer } from "../Performer.ts"
import type { Surroundings } from "../Surroundings.ts"
import { systemctl } from "../service/unit.ts"
import { clean } from "../text/clean.ts"

/** How long a shutdown may take before it is told as failed; below the catalogue's time limit. */
const shutdownMillis = 9 * 60_000

const Asked = Schema.Struct({ bootId: Schema.String, at: Schema.Int })
export type Asked = typeof Asked.Type
const decodeAsked = Schema.decodeUnknownSync(Schema.fromJsonString(Asked))

const directory = (own: Surroundings): string => join(own.stateDirectory, "reboot")
const noteOf = (own: Surroundings, commandId: string): string => {
  if (!/^[0-9A-Za-z-]{1,80}$/u.test(commandId)) throw new Refused({ why: "This is no id of a command." })
  return join(directory(own), commandId)
}

export const reboot =
  (own: Surroundings): Performer<"system.reboot"> =>
  async (_args, of) => {
    const note = noteOf(own, of.commandId)
    await makeDirectory(directory(own))
    const asked: Asked = { bootId: await bootId(), at: Date.now() }
    await writeFileWhole(note, Buffer.from(JSON.stringify(asked)), {
      mode: 0o600,
      uid: process.geteuid?.() ?? 0,
      gid: process.getegid?.() ?? 0
    })
    await syncDirectory(directory(own))
    const ran = await systemctl(["reboot", "--no-block", "--message=Signalbox"], of.signal, 30_000)
    if (ran.code !== 0) {
      await rm(note, { force: true })
      throw new NotDone({ why: `systemd did not take the reboot: ${clean(ran.stderr, 500)}` })
    }
    // The shutdown ends this very process. Whoever waits for its acts to end would hold the shutdown up, and an answer would be a lie.
    process.once("SIGTERM", () => process.exit(0))
    await delay(shutdownMillis) // on purpose without the signal: that it ends is no failure of the reboot
    await rm(note, { force: true })
    throw new NotDone({
      why: `The host was told to reboot and had not gone down after ${shutdownMillis / 60_000} minutes. systemctl list-jobs tells what holds it.`
    })
  }

/** What became of a reboot whose receipt says only that it was begun; undefined: this id never asked for one. */
export const afterReboot = async (own: Surroundings, commandId: string): Promise<Performed | undefined> => {
  const text = await readFile(noteOf(own, commandId), "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined
    throw cause
  })
  return text === undefined ? undefined : judgeReboot(decodeAsked(text), { bootId: await bootId(), at: Date.now() })
}

export const judgeReboot = (before: Asked, now: Asked): Performed => {
  const back = before.bootId !== "" && now.bootId !== "" && before.bootId !== now.bootId
  const seconds = Math.max(0, Math.round((now.at - before.at) / 1000))
  return {
    outcome: back ? "succeeded" : "failed",
    summary: back
      ? `The host was rebooted; its agent was back after ${seconds} s.`
      : "The agent was started anew but the host was not rebooted: its boot id is that of before.",
    data: { before: before.bootId, after: now.bootId, seconds },
    proven: back
  }
}
