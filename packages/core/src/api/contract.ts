/**
 * The HTTP API as one typed contract: server, client, OpenAPI and docs derive from it.
 *
 * Owns: paths, payloads, errors. Does not own: streams of bytes and Server-Sent Events, which no typed contract carries well;
 * they are named in `streams` below and served as raw routes.
 * Invariants: every mutation takes a `commandId` (made by the client, else by the hub) and is idempotent by it; the actor comes
 * from the token, never from the payload.
 */
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSchema, OpenApi } from "effect/http-api"
import { HostConfig, HostName, TaskDefaults } from "../host/config.ts"
import { HostView } from "../host/view.ts"
import { RecordedEvent } from "../log/Event.ts"
import { ScheduleView } from "../schedule/decider.ts"
import { TaskId, TaskSpec } from "../task/events.ts"
import { TaskStatus, TaskView } from "../task/view.ts"
import { AccountsGroup, SignInGroup } from "./accounts.ts"
import { AgentDoorsGroup, AgentsGroup } from "./agents.ts"
import { Accepted, Auth, command, failures, Limit, Needs } from "./auth.ts"
import { ConversationsGroup, ModelsGroup } from "./conversations.ts"
import { ActionsGroup, PlansGroup } from "./plans.ts"
import { Invalid, NotFound, Unavailable } from "./problems.ts"

/** Raw routes beside the contract. */
export const streams = {
  /** SSE. Query: from (position), stream, type. Header Last-Event-ID resumes. Frames: id = position, event = type, data = RecordedEvent; `event: caught-up` once. */
  events: "/api/v1/events",
  /** Bytes. Query: stream=out|err, from (byte), tail (lines). Headers: x-next-byte, x-task-status. */
  output: (taskId: string) => `/api/v1/tasks/${taskId}/output`,
  /** SSE. Query: stream=out|err, from (byte). Frames: id = next byte, event `chunk` with {from, base64}, then `end` with {status, exitCode}. */
  followOutput: (taskId: string) => `/api/v1/tasks/${taskId}/output/follow`,
  /**
   * SSE. One conversation as it happens: its events and, between them, the text of the open reply. Query: from (version; default: the
   * next one). Frames: `id` = version, event `event` with a RecordedEvent; event `delta` with {replyId, from, text} — dense per reply
   * from 0, in order, after its ReplyRequested and before its outcome, whose text is final; event `thinking` with {replyId}.
   */
  conversation: (conversationId: string) => `/api/v1/conversations/${conversationId}/live`,
  /** Bytes. Query: format=md|json|jsonl. */
  conversationExport: (conversationId: string) => `/api/v1/conversations/${conversationId}/export`,
  /** POST of an export in the format json (at most 32 MiB). Query: commandId. Answers 201 with `Said`. */
  conversationImport: "/api/v1/conversations/import",
  /** Bytes. Query: format=json|csv, since (ISO 8601), limit. See docs/reports.md. */
  report: (name: string) => `/api/v1/reports/${name}`
} as const

/** A duration as people write it: 90s, 10m, 2h, 1d, or milliseconds. */
export const TaskRequest = Schema.Struct({
  ...TaskSpec.fields,
  params: Schema.optionalKey(TaskSpec.fields.params),
  priority: Schema.optionalKey(TaskSpec.fields.priority),
  after: Schema.optionalKey(TaskSpec.fields.after)
}).annotate({ identifier: "TaskRequest" })
export type TaskRequest = typeof TaskRequest.Type

const TaskCreated = Schema.Struct({ taskId: TaskId, position: Schema.Int }).annotate({
  identifier: "TaskCreatedAnswer"
})

export class TasksGroup extends HttpApiGroup.make("tasks")
  .add(
    /** Newest first. `command` is cut after 300 characters and `context` is left out; `get` has them whole. */
    HttpApiEndpoint.get("list", "/", {
      query: {
        host: Schema.optionalKey(Schema.String),
        tool: Schema.optionalKey(Schema.String),
        status: Schema.optionalKey(Schema.Array(TaskStatus)),
        /** ISO 8601: created at or after. */
        since: Schema.optionalKey(Schema.String),
        /** Case-insensitive part of command, answer or id. */
        text: Schema.optionalKey(Schema.String),
        /** Only tasks created before this one: the next page. */
        before: Schema.optionalKey(TaskId),
        limit: Schema.optionalKey(Limit)
      },
      /** `position`: the log position up to which the answer is complete; follow the events from the next one. */
      success: Schema.Struct({ tasks: Schema.Array(TaskView), position: Schema.Int }),
      error: [Invalid, Unavailable]
    }).annotate(Needs, "read"),
    HttpApiEndpoint.get("get", "/:taskId", {
      params: { taskId: TaskId },
      success: Schema.Struct({ task: TaskView, position: Schema.Int }),
      error: [NotFound, Unavailable]
    }).annotate(Needs, "read"),
    HttpApiEndpoint.post("create", "/", {
      payload: Schema.Struct({ ...TaskRequest.fields, ...command }),
      success: TaskCreated.pipe(HttpApiSchema.status(201)),
      error: failures
    }).annotate(Needs, "task"),
    HttpApiEndpoint.post("kill", "/:taskId/kill", {
      params: { taskId: TaskId },
      /** Time between TERM and KILL; default 5,000 ms. */
      payload: Schema.Struct({
        ...command,
        graceMs: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 600_000 })))
      }),
      success: Accepted,
      error: failures
    }).annotate(Needs, "task"),
    /** Types `text` and Enter into the terminal of an interactive task. */
    HttpApiEndpoint.post("message", "/:taskId/message", {
      params: { taskId: TaskId },
      payload: Schema.Struct({ ...command, text: Schema.String }),
      success: Accepted,
      error: failures
    }).annotate(Needs, "task"),
    /** A new task like this one. */
    HttpApiEndpoint.post("retry", "/:taskId/retry", {
      params: { taskId: TaskId },
      payload: Schema.Struct(command),
      success: TaskCreated.pipe(HttpApiSchema.status(201)),
      error: failures
    }).annotate(Needs, "task"),
    /** A new task that continues the agent's own session with `text`. */
    HttpApiEndpoint.post("resume", "/:taskId/resume", {
      params: { taskId: TaskId },
      payload: Schema.Struct({ ...command, text: Schema.String }),
      success: TaskCreated.pipe(HttpApiSchema.status(201)),
      error: failures
    }).annotate(Needs, "task")
  )
  .middleware(Auth)
  .prefix("/api/v1/tasks") {}

/** What a person gives; the rest is filled in. */
export const HostRequest = Schema.Struct({
  ...HostConfig.fields,
  kind: Schema.optionalKey(Schema.Literal("ssh")),
  port: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65535 }))),
  tags: Schema.optionalKey(HostConfig.fields.tags),
  hostKeys: Schema.optionalKey(HostConfig.fields.hostKeys),
  defaults: Schema.optionalKey(TaskDefaults)
}).annotate({ identifier: "HostRequest" })
export type HostRequest = typeof HostRequest.Type

/** Absent keys stay; null removes. */
export const HostEdit = Schema.Struct({
  displayName: Schema.optionalKey(Schema.NullOr(Schema.String)),
  address: Schema.optionalKey(Schema.String),
  port: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65535 }))),
  user: Schema.optionalKey(Schema.NullOr(Schema.String)),
  keyFile: Schema.optionalKey(Schema.NullOr(Schema.String)),
  agent: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
  passwordRef: Schema.optionalKey(Schema.NullOr(Schema.String)),
  jump: Schema.optionalKey(Schema.NullOr(Schema.String)),
  tags: Schema.optionalKey(HostConfig.fields.tags),
  defaults: Schema.optionalKey(TaskDefaults),
  tools: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, TaskDefaults)))
}).annotate({ identifier: "HostEdit" })
export type HostEdit = typeof HostEdit.Type

/** A host with what is running on it. */
export const HostStatus = Schema.Struct({
  ...HostView.fields,
  tasks: Schema.Struct({ queued: Schema.Int, active: Schema.Int, settled: Schema.Int }),
  /** Worker that watches the host's tasks now; null when none does. */
  watcher: Schema.NullOr(Schema.String)
}).annotate({ identifier: "HostStatus" })
export type HostStatus = typeof HostStatus.Type

export class HostsGroup extends HttpApiGroup.make("hosts")
  .add(
    HttpApiEndpoint.get("list", "/", {
      success: Schema.Struct({ hosts: Schema.Array(HostStatus), position: Schema.Int }),
      error: [Unavailable]
    }).annotate(Needs, "read"),
    HttpApiEndpoint.get("get", "/:name", {
      params: { name: HostName },
      success: Schema.Struct({ host: HostStatus, position: Schema.Int }),
      error: [NotFound, Unavailable]
    }).annotate(Needs, "read"),
    HttpApiEndpoint.post("add", "/", {
      payload: Schema.Struct({ ...HostRequest.fields, ...command, acceptNew: Schema.optionalKey(Schema.Boolean) }),
      success: Accepted.pipe(HttpApiSchema.status(201)),
      error: failures
    }).annotate(Needs, "host"),
    HttpApiEndpoint.patch("edit", "/:name", {
      params: { name: HostName },
      payload: Schema.Struct({ ...HostEdit.fields, ...command }),
      success: Accepted,
      error: failures
    }).annotate(Needs, "host"),
    HttpApiEndpoint.delete("remove", "/:name", {
      params: { name: HostName },
      success: Accepted,
      error: failures
    }).annotate(Needs, "host"),
    /** A worker looks at the host now; answers when it has looked, or 503 when no worker did within 30 s. */
    HttpApiEndpoint.post("check", "/:name/check", {
      params: { name: HostName },
      payload: Schema.Struct(command),
      success: Schema.Struct({ host: HostStatus, position: Schema.Int }),
      error: failures
    }).annotate(Needs, "task"),
    /** Makes the host an agent: answers when that is done, or 503 when no worker did it within 10 minutes. */
    HttpApiEndpoint.post("prepare", "/:name/prepare", {
      params: { name: HostName },
      /** `replace`: an agent that is there is revoked and enrolled anew. */
      payload: Schema.Struct({ ...command, replace: Schema.optionalKey(Schema.Boolean) }),
      success: Schema.Struct({ said: Schema.Array(Schema.String), position: Schema.Int }),
      error: failures
    }).annotate(Needs, "agent"),
    /** Pins the key that the host offers now. */
    HttpApiEndpoint.post("acceptKey", "/:name/key", {
      params: { name: HostName },
      payload: Schema.Struct({ ...command, replace: Schema.optionalKey(Schema.Boolean) }),
      success: Schema.Struct({ host: HostStatus, position: Schema.Int }),
      error: failures
    }).annotate(Needs, "host")
  )
  .middleware(Auth)
  .prefix("/api/v1/hosts") {}

export const ToolInfo = Schema.Struct({
  name: Schema.String,
  title: Schema.String,
  binary: Schema.NullOr(Schema.String),
  format: Schema.String,
  canResume: Schema.Boolean,
  params: Schema.Json,
  builtIn: Schema.Boolean
}).annotate({ identifier: "ToolInfo" })
export type ToolInfo = typeof ToolInfo.Type

export class ToolsGroup extends HttpApiGroup.make("tools")
  .add(
    HttpApiEndpoint.get("list", "/", {
      success: Schema.Struct({ tools: Schema.Array(ToolInfo) }),
      error: [Unavailable]
    }).annotate(Needs, "read"),
    /** Defines or redefines a tool of one's own; the schema is `UserTool` of the tool room. */
    HttpApiEndpoint.post("define", "/", {
      payload: Schema.Struct({ ...command, tool: Schema.Json }),
      success: Accepted.pipe(HttpApiSchema.status(201)),
      error: failures
    }).annotate(Needs, "tool"),
    HttpApiEndpoint.delete("remove", "/:name", {
      params: { name: Schema.String },
      success: Accepted,
      error: failures
    }).annotate(Needs, "tool")
  )
  .middleware(Auth)
  .prefix("/api/v1/tools") {}

export class SchedulesGroup extends HttpApiGroup.make("schedules")
  .add(
    HttpApiEndpoint.get("list", "/", {
      success: Schema.Struct({
        schedules: Schema.Array(Schema.Struct({ ...ScheduleView.fields, nextAt: Schema.NullOr(Schema.String) }))
      }),
      error: [Unavailable]
    }).annotate(Needs, "read"),
    HttpApiEndpoint.post("add", "/", {
      payload: Schema.Struct({
        ...command,
        scheduleId: Schema.String.check(
          Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/u, {
            expected: "a name of letters, digits, dots and dashes, at most 63 of them"
          })
        ),
        cron: Schema.String,
        timezone: Schema.optionalKey(Schema.String),
        task: TaskRequest
      }),
      success: Accepted.pipe(HttpApiSchema.status(201)),
      error: failures
    }).annotate(Needs, "task"),
    HttpApiEndpoint.post("pause", "/:scheduleId/pause", {
      params: { scheduleId: Schema.String },
      payload: Schema.Struct(command),
      success: Accepted,
      error: failures
    }).annotate(Needs, "task"),
    HttpApiEndpoint.post("resume", "/:scheduleId/resume", {
      params: { scheduleId: Schema.String },
      payload: Schema.Struct(command),
      success: Accepted,
      error: failures
    }).annotate(Needs, "task"),
    HttpApiEndpoint.delete("remove", "/:scheduleId", {
      params: { scheduleId: Schema.String },
      success: Accepted,
      error: failures
    }).annotate(Needs, "task")
  )
  .middleware(Auth)
  .prefix("/api/v1/schedules") {}

export class LogGroup extends HttpApiGroup.make("log")
  .add(
    /** One page of the log, oldest first; with `before`, the newest ones below it (still oldest first). */
    HttpApiEndpoint.get("page", "/", {
      query: {
        from: Schema.optionalKey(Schema.Int),
        before: Schema.optionalKey(Schema.Int),
        stream: Schema.optionalKey(Schema.String),
        type: Schema.optionalKey(Schema.String),
        limit: Schema.optionalKey(Limit)
      },
      success: Schema.Struct({ events: Schema.Array(RecordedEvent), head: Schema.Int }),
      error: [Invalid, Unavailable]
    }).annotate(Needs, "read"),
    /** Projections: how far each is, and what is parked. */
    HttpApiEndpoint.get("projections", "/projections", {
      success: Schema.Struct({
        head: Schema.Int,
        projections: Schema.Array(Schema.Struct({ name: Schema.String, position: Schema.Int, parked: Schema.Int })),
        parked: Schema.Array(
          Schema.Struct({
            projection: Schema.String,
            stream: Schema.String,
            position: Schema.Int,
            error: Schema.String,
            at: Schema.String
          })
        )
      }),
      error: [Unavailable]
    }).annotate(Needs, "read"),
    HttpApiEndpoint.post("retryParked", "/projections/:name/retry", {
      params: { name: Schema.String },
      payload: Schema.Struct({ stream: Schema.String }),
      success: Schema.Struct({ retried: Schema.Int }),
      error: failures
    }).annotate(Needs, "mend")
  )
  .middleware(Auth)
  .prefix("/api/v1/log") {}

export class SystemGroup extends HttpApiGroup.make("system", { topLevel: true }).add(
  HttpApiEndpoint.get("health", "/health", {
    success: Schema.Struct({ status: Schema.Literal("ok"), version: Schema.String })
  }).annotate(Needs, "anyone"),
  HttpApiEndpoint.get("ready", "/ready", {
    success: Schema.Struct({ status: Schema.Literal("ready"), head: Schema.Int }),
    error: Unavailable
  }).annotate(Needs, "anyone")
) {}

export class HubApi extends HttpApi.make("signalbox")
  .add(SystemGroup)
  .add(SignInGroup)
  .add(AccountsGroup)
  .add(TasksGroup)
  .add(HostsGroup)
  .add(ToolsGroup)
  .add(SchedulesGroup)
  .add(ConversationsGroup)
  .add(ModelsGroup)
  .add(PlansGroup)
  .add(ActionsGroup)
  .add(AgentsGroup)
  .add(AgentDoorsGroup)
  .add(LogGroup)
  .middleware(HttpApiMiddleware.ProblemDetails)
  .annotate(HttpApi.ParseOptions, { errors: "all" })
  .annotate(HttpApi.PayloadParseOptions, { errors: "all", onExcessProperty: "error" })
  .annotate(OpenApi.Title, "Signalbox")
  .annotate(OpenApi.Version, "1") {}
