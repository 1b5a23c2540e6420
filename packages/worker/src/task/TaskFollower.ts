/**
 * Follows one host's tasks from their records: bytes into the output tables, facts into the log.
 *
 * Owns: what is remembered of each task while it is watched, and the order of writes. Does not own: the connection
 * (`watch-host.ts`), rules (core's task decider).
 * Invariants: what lines say is appended before their bytes are committed, under a command id made of the line's offset, so a
 * crash between the two repeats itself harmlessly; bytes are committed only at the cursor; a task that is not in this log is
 * somebody else's and is left alone.
 */
import { Clock, Effect, Semaphore, Stream } from "effect"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { hostConfig } from "@signalbox/core/host/view.ts"
import {
  type OutputPiece,
  outputPieceLimit,
  outputPiecesLimit,
  type OutputWritten,
  TaskOutput
} from "@signalbox/core/task/output.ts"
import type { OutputDigests } from "@signalbox/core/task/events.ts"
import { isSettled, type TaskView } from "@signalbox/core/task/view.ts"
import { formatOf } from "@signalbox/core/tool/interactive.ts"
import { parsers } from "@signalbox/core/tool/parser/parsers.ts"
import { findTool } from "@signalbox/core/tool/Toolbox.ts"
import type { OutputParser, Tool, ToolReport } from "@signalbox/core/tool/Tool.ts"
import { settingsOf, timeoutsOf } from "./launch-files.ts"
import { concluded, nothingObserved, observe, type Observed, worthTelling } from "./observe.ts"
import { reportScrubber } from "./secrets.ts"
import { TaskCommands } from "./TaskCommands.ts"

interface Followed {
  task: TaskView
  readonly tool: Tool | undefined
  readonly parser: OutputParser
  /** Takes secrets out of what becomes an event. */
  readonly scrub: (report: ToolReport) => ToolReport
  observed: Observed
  told: ToolReport
  toldAt: number
  lastOutputAt: number
  readonly timeoutMs: number | undefined
  readonly idleTimeoutMs: number | undefined
}

export const makeTaskFollower = Effect.gen(function* () {
  const commands = yield* TaskCommands
  const output = yield* TaskOutput
  const models = yield* ReadModels
  const followed = new Map<string, Followed | null>()

  const begin = Effect.fn("TaskFollower.begin")(function* (taskId: string) {
    const task = yield* commands.load(taskId)
    if (task === undefined) return null
    const tool = yield* findTool(task.tool).pipe(
      Effect.catchTag("ToolInvalid", () => Effect.succeed(undefined)),
      Effect.provideService(ReadModels, models)
    )
    const parser = parsers[formatOf(tool?.format ?? "text", task.params)]
    const host = yield* models.host(task.host)
    const settings = host === undefined || tool === undefined ? [] : settingsOf(hostConfig(host), tool)
    const sizes = yield* output.sizes(taskId)
    const now = yield* Clock.currentTimeMillis
    const observed = yield* output.bytes(taskId, "out", 0, sizes.out).pipe(
      Stream.runFold(
        () => nothingObserved(parser),
        (so, chunk: Uint8Array) => observe(parser, so, chunk)
      )
    )
    const one: Followed = {
      task,
      tool,
      parser,
      scrub: yield* reportScrubber(task.envFrom ?? []),
      observed,
      told: task.report,
      toldAt: 0,
      lastOutputAt: now,
      ...timeoutsOf(task, settings)
    }
    return one
  })

  /** Null: not a task of this log. One at a time: two folds of the same task would each miss what the other was given. */
  const beginning = yield* Semaphore.make(1)
  const find = (taskId: string) =>
    Effect.suspend(() => {
      const found = followed.get(taskId)
      return found === undefined ? beginning.withPermit(beginOnce(taskId)) : Effect.succeed(found)
    })
  const beginOnce = (taskId: string) =>
    Effect.suspend(() => {
      const found = followed.get(taskId)
      return found === undefined
        ? Effect.tap(begin(taskId), (one) => Effect.sync(() => followed.set(taskId, one)))
        : Effect.succeed(found)
    })

  const launched = Effect.fn("TaskFollower.launched")(function* (taskId: string, pid: number, bootId: string) {
    const one = yield* find(taskId)
    if (one === null || one.task.startedAt !== null) return
    const task = yield* commands.run(taskId, { _tag: "RecordLaunch", pid, bootId, adopted: false }, "launched")
    if (task !== undefined) one.task = task
  })

  /** Bytes of many tasks, no stream of a task twice: first what they say, then they. */
  const data = Effect.fn("TaskFollower.data")(function* (pieces: ReadonlyArray<OutputPiece>) {
    const ours: Array<OutputPiece> = []
    for (const piece of pieces) {
      const one = yield* find(piece.taskId)
      if (one === null) continue
      yield* listen(one, piece)
      ours.push(piece)
    }
    for (const batch of batches(ours)) {
      const written = yield* output.appendAll(batch)
      for (const [at, piece] of batch.entries()) yield* takeRest(piece, written[at])
    }
  })

  const listen = Effect.fnUntraced(function* (one: Followed, { stream, fromByte, bytes }: OutputPiece) {
    const now = yield* Clock.currentTimeMillis
    one.lastOutputAt = now
    const observedTo = one.observed.splitter.offset + one.observed.splitter.bytes
    if (stream !== "out" || fromByte !== observedTo) return
    const next = observe(one.parser, one.observed, bytes)
    if (worthTelling(one.told, next.report, now - one.toldAt))
      yield* tell(one, next.report, `observe/${fromByte + bytes.length}`, now)
    one.observed = next
  })

  /** Another watcher was here: take only what lies behind its cursor. */
  const takeRest = Effect.fnUntraced(function* (piece: OutputPiece, written: OutputWritten | undefined) {
    const { taskId, stream, fromByte, bytes } = piece
    if (written?._tag !== "Stale") return
    const { nextByte } = written
    if (nextByte <= fromByte || nextByte >= fromByte + bytes.length) return
    const rest = { taskId, stream, fromByte: nextByte, bytes: bytes.subarray(nextByte - fromByte) }
    const one = yield* find(taskId)
    if (one !== null) yield* listen(one, rest)
    yield* output.append(taskId, stream, nextByte, rest.bytes)
  })

  const tell = Effect.fnUntraced(function* (one: Followed, report: ToolReport, key: string, now: number) {
    const task = yield* commands.run(one.task.taskId, { _tag: "Observe", report: one.scrub(report) }, key)
    if (task !== undefined) one.task = task
    one.told = report
    one.toldAt = now
  })

  /** After the last byte: the outcome. */
  const exited = Effect.fn("TaskFollower.exited")(function* (taskId: string, exitCode: number) {
    const one = yield* find(taskId)
    if (one === null) return false
    if (!isSettled(one.task.status) || one.task.status === "unknown") {
      const digests = yield* outputOf(taskId)
      const meaning = one.tool?.exitCodes[exitCode]
      const report = one.scrub(concluded(one.parser, one.observed))
      yield* commands.run(
        taskId,
        { _tag: "RecordExit", exitCode, report, output: digests, ...(meaning === undefined ? {} : { meaning }) },
        "exit"
      )
    }
    followed.delete(taskId)
    return true
  })

  const outputOf = Effect.fn("TaskFollower.outputOf")(function* (taskId: string) {
    const sizes = yield* output.sizes(taskId)
    const out = yield* output.digest(taskId, "out")
    const digests: OutputDigests = sizes.err === 0 ? { out } : { out, err: yield* output.digest(taskId, "err") }
    return digests
  })

  /** Asks for the end of what has run, or been silent, for too long. */
  const enforceDeadlines = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    for (const one of followed.values()) {
      if (one === null || one.task.startedAt === null || one.task.kill !== null || isSettled(one.task.status)) continue
      const reason =
        one.timeoutMs !== undefined && now - Date.parse(one.task.startedAt) > one.timeoutMs
          ? "timeout"
          : one.idleTimeoutMs !== undefined &&
              now - one.lastOutputAt > one.idleTimeoutMs &&
              one.task.status !== "waiting"
            ? "idle-timeout"
            : undefined
      if (reason === undefined) continue
      const task = yield* commands.run(one.task.taskId, { _tag: "RequestKill", reason, graceMs: 5_000 }, reason)
      if (task !== undefined) one.task = task
    }
  })

  return {
    find,
    launched,
    data,
    exited,
    outputOf,
    enforceDeadlines,
    forget: (taskId: string) => followed.delete(taskId)
  }
})
export type TaskFollower = Effect.Success<typeof makeTaskFollower>

/** As many at once as one statement takes. */
const batches = (pieces: ReadonlyArray<OutputPiece>): ReadonlyArray<ReadonlyArray<OutputPiece>> => {
  const all: Array<Array<OutputPiece>> = []
  let size = 0
  for (const piece of pieces) {
    const last = all.at(-1)
    size += piece.bytes.length
    if (last !== undefined && last.length < outputPiecesLimit && size <= outputPieceLimit) last.push(piece)
    else {
      all.push([piece])
      size = piece.bytes.length
    }
  }
  return all
}
