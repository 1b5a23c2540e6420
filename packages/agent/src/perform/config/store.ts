/**
 * The record of every configuration change: what was before, what was to be, and how it ended. It is the backup, too.
 *
 * Owns: the files below `stateDirectory/config`. Does not own: the configuration files themselves (`node.ts`).
 * Layout: `ID/manifest.json`, `ID/before-N` (the old file with all its attributes), `ID/exchanging` (the service may have seen the new),
 * `ID/verdict` (keep or back), `ID/held.json` (waits for the hub's word), `ID/finished.json`.
 * Invariants: a record is complete before anything is changed (made beside, synced, renamed); the verdict is written once and the first
 * writer wins, whichever process that is; a record without `finished.json` is unfinished business of `back.ts`.
 */
import { randomUUID } from "node:crypto"
import { constants } from "node:fs"
import { link, lstat, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Schema } from "effect"
import { NotDone, Refused, reasonOf } from "../outcome.ts"
import { type Attributes, Node, copyAttributes, sha256, syncDirectory, writeFileWhole } from "./node.ts"

export const BackupId = Schema.String.check(Schema.isPattern(/^[0-9A-Za-z][0-9A-Za-z-]{0,79}$/u))
const isBackupId = Schema.is(BackupId)

const Place = Schema.Struct({ path: Schema.String, before: Node, after: Node })
export type Place = typeof Place.Type

export const Manifest = Schema.Struct({
  v: Schema.Literal(1),
  id: BackupId,
  action: Schema.String,
  /** Milliseconds since 1970. */
  at: Schema.Int,
  bootId: Schema.String,
  places: Schema.Array(Place),
  /** The service that the configuration belongs to, when it ran before. */
  unit: Schema.NullOr(Schema.String)
})
export type Manifest = typeof Manifest.Type

export const Verdict = Schema.Literals(["keep", "back"])
export type Verdict = typeof Verdict.Type
const Held = Schema.Struct({ until: Schema.Int, bootId: Schema.String })
export type Held = typeof Held.Type
const Finished = Schema.Struct({ as: Schema.Literals(["kept", "restored"]), at: Schema.Int, note: Schema.String })
export type Finished = typeof Finished.Type

const decodeManifest = Schema.decodeUnknownSync(Schema.fromJsonString(Manifest))
const decodeVerdict = Schema.decodeUnknownSync(Schema.fromJsonString(Verdict))
const decodeHeld = Schema.decodeUnknownSync(Schema.fromJsonString(Held))
const decodeFinished = Schema.decodeUnknownSync(Schema.fromJsonString(Finished))

export interface ChangeRecord {
  readonly manifest: Manifest
  readonly exchanging: boolean
  readonly verdict: Verdict | undefined
  readonly held: Held | undefined
  readonly finished: Finished | undefined
}

const own: Attributes = { mode: 0o600, uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
const root = (stateDirectory: string): string => join(stateDirectory, "config")
const making = ".new-"

export const recordDirectory = (stateDirectory: string, id: string): string => {
  const fits: boolean = isBackupId(id)
  if (!fits) throw new Refused({ why: `${id.slice(0, 100)} is no id of a change.` })
  return join(root(stateDirectory), id)
}
export const backupOf = (stateDirectory: string, id: string, n: number): string =>
  join(recordDirectory(stateDirectory, id), `before-${n}`)

/** @throws Refused when this id has a record already: the same command is not carried out twice */
export const beginRecord = async (
  stateDirectory: string,
  manifest: Manifest,
  contents: ReadonlyArray<Buffer | null>
): Promise<void> => {
  const directory = recordDirectory(stateDirectory, manifest.id)
  const beside = join(root(stateDirectory), `${making}${manifest.id}`)
  if (await exists(directory))
    throw new Refused({ why: `The change ${manifest.id} was begun before and is not begun again.` })
  try {
    await makeDirectory(root(stateDirectory))
    await rm(beside, { recursive: true, force: true })
    await mkdir(beside, { mode: 0o700 })
    for (const [n, { path, before }] of manifest.places.entries()) {
      if (before.kind !== "file") continue
      const bytes = contents[n]
      if (!bytes || sha256(bytes) !== before.sha256) throw new Error(`${path} was not read whole`)
      const backup = join(beside, `before-${n}`)
      await writeFileWhole(backup, bytes, own)
      await copyAttributes(path, backup, { times: true })
    }
    await writeFileWhole(join(beside, "manifest.json"), json(manifest), own)
    await syncDirectory(beside)
    await rename(beside, directory)
  } catch (cause) {
    await rm(beside, { recursive: true, force: true }).catch(() => undefined) // the next start does it
    throw new Refused({ why: `Nothing was changed, because no backup could be made: ${reasonOf(cause)}` })
  }
  await syncDirectory(root(stateDirectory))
}

/** With all above it that was not there, each on the disk: a record in a directory that a power cut takes away is none. */
export const makeDirectory = async (path: string): Promise<void> => {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let at = path; at !== dirname(first); at = dirname(at)) await syncDirectory(dirname(at))
}

/** The first verdict stands, whoever gave it. */
export const giveVerdict = async (stateDirectory: string, id: string, verdict: Verdict): Promise<Verdict> => {
  const directory = recordDirectory(stateDirectory, id)
  const path = join(directory, "verdict")
  const beside = join(directory, `verdict-${randomUUID()}`)
  await writeFileWhole(beside, json(verdict), own)
  try {
    // a link is made or not: a verdict is never there by halves
    await link(beside, path)
    await syncDirectory(directory)
    return verdict
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause // Node's own errors have it
    return decodeVerdict(await readFile(path, "utf8"))
  } finally {
    await rm(beside, { force: true })
  }
}

/** Before the first exchange. */
export const beginExchange = async (stateDirectory: string, id: string): Promise<void> => {
  const directory = recordDirectory(stateDirectory, id)
  await writeFileWhole(join(directory, "exchanging"), Buffer.alloc(0), own)
  await syncDirectory(directory)
}

export const hold = (stateDirectory: string, id: string, held: Held): Promise<void> =>
  replace(stateDirectory, id, "held.json", held)
export const finish = (stateDirectory: string, id: string, finished: Finished): Promise<void> =>
  replace(stateDirectory, id, "finished.json", finished)

const replace = async (stateDirectory: string, id: string, name: string, value: Held | Finished): Promise<void> => {
  const directory = recordDirectory(stateDirectory, id)
  const beside = join(directory, `${name}.${randomUUID()}`)
  await writeFileWhole(beside, json(value), own)
  await rename(beside, join(directory, name))
  await syncDirectory(directory)
}

export const readRecord = async (stateDirectory: string, id: string): Promise<ChangeRecord> => {
  const directory = recordDirectory(stateDirectory, id)
  const part = async <T>(name: string, decode: (text: string) => T): Promise<T | undefined> => {
    const text = await readFile(join(directory, name), "utf8").catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return undefined
      throw cause
    })
    return text === undefined ? undefined : decode(text)
  }
  const manifest = await part("manifest.json", decodeManifest)
  if (manifest === undefined) throw new NotDone({ why: `There is no record of a change ${id}.` })
  const [exchanging, verdict, held, finished] = await Promise.all([
    exists(join(directory, "exchanging")),
    part("verdict", decodeVerdict),
    part("held.json", decodeHeld),
    part("finished.json", decodeFinished)
  ])
  return { manifest, exchanging, verdict, held, finished }
}

/** Ids of all records; records that were never completed are removed on the way when it is asked for. */
export const recordIds = async (stateDirectory: string): Promise<ReadonlyArray<string>> => {
  const names = await readdir(root(stateDirectory)).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return []
    throw cause
  })
  return names.filter((name) => isBackupId(name))
}

/** Newest first. A record that cannot be read is passed over: one damaged backup does not hide the others. */
export const allRecords = async (stateDirectory: string): Promise<ReadonlyArray<ChangeRecord>> => {
  const ids = await recordIds(stateDirectory)
  const read = await Promise.all(ids.map((id) => readRecord(stateDirectory, id).catch(() => undefined)))
  return read.filter((one) => one !== undefined).toSorted((a, b) => b.manifest.at - a.manifest.at)
}

/** What a crash left of records that were being made: nothing was changed for them. */
export const removeUnmade = async (stateDirectory: string): Promise<void> => {
  const names = await readdir(root(stateDirectory)).catch(() => [])
  for (const name of names)
    if (name.startsWith(making)) await rm(join(root(stateDirectory), name), { recursive: true, force: true })
}

const keptPerPath = 20

/** Keeps the newest backups of each path, and as many of what was restored: failures do not push backups out. */
export const prune = async (stateDirectory: string): Promise<void> => {
  const seen = new Map<string, number>()
  for (const { manifest, finished } of await allRecords(stateDirectory)) {
    if (finished === undefined) continue
    const key = `${finished.as} ${manifest.places[0]?.path ?? ""}`
    const count = (seen.get(key) ?? 0) + 1
    seen.set(key, count)
    if (count <= keptPerPath) continue
    const going = join(root(stateDirectory), `${making}${manifest.id}`)
    await rename(recordDirectory(stateDirectory, manifest.id), going) // gone at once, even when the rest is interrupted
    await rm(going, { recursive: true, force: true })
  }
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false
  )

const json = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value)}\n`)

/** A file of the record, for restoring. @throws NotDone when it is not what was put there */
export const readBackup = async (stateDirectory: string, id: string, n: number, tag: string): Promise<Buffer> => {
  const path = backupOf(stateDirectory, id, n)
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const bytes = await handle.readFile()
    if (sha256(bytes) !== tag) throw new NotDone({ why: `The backup ${path} is damaged and is not put anywhere.` })
    return bytes
  } finally {
    await handle.close()
  }
}
