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
import { TaskOutput, type OutputStream } from "@signalbox/core/task/output.ts"
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

  const data = Effect.fn("TaskFollower.data")(function* (
    taskId: string,
    stream: OutputStream,
    fromByte: number,
    bytes: Uint8Array
  ) {
    const one = yield* find(taskId)
    if (one === null) return
    const written = yield* store(one, stream, fromByte, bytes)
    // Another watcher was here: take only what lies behind its cursor.
    if (written._tag === "Stale" && written.nextByte > fromByte && written.nextByte < fromByte + bytes.length)
      yield* store(one, stream, written.nextByte, bytes.subarray(written.nextByte - fromByte))
  })

  const store = Effect.fnUntraced(function* (one: Followed, stream: OutputStream, fromByte: number, bytes: Uint8Array) {
    const now = yield* Clock.currentTimeMillis
    one.lastOutputAt = now
    const observedTo = one.observed.splitter.offset + one.observed.splitter.bytes
    if (stream === "out" && fromByte === observedTo) {
      const next = observe(one.parser, one.observed, bytes)
      if (worthTelling(one.told, next.report, now - one.toldAt))
        yield* tell(one, next.report, `observe/${fromByte + bytes.length}`, now)
      one.observed = next
    }
    return yield* output.append(one.task.taskId, stream, fromByte, bytes)
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
