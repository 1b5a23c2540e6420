/**
 * file.list, file.read and file.disk-usage.
 *
 * Owns: what of files and directories is shown. Does not own: opening (`open.ts`).
 * Invariants: nothing is followed while a directory is listed; names are bytes of strangers: those that are not plain are shown cleaned,
 * and said to be odd; contents are masked.
 */
import { lstat, opendir, readlink } from "node:fs/promises"
import { join } from "node:path"
import { run } from "../child.ts"
import { linesFromEnd } from "../log/file.ts"
import { splitter } from "../log/journal.ts"
import { NotDone, Refused, reasonOf } from "../outcome.ts"
import type { Performer } from "../Performer.ts"
import type { Surroundings } from "../Surroundings.ts"
import { clean, cleanLine, fitting, listBytes } from "../text/clean.ts"
import { mask } from "../text/mask.ts"
import { openPlain, readEnd, readStart, resolved } from "./open.ts"

const mostEntries = 5_000
const everywhere: ReadonlyArray<string> = []
const kinds = (found: Awaited<ReturnType<typeof lstat>>): string =>
  found.isFile()
    ? "file"
    : found.isDirectory()
      ? "directory"
      : found.isSymbolicLink()
        ? "link"
        : found.isFIFO()
          ? "fifo"
          : found.isSocket()
            ? "socket"
            : "device"

export const listFiles =
  (own: Surroundings): Performer<"file.list"> =>
  async ({ path }, of) => {
    const real = await resolved(path, { roots: everywhere, own: own.ownPaths })
    const directory = await opendir(real).catch((cause: NodeJS.ErrnoException) => {
      throw new Refused({ why: cause.code === "ENOTDIR" ? `${real} is no directory.` : reasonOf(cause) })
    })
    const names: Array<string> = []
    let all = 0
    for await (const { name } of directory) {
      if (of.signal.aborted) break
      all += 1
      if (names.length < mostEntries) names.push(name)
    }
    const entries = await Promise.all(names.toSorted().map((name) => entryOf(real, name)))
    const { items, left } = fitting(
      entries.filter((one) => one !== undefined),
      listBytes
    )
    return {
      outcome: "succeeded",
      summary: `${all} ${all === 1 ? "entry" : "entries"} in ${real}.`,
      data: { path: real, entries: [...items], left: left + all - names.length }
    }
  }

const entryOf = async (directory: string, name: string) => {
  const path = join(directory, name)
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined) return undefined
  const shown = clean(name, 255)
  return {
    name: shown,
    ...(shown === name ? {} : { odd: true }),
    kind: kinds(found),
    bytes: found.size,
    mode: (found.mode & 0o7777).toString(8).padStart(4, "0"),
    uid: found.uid,
    gid: found.gid,
    changedAt: found.mtime.toISOString(),
    ...(found.isSymbolicLink() ? { to: clean(await readlink(path).catch(() => ""), 300) } : {})
  }
}

const window = 1024 * 1024
const lineLimit = 4_000

export const readFileLines =
  (own: Surroundings): Performer<"file.read"> =>
  async ({ path, lines = 200, from = "start" }) => {
    const opened = await openPlain(path, { roots: everywhere, own: own.ownPaths })
    try {
      const { bytes, more } = await (from === "end" ? readEnd : readStart)(opened.handle, window)
      if (bytes.subarray(0, 8192).includes(0))
        throw new Refused({ why: `${opened.path} holds binary data and no text.` })
      const found = from === "end" ? linesFromEnd(bytes, lines, undefined, more) : linesFromStart(bytes, lines)
      const { items, left } = fitting(from === "end" ? found.toReversed() : found, listBytes)
      return {
        outcome: "succeeded",
        summary: `The ${from === "end" ? "last" : "first"} ${items.length} ${items.length === 1 ? "line" : "lines"} of ${opened.path}.`,
        data: { path: opened.path, lines: from === "end" ? items.toReversed() : [...items], left }
      }
    } finally {
      await opened.handle.close()
    }
  }

const linesFromStart = (bytes: Buffer, count: number): ReadonlyArray<string> => {
  const lines = mask(bytes.toString("utf8")).split("\n")
  if (lines.at(-1) === "") lines.pop()
  return lines.slice(0, count).map((line) => cleanLine(line, lineLimit))
}

const shownEach = 40

export const diskUsage =
  (own: Surroundings): Performer<"file.disk-usage"> =>
  async ({ path }, of) => {
    const real = await resolved(path, { roots: everywhere, own: own.ownPaths })
    const [directories, files] = await Promise.all([
      largest("du", ["-x", "-k", "-0", "--", real], of.signal),
      largest("find", [real, "-xdev", "-type", "f", "-size", "+1023k", "-printf", "%k\\t%p\\0"], of.signal)
    ])
    const total = directories.found.find((one) => one.path === real)?.bytes ?? 0
    const shown = (found: ReadonlyArray<Sized>) =>
      found.slice(0, shownEach).map(({ path, bytes }) => ({ path: clean(path, 1_000), bytes }))
    return {
      outcome: "succeeded",
      summary: `${real} holds ${Math.round(total / 2 ** 20)} MiB on its file system.${directories.complete && files.complete ? "" : " Not everything could be looked at in the time that was given."}`,
      data: {
        path: real,
        bytes: total,
        directories: shown(directories.found.filter((one) => one.path !== real)),
        files: shown(files.found),
        complete: directories.complete && files.complete
      }
    }
  }

interface Sized {
  readonly path: string
  readonly bytes: number
}

/** Of a program that says "KIB<tab>PATH" with a zero byte after each: the largest, however many there are. */
const largest = async (
  program: string,
  args: ReadonlyArray<string>,
  signal: AbortSignal
): Promise<{ readonly found: ReadonlyArray<Sized>; readonly complete: boolean }> => {
  let found: Array<Sized> = []
  const biggest = () => found.toSorted((a, b) => b.bytes - a.bytes).slice(0, shownEach * 2)
  const take = splitter("\0", 64 * 1024, (piece) => {
    const at = piece.indexOf("\t")
    const kib = Number(piece.slice(0, at))
    if (at > 0 && Number.isFinite(kib)) found.push({ path: piece.slice(at + 1), bytes: kib * 1024 })
    if (found.length > 2_000) found = biggest()
    return true
  })
  const ran = await run(program, args, { signal, timeoutMs: 100_000, onChunk: take })
  // files that vanish under them make both end with 1
  if (ran.ended === "by itself" && found.length === 0 && ran.code !== 0)
    throw new NotDone({ why: `${program} could not look: ${clean(ran.stderr, 300)}` })
  return { found: biggest(), complete: ran.ended === "by itself" }
}
