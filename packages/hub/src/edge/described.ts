/**
 * What `/openapi.json` says of the routes beside the contract: streams, bytes, reports.
 *
 * Owns: their description. Does not own: the routes (each in its room), those of the contract (effect describes them), what only agents
 * and their installer ask.
 * Invariant: a route that people may ask and that is not described fails a test (`Hub.test.ts`).
 */
import { OpenApi } from "effect/http-api"
import { streams } from "@signalbox/core/api/contract.ts"
import { reports } from "@signalbox/core/report/reports.ts"

interface Parameter {
  readonly name: string
  readonly in: "query" | "header" | "path"
  readonly schema: object
  readonly description?: string
}
interface Route {
  readonly path: string
  readonly id: string
  readonly tag: string
  readonly summary: string
  readonly description?: string
  readonly parameters: ReadonlyArray<Parameter>
  /** Content types of a good answer. */
  readonly answers: ReadonlyArray<string>
  readonly method?: "post"
  /** What it may be refused with, beside 401 and 403. */
  readonly refusals: ReadonlyArray<keyof typeof refusalWords>
  readonly open?: boolean
}

const whole = { type: "integer", minimum: 0 }
const text = { type: "string" }
const query = (name: string, schema: object, description?: string): Parameter => ({
  name,
  in: "query",
  schema,
  ...(description === undefined ? {} : { description })
})
const resumes: Parameter = {
  name: "Last-Event-ID",
  in: "header",
  schema: whole,
  description: "Resumes after the frame with this id; wins over `from`"
}
const which = query("stream", { enum: ["out", "err"], default: "out" }, "Standard output or standard error")
const refusalWords = { 404: "Not found", 422: "Invalid", 503: "Unavailable" }

const routes: ReadonlyArray<Route> = [
  {
    path: streams.events,
    id: "log.follow",
    tag: "log",
    summary: "The event log, and every new event as it comes",
    description:
      "Server-Sent Events. A frame has the position as `id`, the type as `event` and a RecordedEvent as `data`; `caught-up` comes once.",
    parameters: [
      resumes,
      query("from", whole, "First position; default 1"),
      query("stream", text, "Only this stream, such as host/web1"),
      query("type", text, "Only this type, such as TaskCreated")
    ],
    answers: ["text/event-stream"],
    refusals: [422, 503]
  },
  {
    path: streams.output(":taskId"),
    id: "tasks.output",
    tag: "tasks",
    summary: "What a task printed, byte for byte",
    description: "The headers `x-next-byte` and `x-task-status` tell where it goes on and whether it will.",
    parameters: [which, query("from", whole, "First byte"), query("tail", whole, "Only the last lines")],
    answers: ["application/octet-stream"],
    refusals: [404, 422, 503]
  },
  {
    path: streams.followOutput(":taskId"),
    id: "tasks.followOutput",
    tag: "tasks",
    summary: "What a task prints, as it comes",
    description:
      "Server-Sent Events. `chunk` holds {from, base64} and has the next byte as `id`; `end` holds {status, exitCode}.",
    parameters: [resumes, which, query("from", whole, "First byte")],
    answers: ["text/event-stream"],
    refusals: [404, 422, 503]
  },
  {
    path: streams.conversation(":conversationId"),
    id: "conversations.live",
    tag: "conversations",
    summary: "A conversation as it happens: its events, and the text of the open reply",
    description:
      "Server-Sent Events. `event` holds a RecordedEvent and has its version as `id`; `delta` holds {replyId, from, text}; `thinking` holds {replyId}.",
    parameters: [resumes, query("from", whole, "First version; default the next one")],
    answers: ["text/event-stream"],
    refusals: [404, 422, 503]
  },
  {
    path: streams.conversationExport(":conversationId"),
    id: "conversations.export",
    tag: "conversations",
    summary: "A conversation as a document",
    parameters: [query("format", { enum: ["md", "json", "jsonl"], default: "md" })],
    answers: ["text/markdown", "application/json", "application/x-ndjson"],
    refusals: [404, 422, 503]
  },
  {
    path: streams.conversationImport,
    method: "post",
    id: "conversations.import",
    tag: "conversations",
    summary: "Make a conversation of an export in the format json, of at most 32 MiB",
    parameters: [query("commandId", { type: "string", format: "uuid" }, "The same id is done once")],
    answers: ["application/json"],
    refusals: [422, 503]
  },
  {
    path: streams.report(":name"),
    id: "reports.read",
    tag: "reports",
    summary: "A ready-made report",
    description: "The header `x-more` tells whether there are more rows.",
    parameters: [
      { name: "name", in: "path", schema: { enum: Object.keys(reports) } },
      query("format", { enum: ["json", "csv"], default: "json" }),
      query("since", { type: "string", format: "date-time" }),
      query("limit", { type: "integer", minimum: 1, maximum: 10_000, default: 1000 })
    ],
    answers: ["application/json", "text/csv"],
    refusals: [404, 422, 503]
  },
  {
    path: "/metrics",
    id: "metrics",
    tag: "system",
    summary: "This process and its work, for Prometheus",
    parameters: [],
    answers: ["text/plain"],
    refusals: [],
    open: true
  }
]

const operation = (route: Route): object => ({
  tags: [route.tag],
  operationId: route.id,
  summary: route.summary,
  ...(route.description === undefined ? {} : { description: route.description }),
  parameters: [
    ...Array.from(route.path.matchAll(/:(\w+)/gu), ([, name = ""]): Parameter => ({
      name,
      in: "path",
      schema: text
    })).filter(({ name }) => !route.parameters.some((own) => own.in === "path" && own.name === name)),
    ...route.parameters
  ].map((one) => ({ ...one, required: one.in === "path" })),
  ...(route.method === "post"
    ? { requestBody: { required: true, content: { "application/json": { schema: { type: "object" } } } } }
    : {}),
  security: route.open === true ? [] : [{ bearer: [] }],
  responses: {
    [route.method === "post" ? "201" : "200"]: {
      description: "Success",
      content: Object.fromEntries(
        route.answers.map((type) => [type, type === "application/json" ? { schema: {} } : { schema: text }])
      )
    },
    ...(route.open === true ? {} : { 401: { description: "Not signed in" }, 403: { description: "Not allowed" } }),
    ...Object.fromEntries(route.refusals.map((status) => [status, { description: refusalWords[status] }]))
  }
})

/** For the annotation of an API: its description with these routes. */
export const withRawRoutes: OpenApi.Transform["Service"] = (spec) => ({
  ...spec,
  paths: {
    ...spec["paths"],
    ...Object.fromEntries(
      routes.map((route) => [route.path.replaceAll(/:(\w+)/gu, "{$1}"), { [route.method ?? "get"]: operation(route) }])
    )
  },
  tags: [...spec["tags"], { name: "reports" }]
})
