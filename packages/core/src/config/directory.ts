/**
 * A directory of files that belong together, put in its place at once.
 *
 * Owns: making, replacing, and taking back what a crash left behind. Does not own: what the files are.
 * Invariants: under the name there is a whole directory or none; a replacement that was cut off before its end is as if it had not
 * been: no file system of ours exchanges two directories in one step, so the old one waits beside until the new one stands; what
 * dead processes left is removed by the next one that makes something here.
 */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs/promises"
import { basename, dirname, join } from "node:path"

interface File {
  readonly name: string
  readonly text: string
  readonly mode: number
}

/** @returns false: there is one already, and it is not to be replaced */
export const place = async (directory: string, files: ReadonlyArray<File>, replace: boolean): Promise<boolean> => {
  await restore(directory)
  await clean(directory)
  const making = `${directory}.${process.pid}-${randomBytes(4).toString("hex")}`
  try {
    await fs.mkdir(making, { mode: 0o700 })
    for (const { name, text, mode } of files) await fs.writeFile(join(making, name), text, { mode, flush: true })
    for (let tries = 0; tries < 20; tries++) {
      if (replace) await fs.rename(directory, `${making}${old}`).catch(ignore("ENOENT"))
      if (await moved(making, directory)) return true
      if (!replace) return false
      // somebody put one there, or the old one back, in between: that one is replaced too
      await fs.rm(`${making}${old}`, { recursive: true, force: true })
    }
    return false
  } finally {
    await fs.rm(making, { recursive: true, force: true })
    await fs.rm(`${making}${old}`, { recursive: true, force: true })
  }
}

/** Where there is none, and a replacement was cut off: the one before. */
export const restore = async (directory: string): Promise<void> => {
  if (await isThere(directory)) return
  for (const left of await leftovers(directory))
    if (left.endsWith(old)) await moved(left, directory).catch(ignore("ENOENT"))
}

const old = ".old"

/** What a process left that lives no more, in the directory around. */
const clean = async (directory: string): Promise<void> => {
  for (const left of await leftovers(directory)) {
    const [, pid] = /\.(\d+)-[0-9a-f]{8}(?:\.old)?$/u.exec(left) ?? []
    if (pid !== undefined && !isAlive(Number(pid))) await fs.rm(left, { recursive: true, force: true })
  }
}

const leftovers = async (directory: string): Promise<ReadonlyArray<string>> => {
  const around = dirname(directory)
  const mine = new RegExp(`^${basename(directory).replaceAll(".", "\\.")}\\.\\d+-[0-9a-f]{8}(?:\\.old)?$`, "u")
  const names = (await fs.readdir(around).catch(ignore("ENOENT"))) ?? []
  return names.filter((name) => mine.test(name)).map((name) => join(around, name))
}

/** False: something stands there. */
const moved = (from: string, to: string): Promise<boolean> =>
  fs.rename(from, to).then(
    () => true,
    (cause: unknown) => {
      if (codeOf(cause) === "ENOTEMPTY" || codeOf(cause) === "EEXIST") return false
      throw cause
    }
  )

const isThere = (path: string): Promise<boolean> =>
  fs.stat(path).then(
    () => true,
    (cause: unknown) => {
      if (codeOf(cause) === "ENOENT") return false
      throw cause
    }
  )

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return codeOf(cause) !== "ESRCH"
  }
}

const ignore =
  (code: string) =>
  (cause: unknown): undefined => {
    if (codeOf(cause) !== code) throw cause
  }

const codeOf = (cause: unknown): string => (cause instanceof Error && "code" in cause ? String(cause.code) : "")
