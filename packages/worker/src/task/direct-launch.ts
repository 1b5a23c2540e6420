/**
 * The short way from a new task to its process: granted, recorded and launched in one go by the worker that hears of it first.
 *
 * Owns: when a task may go this way, and its steps. Does not own: the jobs, which go the same way step by step and make sure of
 * what was left anywhere in the middle; the steps themselves (slots, TaskDispatched, the mark, `launch.sh`), which are theirs too.
 * Invariants: every step is one that a job would have made, with the same ids, so whoever comes second finds it done: one slot per
 * task, one TaskDispatched, one run on the host; only where nobody waits in front of it and the host's launcher stands by and has
 * just answered: a host that is slow or away holds up nobody; until slot, mark and TaskDispatched are on the disk the host has at
 * most the task's files, which start nothing.
 */
import { Effect, Option } from "effect"
import type { HostConfig } from "@signalbox/core/host/config.ts"
import { hostConfig, type HostView } from "@signalbox/core/host/view.ts"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { Reactors } from "@signalbox/core/projection/Reactor.ts"
import { Slots } from "@signalbox/core/queue/Slots.ts"
import { taskEvents, taskStream } from "@signalbox/core/task/events.ts"
import { dispatchReactor, launchReactor } from "@signalbox/core/task/jobs.ts"
import { activeStatuses, evolveTask, type TaskView } from "@signalbox/core/task/view.ts"
import { HostCommands } from "../host/HostCommands.ts"
import { Standby } from "../host/Standby.ts"
import { withdraw } from "../host/withdraw.ts"
import { Direct } from "./Direct.ts"
import { limitsOf, readQueue } from "./dispatch.ts"
import { fail, filesOf, isFinal, recordLaunched } from "./launch.ts"
import { TaskCommands } from "./TaskCommands.ts"

/** What is more at once is a backlog or a rush: the jobs take it in order. */
const most = 16

/**
 * Listens until interrupted, then lets what is under way come to its end. The jobs of a task that goes this way wait a moment: most
 * often they find nothing to do, and what they need for that is not taken from the start itself.
 */
export const runDirectLaunches = Effect.gen(function* () {
  const direct = yield* Direct
  const reactors = yield* Reactors
  const standby = yield* Standby
  const context = yield* Effect.context<Needs>()
  yield* reactors.overhear(dispatchReactor.name, (events) =>
    Effect.gen(function* () {
      const tasks = (events.length <= most ? events : []).flatMap(newTask).filter((task) => standby.stands(task.host))
      for (const task of tasks) yield* direct.start(task.taskId, Effect.provideContext(launchDirectly(task), context))
      for (const task of tasks) yield* direct.over(task.taskId)
    })
  )
  yield* reactors.overhear(launchReactor.name, (events) =>
    Effect.forEach(events, (event) => direct.over(taskIdOf(event)), { discard: true })
  )
  return yield* Effect.ensuring(Effect.never, direct.drain)
}).pipe(Effect.scoped)

type Needs = Effect.Services<ReturnType<typeof launchDirectly>>

/** The task of a TaskCreated, when it may start at once. */
const newTask = (event: RecordedEvent): ReadonlyArray<TaskView> => {
  if (event.type !== "TaskCreated") return []
  const decoded = taskEvents.decode(event)
  if (decoded._tag === "Failure" || decoded.success === undefined) return []
  const task = evolveTask(undefined, decoded.success, event)
  return task === undefined || task.after.length > 0 || task.startAt !== undefined ? [] : [task]
}

const taskIdOf = (event: RecordedEvent): string => event.stream.slice(taskStream("").length)

const launchDirectly = (task: TaskView) =>
  Effect.gen(function* () {
    const way = yield* wayTo(task)
    if (way === undefined || !(yield* take(task, way.view))) return
    // The files travel while the event is written: without a last word they start nothing.
    const [dispatched, staged] = yield* Effect.all(
      [(yield* TaskCommands).dispatchDirectly(task), Effect.result(way.launcher.stage(task.taskId, way.files))],
      { concurrency: 2 }
    )
    if (!dispatched) return yield* giveBack(task.taskId, way.host)
    yield* Effect.gen(function* () {
      const { launch } = yield* Effect.fromResult(staged)
      yield* recordLaunched(task, way.host, yield* launch)
    }).pipe(Effect.catch((error) => (isFinal(error) ? fail(task.taskId, error.message) : Effect.fail(error))))
  }).pipe(
    Effect.scoped,
    Effect.catch((error) =>
      Effect.logInfo(`${task.taskId} was not launched directly, its job sees to it: ${error.message}`)
    ),
    Effect.catchDefect((defect) =>
      Effect.logError(`${task.taskId} was not launched directly, its job sees to it`, defect)
    )
  )

/** What it takes, unless somebody is in front of it or nothing stands by on the host. Only a host that has just answered counts. */
const wayTo = (task: TaskView) =>
  Effect.gen(function* () {
    const [view, line, launcher] = yield* Effect.all(
      [Effect.flatMap(HostCommands, (hosts) => hosts.find(task.host)), readQueue(task.host), standing(task.host)],
      { concurrency: 3 }
    )
    if (view === undefined || launcher === undefined || line.some((row) => row.id !== task.taskId)) return undefined
    const host = hostConfig(view)
    return launcher.serves(host) ? { view, host, launcher, files: yield* filesOf(task, view) } : undefined
  })

const standing = (hostName: string) =>
  Effect.gen(function* () {
    const launcher = Option.getOrUndefined(yield* (yield* Standby).take(hostName))
    if (launcher !== undefined) yield* launcher.here
    return launcher
  })

/** Marked as sent with the same stroke: from here on only the host can tell. The event takes both to the disk. */
const take = ({ host, taskId, tool }: TaskView, view: HostView) =>
  Effect.flatMap(Slots, (slots) => slots.take(host, { taskId, tool, ...limitsOf(view, tool) }))

/** Somebody else was faster, and then the slot is the task's; or it was killed, and then nobody's. */
const giveBack = (taskId: string, host: HostConfig) =>
  Effect.gen(function* () {
    const now = yield* (yield* TaskCommands).load(taskId)
    const mayRun = now !== undefined && (activeStatuses.includes(now.status) || now.status === "unknown")
    if (mayRun) return
    yield* (yield* Slots).release(taskId)
    yield* Effect.ignore(withdraw(host, taskId)) // what lies there of it is nothing that anybody follows, and no secret
  })
