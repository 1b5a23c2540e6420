/**
 * Taking a configuration change back: at once when it failed, by the timer when nobody held it, after a crash or a power cut.
 *
 * Owns: restore, recovery at start, release, what became of a held change. Does not own: making changes (`change.ts`).
 * Invariants: idempotent, and safe from two processes at once; only what the change itself put there is taken away: what somebody
 * wrote over it meanwhile stays and is said; bytes, owner, mode and attributes are those of before.
 */
import { randomUUID } from "node:crypto"
import { readdir, rm } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { NotDone, reasonOf } from "../outcome.ts"
import type { Performed } from "../Performer.ts"
import type { Surroundings } from "../Surroundings.ts"
import { bootId, disarmGuard } from "./guard.ts"
import { bringUp, judge } from "./judge.ts"
import { kindOf } from "./kinds.ts"
import {
  copyAttributes,
  exchange,
  isSameContent,
  isSameNode,
  look,
  makeLink,
  temporaryIn,
  writeFileWhole
} from "./node.ts"
import {
  type ChangeRecord,
  type Manifest,
  backupOf,
  finish,
  giveVerdict,
  readBackup,
  readRecord,
  recordIds,
  removeUnmade
} from "./store.ts"

export interface Back {
  readonly restored: boolean
  /** One sentence. */
  readonly note: string
}

const patience = 150_000

/** Called by the agent's `restore ID`, and whenever a change did not come to its good end. */
export const restoreChange = async (own: Surroundings, id: string): Promise<Back> => {
  const { stateDirectory } = own
  const { manifest, exchanging, finished } = await readRecord(stateDirectory, id)
  if (finished !== undefined) return { restored: finished.as === "restored", note: finished.note }
  if ((await giveVerdict(stateDirectory, id, "back")) === "keep") {
    const note = "The change was kept before the restore began."
    await finish(stateDirectory, id, { as: "kept", at: Date.now(), note })
    return { restored: false, note }
  }
  own.onStep?.("back")
  const foreign = await persistently(() => putBack(stateDirectory, manifest))
  own.onStep?.("back-service")
  const service = exchanging ? await serviceAfter(manifest) : ""
  const note = [
    foreign.length === 0
      ? `${manifest.places.map(({ path }) => path).join(" and ")} ${manifest.places.length === 1 ? "is" : "are"} as before the change.`
      : `${foreign.join(" and ")} was changed by somebody else meanwhile and was left alone.`,
    service
  ]
    .filter((one) => one !== "")
    .join(" ")
  await finish(stateDirectory, id, { as: "restored", at: Date.now(), note })
  await disarmGuard(id).catch(() => undefined) // its timer may be what runs this
  return { restored: true, note }
}

/** Another process that restores the same takes away what this one has made beside: then it is made again. */
const persistently = async <T>(attempt: () => Promise<T>): Promise<T> => {
  for (let left = 3; ; left--) {
    try {
      return await attempt()
    } catch (cause) {
      if (left === 0) throw cause
      await delay(100)
    }
  }
}

/** The paths that somebody else has changed since. */
const putBack = async (stateDirectory: string, manifest: Manifest): Promise<ReadonlyArray<string>> => {
  const foreign: Array<string> = []
  for (const [n, { path, before, after }] of [...manifest.places.entries()].toReversed()) {
    const temporary = temporaryIn(path, manifest.id, n)
    await removeBeside(temporary)
    const now = (await look(path)).node
    if (isSameNode(now, before)) continue
    if (!isSameContent(now, before) && !isSameContent(now, after)) {
      foreign.push(path)
      continue
    }
    if (before.kind === "absent") await exchange(null, path)
    else {
      const beside = `${temporary}-${randomUUID()}`
      if (before.kind === "link") await makeLink(beside, before.to)
      else {
        await writeFileWhole(beside, await readBackup(stateDirectory, manifest.id, n), before)
        await copyAttributes(backupOf(stateDirectory, manifest.id, n), beside, { times: true })
      }
      await exchange(beside, path)
    }
  }
  return foreign
}

/** What this change, or a restore of it that was ended, had made beside the path. */
const removeBeside = async (temporary: string): Promise<void> => {
  const directory = dirname(temporary)
  for (const name of await readdir(directory).catch(() => []))
    if (name === basename(temporary) || name.startsWith(`${basename(temporary)}-`))
      await rm(join(directory, name), { force: true })
}

/** The service is told even when the files were as before: nobody knows what it had read. */
const serviceAfter = async (manifest: Manifest): Promise<string> => {
  const [place] = manifest.places
  if (place === undefined) return ""
  const kind = kindOf(place.path)
  const signal = AbortSignal.timeout(patience)
  try {
    if (manifest.unit === null && kind.tell === undefined) return ""
    const judged = await judge(kind.checkAll?.(place.path), signal)
    if (judged?.agrees === false) return `${judged.checker} does not agree with what was before: ${judged.said}`
    const told = await bringUp(manifest.unit, kind, signal)
    return !told.well ? told.why : manifest.unit === null ? "" : `${manifest.unit} is active.`
  } catch (cause) {
    return `${manifest.unit ?? "The service"} could not be looked at: ${reasonOf(cause)}`
  }
}

/** The hub's word that it still reaches the agent. False: it came too late, and the configuration is as before. */
export const releaseGuard = async (own: Surroundings, id: string): Promise<boolean> => {
  const { finished, held } = await readRecord(own.stateDirectory, id)
  if (finished !== undefined) return finished.as === "kept"
  if (held === undefined) return false // not proven yet: its own end decides, whatever anybody says before
  if ((await giveVerdict(own.stateDirectory, id, "keep")) === "back") return false
  await disarmGuard(id)
  await finish(own.stateDirectory, id, {
    as: "kept",
    at: Date.now(),
    note: "The hub reached the agent after the change."
  })
  return true
}

export interface Recovered extends Back {
  readonly id: string
}

/** Once at the start of the helper, before it takes commands: finishes what a crash, a kill or a power cut left. */
export const recoverChanges = async (own: Surroundings): Promise<ReadonlyArray<Recovered>> => {
  await removeUnmade(own.stateDirectory)
  const boot = await bootId()
  const recovered: Array<Recovered> = []
  for (const id of await recordIds(own.stateDirectory)) {
    try {
      const record = await readRecord(own.stateDirectory, id)
      if (record.finished !== undefined || isHeldStill(record, boot, Date.now())) continue
      recovered.push({ id, ...(await restoreChange(own, id)) })
    } catch (cause) {
      recovered.push({ id, restored: false, note: reasonOf(cause) })
    }
  }
  return recovered
}

/** Its timer still runs: that ends with the boot. */
const isHeldStill = ({ held, verdict }: ChangeRecord, boot: string, now: number): boolean =>
  held !== undefined && verdict === undefined && held.bootId === boot && now < held.until

/**
 * For a change that was told to have succeeded, whenever its result is told (again): a hub that could not be reached has never heard of
 * the success, and must hear of the restore instead. Undefined: it was not restored.
 */
export const afterGuard = async (own: Surroundings, id: string): Promise<Performed | undefined> => {
  const record = await knownRecord(own, id)
  return record?.held !== undefined && record.finished?.as === "restored"
    ? {
        outcome: "rolled-back",
        summary: `The change was made and then restored by itself, because the hub did not say in time that it still reaches this agent. ${record.finished.note}`,
        data: { backup: id },
        proven: false
      }
    : undefined
}

const knownRecord = (own: Surroundings, id: string): Promise<ChangeRecord | undefined> =>
  readRecord(own.stateDirectory, id).catch((cause: unknown) => {
    if (cause instanceof NotDone) return undefined
    throw cause
  })

/** What a command that was interrupted became, for a receipt that says only that it was begun; undefined: nothing is known of it. */
export const afterCrash = async (own: Surroundings, id: string): Promise<Performed | undefined> => {
  const record = await knownRecord(own, id)
  if (record?.finished === undefined)
    return record?.held === undefined
      ? undefined
      : {
          outcome: "succeeded",
          summary: `The agent was ended after the change had been proven. It is restored by itself at ${new Date(record.held.until).toISOString()} unless the hub says before that it reaches the agent.`,
          data: { backup: id, heldUntil: record.held.until },
          proven: true
        }
  return record.finished.as === "restored"
    ? {
        outcome: "rolled-back",
        summary: `The agent was ended in the middle of the change. ${record.finished.note}`,
        data: { backup: id },
        proven: false
      }
    : {
        outcome: "succeeded",
        summary: `The agent was ended after the change had been proven. ${record.finished.note}`,
        data: { backup: id },
        proven: true
      }
}
