/**
 * What is at a path (nothing, a file, a link), and putting something there in one step.
 *
 * Owns: looking, exchanging, the attributes of files. Does not own: when and in which order (`change.ts`, `back.ts`), where a path leads
 * (`way.ts`).
 * Invariants: a path holds the old or the new, whole, at every moment; what is put there is on the disk before the exchange and the
 * directory after it; owner, mode, extended attributes and ACLs come from the file before.
 */
import { createHash } from "node:crypto"
import { constants } from "node:fs"
import { lstat, open, readlink, rename, rm, symlink } from "node:fs/promises"
import { dirname } from "node:path"
import { Schema } from "effect"
import { run } from "../child.ts"
import { readWhole } from "../file/open.ts"
import { NotDone, Refused, reasonOf } from "../outcome.ts"

export const Node = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("absent") }),
  Schema.Struct({ kind: Schema.Literal("link"), to: Schema.String }),
  Schema.Struct({
    kind: Schema.Literal("file"),
    sha256: Schema.String,
    bytes: Schema.Int,
    mode: Schema.Int,
    uid: Schema.Int,
    gid: Schema.Int
  })
])
export type Node = typeof Node.Type

export const fileLimit = 2 * 1024 * 1024
export const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex")
export const temporaryIn = (path: string, id: string, n: number): string => `${dirname(path)}/.signalbox-${id}-${n}`

export interface Seen {
  readonly node: Node
  /** Of a file. */
  readonly bytes: Buffer | null
}

/** @throws Refused when it is neither nothing nor a file nor a link, or too large */
export const look = async (path: string): Promise<Seen> => {
  const found = await lstat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined
    throw new Refused({ why: `${path} cannot be looked at: ${cause.message}` })
  })
  if (found === undefined) return { node: { kind: "absent" }, bytes: null }
  if (found.isSymbolicLink()) return { node: { kind: "link", to: await readlink(path) }, bytes: null }
  if (!found.isFile()) throw new Refused({ why: `${path} is neither a file nor a link.` })
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (cause: unknown) => {
      throw new Refused({ why: `${path} cannot be looked at: ${reasonOf(cause)}` })
    }
  )
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) throw new Refused({ why: `${path} is no regular file, and is left alone.` })
    const bytes = await readWhole(handle, path, fileLimit)
    return {
      node: {
        kind: "file",
        sha256: sha256(bytes),
        bytes: bytes.length,
        mode: stat.mode & 0o7777,
        uid: stat.uid,
        gid: stat.gid
      },
      bytes
    }
  } finally {
    await handle.close()
  }
}

export const isSameContent = (a: Node, b: Node): boolean =>
  a.kind === "file" && b.kind === "file"
    ? a.sha256 === b.sha256
    : a.kind === "link" && b.kind === "link"
      ? a.to === b.to
      : a.kind === b.kind
export const isSameNode = (a: Node, b: Node): boolean =>
  isSameContent(a, b) &&
  (a.kind !== "file" || b.kind !== "file" || (a.mode === b.mode && a.uid === b.uid && a.gid === b.gid))

export interface Attributes {
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** A new file with these bytes, on the disk when this returns. */
export const writeFileWhole = async (path: string, bytes: Uint8Array, attributes: Attributes): Promise<void> => {
  await rm(path, { force: true })
  const handle = await open(
    path,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600
  )
  try {
    await handle.writeFile(bytes)
    await handle.chown(attributes.uid, attributes.gid)
    await handle.chmod(attributes.mode)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Owner, mode, times, ACLs, extended attributes and security context: what Node cannot do by itself, coreutils can.
 * @throws NotDone also when `to` was taken away meanwhile: `cp` then makes an empty file of that name, which must go nowhere
 */
export const copyAttributes = async (from: string, to: string, options: { readonly times: boolean }): Promise<void> => {
  const handle = await open(to, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const ran = await run("cp", ["--attributes-only", "--preserve=all", "--no-dereference", "--", from, to], {
      signal: AbortSignal.timeout(10_000)
    })
    if (ran.code !== 0)
      throw new NotDone({ why: `The attributes of ${from} could not be copied: ${ran.stderr.trim()}` })
    // while the handle is open no other file gets its number
    const [mine, there] = await Promise.all([handle.stat(), lstat(to)])
    if (mine.ino !== there.ino || mine.dev !== there.dev)
      throw new NotDone({ why: `${to} was taken away while it was being made.` })
    if (!options.times) await handle.utimes(new Date(), new Date())
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export const makeLink = async (path: string, to: string): Promise<void> => {
  await rm(path, { force: true })
  await symlink(to, path)
}

/** What was made beside it takes the path's place; null: the path becomes empty. */
export const exchange = async (temporary: string | null, path: string): Promise<void> => {
  if (temporary === null) await rm(path, { force: true })
  else await rename(temporary, path)
  await syncDirectory(dirname(path))
}

export const syncDirectory = async (path: string): Promise<void> => {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** @throws Refused for a file of several names: an exchange would take one of them away from the others */
export const refuseHardLinks = async (path: string): Promise<void> => {
  const found = await lstat(path).catch(() => undefined)
  if (found?.isFile() === true && found.nlink > 1)
    throw new Refused({
      why: `${path} has ${found.nlink} names (hard links), which an exchange would part. Change it by hand.`
    })
}
