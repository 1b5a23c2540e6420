/**
 * Watches one host for as long as tasks are on it: one connection, every task.
 *
 * Owns: the session with a host — cursors in, records to the follower (`records.ts`), evidence of what records cannot say (reboots, processes
 * that left no exit) —, and trying again. Does not own: who watches (`Watches.ts`), what the facts mean (`TaskFollower.ts`).
 * Invariants: runs under the host's lease, in one worker at a time; whatever fails, the next session starts from what was
 * stored; no connection means no news, never a verdict; a verdict that a process is gone waits until its last byte is stored.
 */
import { Clock, Context, Effect, Schedule, Stream } from "effect"
import { hostConfig } from "@signalbox/core/host/view.ts"
import { TaskOutput } from "@signalbox/core/task/output.ts"
import type { TaskCommand } from "@signalbox/core/task/decider.ts"
import { HostCommands } from "../host/HostCommands.ts"
import { outputSizes, prune, settle, state, type TaskState } from "../host/Runner.ts"
import { type Cursor, watch } from "../host/watch.ts"
import { withdraw } from "../host/withdraw.ts"
import { handleRecords } from "./records.ts"
import { TaskCommands } from "./TaskCommands.ts"
import { makeTaskFollower, type TaskFollower } from "./TaskFollower.ts"
import { makeTrouble } from "./trouble.ts"
import { isWatched, watchedTasks } from "./watched.ts"

/** How long an idle host is still watched: the next task often comes soon. */
const lingerMs = 20_000
const reconcileEvery = "8 seconds"
/** A process that was asked for and has not shown itself, on a host that answers, in milliseconds. */
export const StartingPatienceMs = Context.Reference<number>("@signalbox/worker/task/StartingPatienceMs", {
  defaultValue: () => 60_000
})
const retryPolicy = Schedule.min([Schedule.exponential("250 millis"), Schedule.spaced("4 seconds")]).pipe(
  Schedule.jittered
)

/** Ends when the host has been idle for a while. */
export const watchHost = Effect.fn("watchHost")(function* (name: string) {
  const trouble = makeTrouble(`watching ${name}`, "every few seconds")
  const session = Effect.gen(function* () {
    const view = yield* (yield* HostCommands).find(name)
    if (view === undefined) return yield* Effect.logInfo(`${name} was removed: it is not watched any more`)
    const host = hostConfig(view)
    const follower = yield* makeTaskFollower
    const cursors = yield* cursorsOf(name)
    const settled = new Set<string>()
    yield* Effect.forkScoped(Effect.ignore(prune(host)))
    const follow = watch(host, cursors).pipe(
      Stream.runForEachArray((records) => Effect.andThen(trouble.over, handleRecords(follower, settled, records)))
    )
    const reconcile = Effect.forever(
      Effect.andThen(reconcileHost(name, follower, settled), Effect.sleep(reconcileEvery))
    )
    const tidy = Effect.forever(
      Effect.andThen(
        Effect.sleep("1 second"),
        Effect.suspend(() => retire(settled))
      )
    )
    const retire = (ids: Set<string>) => {
      const batch = [...ids].slice(0, 500)
      if (batch.length === 0) return Effect.void
      for (const id of batch) ids.delete(id)
      return settle(host, batch)
    }
    const deadlines = Effect.forever(Effect.andThen(follower.enforceDeadlines, Effect.sleep("1 second")))
    yield* Effect.raceAllFirst([follow, reconcile, tidy, deadlines, untilIdle(name)])
  })
  yield* Effect.scoped(session).pipe(
    Effect.tapError((error) => trouble.met(error.message)),
    Effect.retry(retryPolicy)
  )
})

const untilIdle = (name: string) =>
  Effect.gen(function* () {
    let busyAt = yield* Clock.currentTimeMillis
    for (;;) {
      yield* Effect.sleep("2 seconds")
      const now = yield* Clock.currentTimeMillis
      if (yield* isWatched(name)) busyAt = now
      if (now - busyAt > lingerMs) return
    }
  })

const cursorsOf = (name: string) =>
  Effect.gen(function* () {
    const output = yield* TaskOutput
    const tasks = yield* watchedTasks(name)
    const cursors = yield* Effect.forEach(
      tasks,
      ({ id }) =>
        Effect.map(output.sizes(id), (sizes): ReadonlyArray<Cursor> => [
          { id, stream: "out", offset: sizes.out },
          { id, stream: "err", offset: sizes.err }
        ]),
      { concurrency: 4 }
    )
    return cursors.flat()
  })

/** What no record says: reboots, and processes that left nothing. */
const reconcileHost = Effect.fn("reconcileHost")(function* (
  name: string,
  follower: TaskFollower,
  settled: Set<string>
) {
  const view = yield* (yield* HostCommands).find(name)
  const tasks = yield* watchedTasks(name)
  if (view === undefined || tasks.length === 0) return
  const states = yield* state(
    hostConfig(view),
    tasks.map((task) => task.id)
  )
  // What was known before the host was asked: a task that starts between the two looks is not one whose directory is gone.
  const startedBefore = new Set(tasks.filter((task) => task.started).map((task) => task.id))
  yield* Effect.forEach(states, ([id, found]) => judge(name, follower, settled, id, found, startedBefore.has(id)), {
    concurrency: 4,
    discard: true
  })
})

const judge = (
  name: string,
  follower: TaskFollower,
  settled: Set<string>,
  id: string,
  found: TaskState,
  startedBefore: boolean
) =>
  Effect.gen(function* () {
    if (found._tag === "exited") return // its record comes, after its last byte
    if (found._tag === "running") return yield* follower.launched(id, found.pid, found.bootId)
    const commands = yield* TaskCommands
    const task = yield* commands.load(id)
    if (task === undefined) return
    const now = yield* Clock.currentTimeMillis
    const longAgo = now - Date.parse(task.updatedAt) > (yield* StartingPatienceMs)
    switch (found._tag) {
      case "interrupted":
      case "lost": {
        if (!(yield* allStored(name, id))) return // the watcher is still reading what it left
        const output = yield* follower.outputOf(id)
        const evidence: TaskCommand =
          found._tag === "interrupted"
            ? { _tag: "RecordInterrupted", output }
            : { _tag: "RecordLost", message: "its process is gone and left no exit code", output }
        yield* commands.run(id, evidence, found._tag)
        settled.add(id)
        return
      }
      case "absent":
      case "prepared":
        if (startedBefore) return yield* lose(id, `its directory on ${name} is gone`)
        if (task.status === "unknown" && longAgo) yield* neverStarts(name, id)
        return
      case "starting":
        if (longAgo) yield* lose(id, "it was being started when its host went down")
    }
  })

/** Nothing on the host that is not in our tables. */
const allStored = (name: string, id: string) =>
  Effect.gen(function* () {
    const view = yield* (yield* HostCommands).find(name)
    if (view === undefined) return true
    const sizes = yield* (yield* TaskOutput).sizes(id)
    const remote = yield* outputSizes(hostConfig(view), id)
    return remote.out <= sizes.out && remote.err <= sizes.err
  })

/** The host is back and knows nothing of it: made sure of, that is evidence, and the slot is free. */
const neverStarts = (name: string, id: string) =>
  Effect.gen(function* () {
    const view = yield* (yield* HostCommands).find(name)
    if (view === undefined || !(yield* withdraw(hostConfig(view), id))) return
    const message = `it never started: the connection broke before ${name} had all of it`
    yield* (yield* TaskCommands).run(id, { _tag: "FailLaunch", message }, "never-arrived")
  })

const lose = (id: string, message: string) =>
  Effect.flatMap(TaskCommands, (commands) => commands.run(id, { _tag: "RecordLost", message, output: {} }, "lost"))
