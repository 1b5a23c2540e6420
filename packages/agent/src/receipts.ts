/**
 * Receipts: what was begun here and how it ended, on disk, so that no command acts twice, whatever dies.
 *
 * Owns: the file, its recovery and its retention. Does not own: what a command does, what the hub has heard (the desk).
 * Invariants: `begin` returns after the line is on the disk, and nothing is done before; what was begun and has no end when the file is
 * opened ended as `unknown` unless somebody can judge it now (a reboot, by the boot's id), and that is written too; a torn last line never happened, damage anywhere else stops the agent; a result
 * stays for 30 days and until the hub has it, its id for a year.
 */
import * as fs from "node:fs/promises"
import { dirname } from "node:path"
import { CommandResult, Outcome } from "@signalbox/core/agent/protocol.ts"
import { Result, Schema } from "effect"
import { makeAppendFile, type AppendFile } from "./append-file.ts"
import { codeOf, reasonOf, say, Trouble } from "./trouble.ts"

const dayMillis = 86_400_000
const resultMillis = 30 * dayMillis
const idMillis = 365 * dayMillis
/** Lines, of 256 KiB each at most. */
const togetherWritten = 64

const common = { id: Schema.String, at: Schema.Int }
const Line = Schema.TaggedUnion({
  began: { ...common, digest: Schema.String, action: Schema.String, bootId: Schema.String },
  ended: { ...common, digest: Schema.String, result: CommandResult },
  acknowledged: common,
  /** What is left when the result has had its time. */
  tombstone: { ...common, digest: Schema.String, outcome: Outcome }
})
type Line = typeof Line.Type
const decodeLine = Schema.decodeUnknownResult(Schema.fromJsonString(Line))

/** What was begun before this process, and has no end. */
export interface Unfinished {
  readonly action: string
  /** Of the boot in which it began. */
  readonly bootId: string
  readonly startedAt: number
}
export type Ended = Pick<CommandResult, "outcome" | "summary" | "data" | "proven">

export interface ReceiptsOptions {
  readonly bootId?: string
  /** Says how it ended where that can be seen afterwards. */
  readonly judge?: (id: string, unfinished: Unfinished) => Promise<Ended | undefined>
  readonly now?: () => number
}

interface Known {
  /** Of what was asked: the same id with anything else is refused. */
  readonly digest: string
  readonly at: number
  readonly begun?: Pick<Unfinished, "action" | "bootId">
  readonly outcome?: Outcome
  readonly acknowledged?: true
  /** Where the line with the result is. */
  readonly place?: { readonly offset: number; readonly length: number }
}

export interface Receipts {
  readonly find: (id: string) => Pick<Known, "digest" | "outcome"> | undefined
  /** Fails when the disk does not take it: then nothing may be done. */
  readonly begin: (id: string, digest: string, action: string) => Promise<void>
  readonly end: (digest: string, result: CommandResult) => Promise<void>
  readonly acknowledge: (id: string) => Promise<void>
  readonly result: (id: string) => Promise<CommandResult | undefined>
  /** Ids whose results the hub does not have, oldest first. */
  readonly unacknowledged: () => ReadonlyArray<string>
  readonly close: () => Promise<void>
}

const nobodyKnows: Ended = {
  outcome: "unknown",
  summary:
    "The agent ended while it carried this out, so nobody can tell what was done. Look at the host before you try again.",
  data: null
}

export const openReceipts = async (path: string, options: ReceiptsOptions = {}): Promise<Receipts> => {
  const { now = Date.now, bootId = "" } = options
  await fs.mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const known = new Map<string, Known>()
  const end = await recover(path, (line, place) => apply(known, line, place))
  // a disk too full to write the file anew has room for nothing else either, and the file is good as it is
  const kept = await compact(path, known, now(), end).catch((cause: unknown) => {
    say(`${path} was not shortened: ${reasonOf(cause)}.`)
    return end
  })
  const file = await makeAppendFile(path, kept)

  const write = async (line: Line): Promise<void> => {
    const place = await file.append(`${JSON.stringify(line)}\n`)
    apply(known, line, place)
  }
  const receipts: Receipts = {
    find: (id) => known.get(id),
    begin: (id, digest, action) => write({ _tag: "began", id, digest, action, bootId, at: now() }),
    end: (digest, result) => write({ _tag: "ended", id: result.commandId, digest, at: now(), result }),
    acknowledge: async (id) => {
      const one = known.get(id)
      if (one?.outcome !== undefined && one.acknowledged !== true) await write({ _tag: "acknowledged", id, at: now() })
    },
    result: async (id) => {
      const one = known.get(id)
      return (
        (await readResult(file, one)) ?? (one?.outcome === undefined ? undefined : remembered(id, one.outcome, one.at))
      )
    },
    unacknowledged: () =>
      [...known]
        .filter(([, { outcome, acknowledged }]) => outcome !== undefined && acknowledged !== true)
        .map(([id]) => id),
    close: file.close
  }
  for (const [id, { digest, outcome, at, begun = nothing }] of known) {
    if (outcome !== undefined) continue
    // one damaged record must not keep all the others from being told
    const judged = await options.judge?.(id, { ...begun, startedAt: at }).catch((cause: unknown) => {
      say(`What became of ${id} cannot be read: ${reasonOf(cause)}.`)
    })
    const ended = judged ?? nobodyKnows
    await receipts.end(digest, { commandId: id, ...ended, startedAt: at, finishedAt: now() })
  }
  return receipts
}

const nothing = { action: "", bootId: "" }

const apply = (
  known: Map<string, Known>,
  line: Line,
  place: { readonly offset: number; readonly length: number }
): void => {
  const { id, at } = line
  switch (line._tag) {
    case "began":
      known.set(id, { digest: line.digest, at, begun: { action: line.action, bootId: line.bootId } })
      break
    case "ended":
      known.set(id, { digest: line.digest, at, outcome: line.result.outcome, place })
      break
    case "acknowledged": {
      const one = known.get(id)
      if (one !== undefined) known.set(id, { ...one, acknowledged: true })
      break
    }
    case "tombstone":
      known.set(id, { digest: line.digest, at, outcome: line.outcome, acknowledged: true })
  }
}

const remembered = (commandId: string, outcome: Outcome, at: number): CommandResult => ({
  commandId,
  outcome,
  summary: `This was asked and answered long ago (${outcome}); no more is kept of it.`,
  data: null,
  startedAt: at,
  finishedAt: at
})

const readResult = async (file: AppendFile, of: Known | undefined): Promise<CommandResult | undefined> => {
  if (of?.place === undefined) return undefined
  const line = decodeLine(await file.read(of.place))
  return Result.isSuccess(line) && line.success._tag === "ended" ? line.success.result : undefined
}

/** @returns where the good lines end */
const recover = async (
  path: string,
  use: (line: Line, place: { readonly offset: number; readonly length: number }) => void
): Promise<number> => {
  const file = await fs.open(path, "r").catch((cause: unknown) => {
    if (codeOf(cause) === "ENOENT") return undefined
    throw cause
  })
  if (file === undefined) return 0
  try {
    let offset = 0
    let rest: Buffer = Buffer.alloc(0)
    for await (const part of file.createReadStream({
      highWaterMark: 256 * 1024,
      autoClose: false
    }) as AsyncIterable<Buffer>) {
      rest = rest.length === 0 ? part : Buffer.concat([rest, part])
      for (let at = rest.indexOf(10); at !== -1; at = rest.indexOf(10)) {
        const line = decodeLine(rest.subarray(0, at).toString("utf8"))
        if (Result.isFailure(line))
          throw new Trouble(
            `The receipts ${path} are damaged at byte ${offset}, so nobody can tell what was done here before. Move the file away when you have looked, and start the agent again.`
          )
        use(line.success, { offset, length: at })
        offset += at + 1
        rest = rest.subarray(at + 1)
      }
    }
    return offset // what is left has no end of line: it was being written when the machine stopped
  } finally {
    await file.close()
  }
}

/** Writes the file anew without what has had its time, when there is enough of that; otherwise nothing is touched. */
const compact = async (path: string, known: Map<string, Known>, now: number, end: number): Promise<number> => {
  const age = (one: Known): number => (one.acknowledged === true ? now - one.at : 0)
  const old = [...known].filter(([, one]) => age(one) > (one.place === undefined ? idMillis : resultMillis))
  if (old.length === 0 || old.length < known.size / 4) return end
  const making = `${path}.new`
  await fs.rm(making, { force: true })
  const [from, to] = [await makeAppendFile(path, end), await makeAppendFile(making, 0)]
  const places = new Map<string, Known>()
  try {
    /** Written together, so that a year's ids are a few syncs and not one each: the host's acts wait for this. */
    const writing: Array<Promise<void>> = []
    for (const [id, one] of known) {
      if (age(one) > idMillis) continue
      if (writing.length >= togetherWritten) await Promise.all(writing.splice(0))
      const { digest, at, outcome, acknowledged, place, begun = nothing } = one
      const lines: Array<Line> = []
      if (outcome === undefined) lines.push({ _tag: "began", id, digest, at, ...begun })
      else if (place === undefined || age(one) > resultMillis)
        lines.push({ _tag: "tombstone", id, digest, at, outcome })
      else {
        const result = await readResult(from, one)
        if (result !== undefined) lines.push({ _tag: "ended", id, digest, at, result })
        if (acknowledged === true) lines.push({ _tag: "acknowledged", id, at })
      }
      for (const line of lines) {
        const written = to.append(`${JSON.stringify(line)}\n`).then((place) => apply(places, line, place))
        written.catch(() => undefined) // it is heard below
        writing.push(written)
      }
    }
    await Promise.all(writing)
    await fs.rename(making, path)
    known.clear()
    for (const [id, one] of places) known.set(id, one)
    return (await fs.stat(path)).size
  } finally {
    await Promise.all([from.close(), to.close()])
    await fs.rm(making, { force: true })
  }
}
