/**
 * config.read, validate, write, set, backups and restore.
 *
 * Owns: which files they may touch, tags, what is told of contents. Does not own: the order of a change (`change.ts`), formats
 * (`edit/`), sites (`site.ts`).
 * Invariants: only below the roots, wherever links lead; secrets are masked in what is told, and a masked text is never written back;
 * a change is made to what the tag says and to nothing else.
 */
import { realpath } from "node:fs/promises"
import { isSecretPath, isBelow, openPlain, readStart, readWhole } from "../file/open.ts"
import { NotDone, Refused, reasonOf } from "../outcome.ts"
import type { Performer } from "../Performer.ts"
import type { Surroundings } from "../Surroundings.ts"
import { cleanLines, fitting, listBytes } from "../text/clean.ts"
import { isSecretName, mark, mask } from "../text/mask.ts"
import { type Change, change } from "./change.ts"
import { edit, valueOf } from "./edit/Edit.ts"
import { refuseOverridden } from "./included.ts"
import { judge } from "./judge.ts"
import { kindOf } from "./kinds.ts"
import { type Node, isSameContent, look, sha256 } from "./node.ts"
import { type ChangeRecord, allRecords, backupOf, readBackup } from "./store.ts"
import { closedWay } from "./way.ts"

const configRoots = ["/etc", "/usr/local/etc"]
const readLimit = 512 * 1024
/** Accounts, what the loader and the machine itself are told by, and what runs this agent: changed by programs of their own only. */
const neverWritten =
  /^\/etc\/(?:(?:passwd|group|g?shadow|sub[ug]id|ld\.so\.preload|machine-id|mtab)-?$|systemd\/system\/(?:.*\/)?signalbox-)/u

export const rootsOf = (own: Surroundings): ReadonlyArray<string> => own.configRoots ?? configRoots

export const readConfig =
  (own: Surroundings): Performer<"config.read"> =>
  async ({ path }) => {
    const opened = await openPlain(path, { roots: rootsOf(own), own: own.ownPaths })
    try {
      const bytes = await readWhole(opened.handle, opened.path, readLimit)
      const stat = await opened.handle.stat()
      const text = utf8(bytes)
      const masked = text === undefined ? undefined : mask(text)
      const shown = masked === undefined ? "" : cleanLines(masked, listBytes)
      return {
        outcome: "succeeded",
        summary: `${opened.path}: ${bytes.length} bytes${masked === text ? "" : text === undefined ? ", which are no text" : ", secrets masked"}.`,
        data: {
          path: opened.path,
          content: text === undefined ? null : shown,
          masked: masked !== text,
          /** False: cut, masked or cleaned, so that it is not what is in the file. */
          exact: shown === text,
          sha256: sha256(bytes),
          bytes: bytes.length,
          mode: (stat.mode & 0o7777).toString(8).padStart(4, "0"),
          uid: stat.uid,
          gid: stat.gid,
          changedAt: stat.mtime.toISOString(),
          kind: kindOf(opened.path).name
        }
      }
    } finally {
      await opened.handle.close()
    }
  }

export const validateConfig =
  (own: Surroundings): Performer<"config.validate"> =>
  async ({ path }, of) => {
    const opened = await openPlain(path, { roots: rootsOf(own), own: own.ownPaths })
    const { bytes } = await readStart(opened.handle, readLimit).finally(() => opened.handle.close())
    const kind = kindOf(opened.path)
    const texts = [bytes.toString()]
    const judgements = [
      await judge(kind.checkFile?.(opened.path), of.signal, texts),
      await judge(kind.checkAll?.(opened.path), of.signal, texts)
    ].filter((one) => one !== undefined)
    if (judgements.length === 0) throw new NotDone({ why: `This host has no checker for ${opened.path}.` })
    const against = judgements.find((one) => !one.agrees)
    return {
      outcome: "succeeded",
      summary:
        against === undefined
          ? `${judgements.map((one) => one.checker).join(" and ")} agrees.`
          : `${against.checker} does not agree: ${against.said}`,
      data: { path: opened.path, valid: against === undefined, checkers: judgements.map((one) => ({ ...one })) }
    }
  }

export const writeConfig =
  (own: Surroundings): Performer<"config.write"> =>
  async ({ path, content, tag }, of) => {
    if (content.includes(mark))
      throw new Refused({
        why: `The new content holds ${mark}, so it was made from a text whose secrets were masked. Use config.set, or write the real value.`
      })
    const bytes = Buffer.from(content)
    if (bytes.toString() !== content) throw new Refused({ why: "The new content holds halves of characters." })
    const at = await changeable(own, path)
    const seen = await look(at)
    if (tag === undefined && seen.node.kind !== "absent")
      throw new Refused({
        why: `${at} exists. Give the SHA-256 that it has (config.read tells it), so that nobody's change is lost.`
      })
    if (tag !== undefined && (seen.node.kind !== "file" || seen.node.sha256 !== tag))
      throw new Refused({
        why: `${at} is not what the plan was made for: ${seen.node.kind === "file" ? `its SHA-256 is ${seen.node.sha256}` : "it does not exist"}. Read it again and make a new plan.`
      })
    return change(
      own,
      {
        action: "config.write",
        places: [{ path: at, wanted: { kind: "file", bytes }, before: seen.node, bytes: seen.bytes }],
        done: `${at} was ${tag === undefined ? "made" : "replaced"}`
      },
      of
    )
  }

export const setConfig =
  (own: Surroundings): Performer<"config.set"> =>
  async ({ path, key, value, section }, of) => {
    if (value.includes(mark)) throw new Refused({ why: `${mark} stands for a secret and is no value.` })
    const at = await changeable(own, path)
    const { format } = kindOf(at)
    if (format === undefined)
      throw new Refused({
        why: `The format of ${at} is none of those in which a single value can be set. Use config.write.`
      })
    const seen = await look(at)
    const text = seen.bytes === null ? undefined : utf8(seen.bytes)
    if (text === undefined)
      throw new Refused({ why: `${at} ${seen.bytes === null ? "does not exist" : "is no UTF-8 text"}.` })
    const setting = { key, value, ...(section === undefined ? {} : { section }) }
    const edited = edit(format, text, setting)
    if (format === "sshd" && section === undefined) await refuseOverridden(at, edited.text, key)
    const secret = isSecretName(key)
    const shown = (one: string | null) => (one === null ? null : secret ? mark : mask(one))
    const place = `${key}${section === undefined ? "" : ` in ${section}`}`
    if (edited.text === text) {
      const judged = await judge(kindOf(at).checkAll?.(at), of.signal, [text])
      return {
        outcome: judged?.agrees === false ? "failed" : "succeeded",
        summary: `${place} in ${at} has this value already; nothing was done${judged?.agrees === false ? `, but ${judged.checker} does not agree: ${judged.said}` : ", and no service was told"}.`,
        data: { path: at, key, section: section ?? null, was: shown(edited.was), now: shown(value), changed: false },
        // whether its service has read it nobody here has seen
        proven: judged?.agrees !== false && (kindOf(at).units ?? []).length === 0
      }
    }
    const planned: Change = {
      action: "config.set",
      places: [
        { path: at, wanted: { kind: "file", bytes: Buffer.from(edited.text) }, before: seen.node, bytes: seen.bytes }
      ],
      done: `${place} is ${shown(value) ?? ""} in ${at}${edited.was === null ? "" : ` (it was ${shown(edited.was) ?? ""})`}`,
      facts: { path: at, key, section: section ?? null, was: shown(edited.was), now: shown(value), changed: true },
      proof: async () => {
        const now = await look(at)
        return now.bytes !== null && valueOf(format, now.bytes.toString("utf8"), setting) === value
          ? undefined
          : `${key} does not read back with the new value`
      }
    }
    return change(own, planned, of)
  }

export const listBackups =
  (own: Surroundings): Performer<"config.backups"> =>
  async ({ path }) => {
    const real = path === undefined ? undefined : await realpath(path).catch(() => path)
    const backups = (await allRecords(own.stateDirectory)).flatMap((record) =>
      record.finished?.as === "kept" || record.held !== undefined ? backupFacts(record, real) : []
    )
    const { items, left } = fitting(backups, listBytes)
    return {
      outcome: "succeeded",
      summary: `${backups.length} ${backups.length === 1 ? "backup" : "backups"}${path === undefined ? "" : ` of ${path}`}.`,
      data: { backups: [...items], left }
    }
  }

const backupFacts = ({ manifest }: ChangeRecord, path: string | undefined) =>
  manifest.places.some((place) => path === undefined || place.path === path)
    ? [
        {
          id: manifest.id,
          at: new Date(manifest.at).toISOString(),
          action: manifest.action,
          places: manifest.places.map(({ path, before }) => ({ path, before: { ...before } }))
        }
      ]
    : []

export const restoreConfig =
  (own: Surroundings): Performer<"config.restore"> =>
  async ({ path, backup }, of) => {
    const real = await changeable(own, path)
    const found = (await allRecords(own.stateDirectory)).find(
      ({ manifest, finished }) =>
        finished?.as === "kept" &&
        manifest.id !== of.commandId &&
        (backup === undefined || manifest.id === backup) &&
        manifest.places.some((place) => place.path === real)
    )
    if (found === undefined)
      throw new Refused({
        why: backup === undefined ? `There is no backup of ${real}.` : `There is no backup ${backup} of ${real}.`
      })
    const { manifest } = found
    const places = await Promise.all(
      manifest.places.map(async ({ path, before, after }, n) => {
        await changeable(own, path)
        const seen = await look(path)
        if (backup === undefined && !isSameContent(seen.node, after))
          throw new Refused({
            why: `${path} was changed by somebody else after the last change of Signalbox (${manifest.id}), which a restore would take away. Name that backup to restore it all the same; what is there now is kept as a backup then.`
          })
        return { path, before: seen.node, bytes: seen.bytes, wanted: await wantedOf(own, manifest.id, n, before) }
      })
    )
    return change(
      own,
      {
        action: "config.restore",
        places,
        done: `${manifest.places.map((place) => place.path).join(" and ")} ${manifest.places.length === 1 ? "is" : "are"} as before ${new Date(manifest.at).toISOString()}`,
        facts: { restored: manifest.id }
      },
      of
    )
  }

const wantedOf = async (
  own: Surroundings,
  id: string,
  n: number,
  before: Node
): Promise<Change["places"][number]["wanted"]> => {
  if (before.kind !== "file") return before
  const bytes = await readBackup(own.stateDirectory, id, n, before.sha256).catch((cause: unknown) => {
    throw new Refused({ why: `Nothing was changed: ${reasonOf(cause)}` })
  })
  const { mode, uid, gid } = before
  return { kind: "file", bytes, attributes: { mode, uid, gid, from: backupOf(own.stateDirectory, id, n) } }
}

/** Where a change of this path would really be made: the file that a link names. @throws Refused where it may not be */
export const changeable = async (own: Surroundings, path: string): Promise<string> => {
  permit(own, path)
  const real = await closedWay(path)
  permit(own, real)
  return real
}

const permit = (own: Surroundings, path: string): void => {
  const roots = rootsOf(own)
  if (isSecretPath(path, [...own.ownPaths, own.stateDirectory]) || neverWritten.test(path))
    throw new Refused({ why: `${path} is not changed by an agent: accounts, keys and the agent itself hang on it.` })
  if (!roots.some((root) => isBelow(path, root)))
    throw new Refused({ why: `${path} is not below ${roots.join(" or ")}, where configuration may be changed.` })
}

const utf8 = (bytes: Buffer): string | undefined => {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
    return text.includes("\0") ? undefined : text
  } catch {
    return undefined
  }
}
