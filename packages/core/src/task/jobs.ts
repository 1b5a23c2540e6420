/**
 * From a task's events to its jobs.
 *
 * Owns: which event calls for which job, and the jobs' data. Does not own: what the jobs do (worker's task room).
 * Invariant: pure; data are ids and a position, the handler reads the rest where it is true.
 */
import { Schema } from "effect"
import type { Reactor } from "../projection/Reactor.ts"
import { queues } from "../queue/queues.ts"

/** `position`: the read models must have seen it before the handler looks. */
export const TaskJob = Schema.Struct({ taskId: Schema.String, position: Schema.Int })
export const DispatchJob = Schema.Struct({
  /** A task that was made or has ended; or a host whose limits changed. */
  taskId: Schema.optionalKey(Schema.String),
  host: Schema.optionalKey(Schema.String),
  position: Schema.Int
})

const settling = [
  "TaskSucceeded",
  "TaskFailed",
  "TaskTimedOut",
  "TaskKilled",
  "TaskInterrupted",
  "TaskLost",
  "TaskOutcomeUnknown"
]

const idOf = (stream: string): string => stream.slice(stream.indexOf("/") + 1)

export const dispatchReactor: Reactor = {
  name: "task-dispatch",
  from: "beginning",
  types: ["TaskCreated", ...settling, "HostChanged"],
  react: (event) => {
    const id = idOf(event.stream)
    const data = { ...(event.stream.startsWith("host/") ? { host: id } : { taskId: id }), position: event.position }
    const startAt = event.type === "TaskCreated" ? startOf(event.data) : undefined
    return [{ queue: queues.dispatch.name, data, ...(startAt === undefined ? {} : { startAfter: startAt }) }]
  }
}

const Start = Schema.Struct({ startAt: Schema.String })
const startOf = (data: Schema.Json): Date | undefined => (Schema.is(Start)(data) ? new Date(data.startAt) : undefined)

/** How long a direct launch is left alone. Then its job looks what became of it, and starts what was not started. */
export const directLaunchMs = 3_000

export const launchReactor: Reactor = {
  name: "task-launch",
  from: "beginning",
  types: ["TaskDispatched"],
  react: (event) => {
    const data = { taskId: idOf(event.stream), position: event.position }
    const later = Schema.is(Direct)(event.data) ? { startAfter: new Date(Date.parse(event.at) + directLaunchMs) } : {}
    return [{ queue: queues.launch.name, data, ...later }]
  }
}

const Direct = Schema.Struct({ direct: Schema.Literal(true) })

export const killReactor: Reactor = {
  name: "task-kill",
  from: "beginning",
  types: ["TaskKillRequested"],
  react: (event) => [{ queue: queues.kill.name, data: { taskId: idOf(event.stream), position: event.position } }]
}

export const messageReactor: Reactor = {
  name: "task-message",
  from: "beginning",
  types: ["TaskMessageSent"],
  react: (event) => [{ queue: queues.message.name, data: { taskId: idOf(event.stream), position: event.position } }]
}

export const notifyReactor: Reactor = {
  name: "task-notify",
  from: "beginning",
  types: settling,
  react: (event) => [{ queue: queues.notify.name, data: { taskId: idOf(event.stream), position: event.position } }]
}
