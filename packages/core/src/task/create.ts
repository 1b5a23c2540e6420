/**
 * Making tasks: new ones, again, and as a follow-up of an agent's session. Hub, schedules and chat make them here.
 *
 * Owns: the checks that cross streams (host, tool, parameters, dependencies, sessions) and the ids.
 * Does not own: what one request may hold (`request.ts`), the task's own rules (`decider.ts`).
 * Invariants: one command id makes at most one task and always answers that one, whatever has changed since: where there is a
 * receipt the id comes from it, and nothing that was checked or drawn again counts.
 */
import { randomBytes, randomUUID } from "node:crypto"
import { Clock, Context, Effect, Layer, Result, Schema } from "effect"
import type { TaskRequest } from "../api/contract.ts"
import { ReadModels } from "../api/ReadModels.ts"
import { hostEvents, hostStream } from "../host/events.ts"
import { hostDecider } from "../host/room.ts"
import { canonical, Commands, type ExecuteError } from "../log/Commands.ts"
import { EventLog } from "../log/EventLog.ts"
import { findReceipt } from "../log/receipt.ts"
import { Db, type DbError } from "../postgres/Db.ts"
import { validateParams } from "../tool/params.ts"
import type { Tool } from "../tool/Tool.ts"
import { allTools, findTool } from "../tool/Toolbox.ts"
import { TaskRejection } from "./decider.ts"
import { makeTaskId, taskEvents, type TaskSpec, taskStream } from "./events.ts"
import { TaskInvalid, toSpec } from "./request.ts"
import { taskDecider } from "./room.ts"
import { isSettled, type TaskView } from "./view.ts"

export class TaskNotFound extends Schema.TaggedError<TaskNotFound>()("TaskNotFound", { taskId: Schema.String }) {
  override get message(): string {
    return `There is no task ${this.taskId}. See task list.`
  }
}

export interface Origin {
  readonly commandId: string
  readonly actor: string
  readonly scheduleId?: string
  readonly correlationId?: string
  readonly causationId?: number
}
export interface MadeTask {
  readonly taskId: string
  readonly position: number
}
export type MakeError = TaskInvalid | ExecuteError | DbError
export type FollowUpError = MakeError | TaskNotFound | TaskRejection

export class Tasks extends Context.Service<
  Tasks,
  {
    /** Everything that `create` checks, and nothing done: for schedules. */
    readonly check: (request: TaskRequest) => Effect.Effect<TaskSpec, MakeError>
    readonly create: (request: TaskRequest, origin: Origin) => Effect.Effect<MadeTask, MakeError>
    /** A new task like that one, which must have ended. */
    readonly retry: (taskId: string, origin: Origin) => Effect.Effect<MadeTask, FollowUpError>
    /** A new task that says `text` in the agent session of that one, which must have ended. */
    readonly resume: (taskId: string, text: string, origin: Origin) => Effect.Effect<MadeTask, FollowUpError>
  }
>()("@signalbox/core/task/Tasks") {
  static readonly layer: Layer.Layer<Tasks, never, Commands | EventLog | ReadModels | Db> = Layer.effect(
    Tasks,
    Effect.gen(function* () {
      const context = yield* Effect.context<Commands | EventLog | ReadModels | Db>()
      const run = <A, E>(self: Effect.Effect<A, E, Commands | EventLog | ReadModels | Db>) =>
        Effect.provideContext(self, context)
      return Tasks.of({
        check: (request) => run(checked(request)),
        create: (request, origin) =>
          run(
            make({ create: request, scheduleId: origin.scheduleId }, origin, () =>
              Effect.map(checked(request), (spec) => ({ spec, lineage: {} }))
            )
          ),
        retry: (taskId, origin) => run(make({ retry: taskId }, origin, () => again(taskId))),
        resume: (taskId, text, origin) => run(make({ resume: taskId, text }, origin, () => followUp(taskId, text)))
      })
    })
  )
}

interface Plan {
  readonly spec: TaskSpec
  readonly lineage: { readonly retryOf?: string; readonly resumeOf?: string; readonly resumeSession?: string }
}

/** @param body what the client asked for, without anything that we draw: it tells a repeat from a reuse */
const make = <E, R>(body: object, origin: Origin, plan: () => Effect.Effect<Plan, E, R>) =>
  Effect.gen(function* () {
    const commands = yield* Commands
    const { scheduleId, ...by } = origin
    const create = (taskId: string, { spec, lineage }: Plan) =>
      Effect.map(
        commands.execute({
          ...by,
          decider: taskDecider,
          types: taskEvents,
          stream: taskStream(taskId),
          seen: { state: undefined, version: 0 },
          command: {
            _tag: "Create",
            created: {
              ...spec,
              ...lineage,
              taskId,
              sessionId: randomUUID(),
              ...(scheduleId === undefined ? {} : { scheduleId })
            }
          },
          body: canonical(body)
        }),
        (executed): MadeTask => ({ taskId, position: executed.position })
      )
    // The checks are most often needed, so they do not wait for the receipt; where there is one, they do not count.
    const [before, checks] = yield* Effect.all([firstAnswer(origin.commandId), Effect.result(plan())], {
      concurrency: 2
    })
    if (before !== undefined) return yield* create(before, nothing)
    const planned = yield* Effect.fromResult(checks)
    const taskId = makeTaskId(yield* Clock.currentTimeMillis, randomBytes(6))
    // Two of the same command at the same moment: the slower one finds the id taken and answers with the first one's task.
    return yield* create(taskId, planned).pipe(
      Effect.catchTag("CommandIdReused", (reused) =>
        Effect.flatMap(firstAnswer(origin.commandId), (first) =>
          first === undefined ? Effect.fail(reused) : create(first, planned)
        )
      )
    )
  })

const firstAnswer = (commandId: string): Effect.Effect<string | undefined, DbError, Db> =>
  Effect.map(findReceipt(commandId), (receipt) =>
    receipt?.stream.startsWith(taskStream("")) === true ? receipt.stream.slice(taskStream("").length) : undefined
  )

/** The log answers a repeat by its receipt; what it is given to write is not looked at. */
const nothing: Plan = { spec: { host: "", tool: "", command: "", params: {}, priority: 0, after: [] }, lineage: {} }

const invalid = (reason: string): Effect.Effect<never, TaskInvalid> => Effect.fail(new TaskInvalid({ reason }))

/** Host, tool, parameters and dependencies are there, and the tool can do it. */
const checked = Effect.fnUntraced(function* (request: TaskRequest) {
  const spec = yield* Effect.fromResult(toSpec(request))
  yield* checkHost(spec.host)
  const tool = yield* checkTool(spec)
  const params = validateParams(tool, spec.params)
  if (Result.isFailure(params)) return yield* invalid(sentence(params.failure.message))
  const refusal = tool.refusal({ ...invocationOf(spec) })
  if (refusal !== undefined) return yield* invalid(sentence(refusal))
  const log = yield* EventLog
  const found = yield* Effect.forEach(spec.after, (id) => log.read({ stream: taskStream(id), limit: 1 }), {
    concurrency: 8
  })
  const missing = spec.after.filter((_, i) => found[i]?.length === 0)
  if (missing.length > 0) return yield* invalid(`There is no task ${missing.join(", ")} to wait for. See task list.`)
  return spec
})

const checkHost = Effect.fnUntraced(function* (name: string) {
  const commands = yield* Commands
  const host =
    name === "" || name.length > 63
      ? undefined
      : (yield* commands.load(hostDecider(name), hostEvents, hostStream(name))).state
  if (host === undefined || host.removed)
    return yield* invalid(`There is no host ${name.slice(0, 63) || '""'}. See host list, or add it with host add.`)
})

/** The tool by its name; the sentence lists the names there are. */
const checkTool = Effect.fnUntraced(function* (spec: TaskSpec) {
  const tool: Tool | undefined = yield* Effect.catchTag(findTool(spec.tool), "ToolInvalid", (error) =>
    invalid(`${sentence(error.message)} Define it again with tool add.`)
  )
  if (tool !== undefined) return tool
  const names = (yield* allTools).map((one) => one.name).join(", ")
  return yield* invalid(`There is no tool ${spec.tool.slice(0, 63) || '""'}. There are ${names}.`)
})

const invocationOf = (spec: TaskSpec, resume?: string) => ({
  command: spec.command,
  params: spec.params,
  args: [],
  sessionId: "00000000-0000-4000-8000-000000000000",
  ...(spec.context === undefined ? {} : { context: spec.context }),
  ...(resume === undefined ? {} : { resume })
})

const ended = Effect.fnUntraced(function* (taskId: string, what: string) {
  const commands = yield* Commands
  const task = (yield* commands.load(taskDecider, taskEvents, taskStream(taskId))).state
  if (task === undefined) return yield* Effect.fail(new TaskNotFound({ taskId }))
  if (!isSettled(task.status))
    return yield* Effect.fail(
      new TaskRejection({ reason: `${taskId} is ${task.status}; it can be ${what} once it has ended.` })
    )
  return task
})

const specOf = (task: TaskView): TaskSpec => ({
  host: task.host,
  tool: task.tool,
  command: task.command,
  params: task.params,
  priority: task.priority,
  after: task.after,
  ...(task.context === undefined ? {} : { context: task.context }),
  ...(task.cwd === undefined ? {} : { cwd: task.cwd }),
  ...(task.env === undefined ? {} : { env: task.env }),
  ...(task.envFrom === undefined ? {} : { envFrom: task.envFrom }),
  ...(task.timeoutMs === undefined ? {} : { timeoutMs: task.timeoutMs }),
  ...(task.idleTimeoutMs === undefined ? {} : { idleTimeoutMs: task.idleTimeoutMs }),
  ...(task.notify === undefined ? {} : { notify: task.notify })
})

const again = Effect.fnUntraced(function* (taskId: string) {
  const task = yield* ended(taskId, "tried again")
  // A person who tries again means now: what it once waited for has ended, well or badly.
  const spec = { ...specOf(task), after: [] }
  yield* checkHost(spec.host)
  yield* checkTool(spec)
  const plan: Plan = {
    spec,
    lineage: {
      retryOf: taskId,
      ...(task.resumeOf === undefined ? {} : { resumeOf: task.resumeOf }),
      ...(task.resumeSession === undefined ? {} : { resumeSession: task.resumeSession })
    }
  }
  return plan
})

const followUp = Effect.fnUntraced(function* (taskId: string, text: string) {
  const task = yield* ended(taskId, "resumed")
  const { context: _context, ...asked } = specOf(task)
  const spec = yield* Effect.fromResult(toSpec({ ...asked, after: [], command: text }))
  yield* checkHost(spec.host)
  const tool = yield* checkTool(spec)
  if (!tool.canResume) return yield* invalid(`${tool.name} cannot continue a session. Make a new task instead.`)
  const session = sessionOf(task, tool)
  if (session === undefined)
    return yield* invalid(`${taskId} told no session id, so there is nothing to resume. Use task retry instead.`)
  const refusal = tool.refusal(invocationOf(spec, session))
  if (refusal !== undefined) return yield* invalid(sentence(refusal))
  const plan: Plan = { spec, lineage: { resumeOf: taskId, resumeSession: session } }
  return plan
})

/** What the tool reported; else what we chose, once it was started with it. */
const sessionOf = (task: TaskView, tool: Tool): string | undefined =>
  task.report.sessionId ??
  task.resumeSession ??
  (tool.sessionId === "chosen" && task.startedAt !== null ? task.sessionId : undefined)

/** The tool room's sentences end without a full stop; some begin with a tool's name, which stays as it is written. */
const sentence = (text: string): string => `${text}${/[.!?]$/.test(text) ? "" : "."}`
