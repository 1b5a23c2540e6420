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
import { NotDone, Refused, reasonOf } from "../outcome.ts"
import type { Performed } from "../Performer.ts"
import type { Surroundings } from "../Surroundings.ts"
import { bootId, disarmGuard, isArmed } from "./guard.ts"
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
  allRecords,
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
  const service = exchanging ? await serviceAfter(own, manifest) : ""
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

/** Another process that restores the same takes away what this one has made beside, and is told so: then it is made again. */
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
    const now = await look(path).then(
      ({ node }) => node,
      (cause: unknown) => {
        // a directory, a device, a file without end: whoever made it there knows why
        if (cause instanceof Refused) return undefined
        throw cause
      }
    )
    if (now !== undefined && isSameNode(now, before)) continue
    if (now === undefined || !isSameContent(now, after)) {
      // the old content with other rights than the change would give it: nothing is left of the change, and somebody set the rights
      if (now === undefined || !isSameContent(now, before)) foreign.push(path)
      continue
    }
    const beside = before.kind === "absent" ? null : `${temporary}-${randomUUID()}`
    if (before.kind === "link" && beside !== null) await makeLink(beside, before.to)
    if (before.kind === "file" && beside !== null) {
      await writeFileWhole(beside, await readBackup(stateDirectory, manifest.id, n, before.sha256), before)
      await copyAttributes(backupOf(stateDirectory, manifest.id, n), beside, { times: true })
    }
    // making it took a while: somebody may have written in it
    if (isSameNode((await look(path)).node, now)) await exchange(beside, path)
    else {
      if (beside !== null) await rm(beside, { force: true })
      foreign.push(path)
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
const serviceAfter = async (own: Surroundings, manifest: Manifest): Promise<string> => {
  const [place] = manifest.places
  if (place === undefined) return ""
  const kind = kindOf(place.path)
  const signal = AbortSignal.timeout(patience)
  try {
    if (manifest.unit === null && kind.tell === undefined) return ""
    const before =
      place.before.kind === "file" ? [await readBackup(own.stateDirectory, manifest.id, 0, place.before.sha256)] : []
    const judged = await judge(
      kind.checkAll?.(place.path),
      signal,
      before.map((bytes) => bytes.toString())
    )
    if (judged?.agrees === false) return `${judged.checker} does not agree with what was before: ${judged.said}`
    const told = await bringUp(manifest.unit, kind, signal)
    return !told.well ? told.why : manifest.unit === null ? "" : `${manifest.unit} is active.`
  } catch (cause) {
    return `${manifest.unit ?? "The service"} could not be looked at: ${reasonOf(cause)}`
  }
}

/** The hub's word that it still reaches the agent. False: it came too late, and the configuration is as before. */
export const releaseGuard = async (own: Surroundings, id: string): Promise<boolean> => {
  const record = await knownRecord(own, id)
  if (record === undefined) return true // it was so already: nothing was changed, and nothing is held
  const { finished, held } = record
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
      if (record.finished !== undefined || (await isHeldStill(record, boot, Date.now()))) continue
      recovered.push({ id, ...(await restoreChange(own, id)) })
    } catch (cause) {
      recovered.push({ id, restored: false, note: reasonOf(cause) })
    }
  }
  return recovered
}

/** Its timer still runs: that ends with the boot, and is what restores it whatever the clock of the host says. */
const isHeldStill = async ({ manifest, held, verdict }: ChangeRecord, boot: string, now: number): Promise<boolean> =>
  held !== undefined &&
  verdict === undefined &&
  held.bootId === boot &&
  ((manifest.at <= now && now < held.until) || (await isArmed(manifest.id)))

/**
 * Before a change of these paths: what an earlier one left unfinished is finished, and nothing is built upon what may still be taken
 * back by itself, because then it could not be.
 * @throws Refused
 */
export const refuseUnfinished = async (own: Surroundings, paths: ReadonlyArray<string>): Promise<void> => {
  const boot = await bootId()
  const records = await allRecords(own.stateDirectory).catch((cause: unknown) => {
    throw new Refused({
      why: `Nothing was changed, because the records of earlier changes cannot be read: ${reasonOf(cause)}`
    })
  })
  for (const record of records) {
    const { id, places } = record.manifest
    const shared = places.find(({ path }) => paths.includes(path))
    if (record.finished !== undefined || shared === undefined) continue
    if (await isHeldStill(record, boot, Date.now()))
      throw new Refused({
        why: `The change ${id} of ${shared.path} still waits for the word that the hub reaches this agent, and is restored by itself without it. Try again when that is over.`
      })
    await restoreChange(own, id).catch((cause: unknown) => {
      throw new Refused({
        why: `The change ${id} of ${shared.path} was interrupted and could not be taken back yet: ${reasonOf(cause)}`
      })
    })
  }
}

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
