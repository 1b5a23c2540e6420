/**
 * Anthropic's Messages API: POST /v1/messages (streamed), GET /v1/models.
 *
 * Owns: its frames, its errors, what it refuses, its prompt cache. Does not own: what is said.
 * Invariants: the order of events is message_start, blocks (start, deltas, stop), message_delta, message_stop; pings between.
 */
import { at, bites, type Came, type Dialect, type Frame, list, number, type Plain, text } from "./dialect.ts"
import { anthropicModels } from "./lists.ts"
import {
  type Asked,
  type Counted,
  type Fault,
  piecesOf,
  type Reply,
  type Said,
  type SaidCall,
  tokensOf
} from "./script.ts"

const event = (data: { readonly type: string; readonly [key: string]: unknown }): string =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`

const problem = (status: number, type: string, message: string, headers: Plain["headers"] = {}): Plain => ({
  status,
  headers: { "request-id": "req_011CSHoEeqs5C35K2UUqR7Fy", ...headers },
  body: { type: "error", error: { type, message }, request_id: "req_011CSHoEeqs5C35K2UUqR7Fy" }
})

const blockText = (content: unknown): string =>
  typeof content === "string"
    ? content
    : list(content)
        .flatMap((block) => (at(block, "type") === "text" ? [text(at(block, "text"))] : []))
        .join("\n")

const callsOf = (content: unknown): ReadonlyArray<SaidCall> =>
  list(content).flatMap((block) =>
    at(block, "type") === "tool_use"
      ? [{ id: text(at(block, "id")), name: text(at(block, "name")), args: at(block, "input") }]
      : []
  )

/** One message of the wire may hold several of ours: results of tools and a text. */
const saidOf = (message: unknown): ReadonlyArray<Said> => {
  const content = at(message, "content")
  if (at(message, "role") === "assistant")
    return [{ role: "assistant", text: blockText(content), calls: callsOf(content) }]
  const results = list(content).flatMap((block): ReadonlyArray<Said> =>
    at(block, "type") === "tool_result" ? [{ role: "tool", text: blockText(at(block, "content")), calls: [] }] : []
  )
  const own = blockText(content)
  return own === "" && results.length > 0 ? results : [...results, { role: "user", text: own, calls: [] }]
}

const read = (came: Came): Asked | undefined =>
  came.method === "POST" && came.path === "/v1/messages"
    ? {
        model: text(at(came.body, "model")),
        system: blockText(at(came.body, "system")),
        messages: list(at(came.body, "messages")).flatMap(saidOf),
        tools: list(at(came.body, "tools")).map((tool) => text(at(tool, "name"))),
        toolChoice:
          at(came.body, "tool_choice", "type") === "tool" ? text(at(came.body, "tool_choice", "name")) : undefined,
        maxTokens: number(at(came.body, "max_tokens")),
        headers: came.headers,
        body: came.body,
        at: came.at
      }
    : undefined

const invalid = (message: string): Plain => problem(400, "invalid_request_error", message)

const check = (asked: Asked): Plain | undefined => {
  if (asked.headers["anthropic-version"] === undefined) return invalid("anthropic-version: header is required")
  if (asked.maxTokens === undefined) return invalid("max_tokens: Field required")
  const known = anthropicModels.find((model) => model.id === asked.model)
  if (known === undefined) return problem(404, "not_found_error", `model: ${asked.model}`)
  if (asked.maxTokens > known.max_tokens)
    return invalid(
      `max_tokens: ${asked.maxTokens} > ${known.max_tokens}, which is the maximum allowed number of output tokens for ${asked.model}`
    )
  if (asked.toolChoice !== undefined && asked.model.endsWith("-5-5"))
    return invalid(`tool_choice: forced tool use is not supported for ${asked.model}. Use "auto" or "none".`)
  const messages = list(at(asked.body, "messages"))
  if (messages.length === 0) return invalid("messages: at least one message is required")
  for (const [index, message] of messages.entries()) {
    const content = at(message, "content")
    const blocks = typeof content === "string" ? [{ type: "text", text: content }] : list(content)
    if (blocks.length === 0) return invalid(`messages.${index}: all messages must have non-empty content`)
    if (blocks.some((block) => at(block, "type") === "text" && text(at(block, "text")).trim() === ""))
      return invalid("messages: text content blocks must contain non-whitespace text")
    const answered = new Set(list(at(messages[index + 1], "content")).map((block) => at(block, "tool_use_id")))
    const open = callsOf(content).filter((call) => !answered.has(call.id))
    if (open.length > 0)
      return invalid(
        `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${open.map((call) => call.id).join(", ")}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`
      )
    const calls = new Set(callsOf(at(messages[index - 1], "content")).map((call) => call.id))
    const stray = blocks.find(
      (block) => at(block, "type") === "tool_result" && !calls.has(text(at(block, "tool_use_id")))
    )
    if (stray !== undefined)
      return invalid(
        `messages.${index}.content.0: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${text(at(stray, "tool_use_id"))}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`
      )
  }
  return undefined
}

/** The first page holds what fits `limit`; the rest comes by `after_id`. */
const answer = (came: Came): Plain | undefined => {
  if (came.method !== "GET" || came.path !== "/v1/models") return undefined
  const limit = Number(came.query.get("limit") ?? 20)
  const after = anthropicModels.findIndex((model) => model.id === came.query.get("after_id"))
  const page = anthropicModels.slice(after + 1, after + 1 + limit)
  return {
    status: 200,
    body: {
      data: page,
      has_more: after + 1 + limit < anthropicModels.length,
      first_id: page[0]?.id ?? null,
      last_id: page.at(-1)?.id ?? null
    }
  }
}

const usage = (counted: Counted) => ({
  input_tokens: counted.input - counted.cached - counted.cacheWrite,
  cache_creation_input_tokens: counted.cacheWrite,
  cache_read_input_tokens: counted.cached
})

const frames = function* (asked: Asked, reply: Reply, counted: Counted): Generator<Frame> {
  const started = { ...counted, output: 1, reasoning: 0 }
  yield {
    text: event({
      type: "message_start",
      message: {
        id: "msg_01XFDUDYJgAACzvnptvVoYEL",
        type: "message",
        role: "assistant",
        model: asked.model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { ...usage(counted), output_tokens: 1, service_tier: "standard" }
      }
    }),
    counts: started
  }
  let index = 0
  const start = (block: { readonly type: string; readonly [key: string]: unknown }): Frame => ({
    text: event({ type: "content_block_start", index, content_block: block })
  })
  const delta = (data: { readonly type: string; readonly [key: string]: unknown }): string =>
    event({ type: "content_block_delta", index, delta: data })
  const stop = (): Frame => ({ text: event({ type: "content_block_stop", index: index++ }) })

  if (reply.thinking !== undefined) {
    yield start({ type: "thinking", thinking: "", signature: "" })
    for (const piece of piecesOf(reply.thinking)) yield { text: delta({ type: "thinking_delta", thinking: piece }) }
    yield { text: delta({ type: "signature_delta", signature: signatureOf(reply.thinking) }) }
    yield stop()
  }
  const pieces = reply.pieces ?? piecesOf(reply.text ?? "")
  if (pieces.length > 0) {
    yield start({ type: "text", text: "" })
    yield { text: event({ type: "ping" }) }
    for (const piece of pieces) yield { text: delta({ type: "text_delta", text: piece }), token: true }
    yield stop()
  }
  for (const [number, call] of (reply.calls ?? []).entries()) {
    yield start({ type: "tool_use", id: `toolu_${asked.messages.length}_${number}`, name: call.name, input: {} })
    yield { text: delta({ type: "input_json_delta", partial_json: "" }) }
    const json = JSON.stringify(call.args)
    // a call without arguments has no more deltas
    if (json !== "{}")
      for (const bite of bites(json)) yield { text: delta({ type: "input_json_delta", partial_json: bite }) }
    yield stop()
  }
  yield {
    text: event({
      type: "message_delta",
      delta: { stop_reason: stopOf(reply), stop_sequence: null },
      usage: { ...usage(counted), output_tokens: counted.output }
    }),
    counts: counted
  }
  yield { text: event({ type: "message_stop" }), last: true }
}

const signatureOf = (thinking: string): string => Buffer.from(`signed:${thinking}`).toString("base64")

const stopOf = (reply: Reply): string => {
  if ((reply.calls ?? []).length > 0) return "tool_use"
  return { end: "end_turn", length: "max_tokens", safety: "refusal" }[reply.stop ?? "end"]
}

const fault = (kind: Fault, asked: { readonly model: string }, retryAfterMs: number | undefined): Plain => {
  const retry: { readonly [name: string]: string } =
    retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1000)) }
  switch (kind) {
    case "bad-key":
      return problem(401, "authentication_error", "invalid x-api-key")
    case "forbidden":
      return problem(403, "permission_error", "Your API key does not have permission to use the specified resource.")
    case "rate-limit":
      return problem(
        429,
        "rate_limit_error",
        "This request would exceed your organization's rate limit of 50 requests per minute. Please reduce the prompt length or the maximum tokens requested, or try again later.",
        { "anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": "0", ...retry }
      )
    case "quota":
      return problem(
        400,
        "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."
      )
    case "too-long":
      return problem(400, "invalid_request_error", "prompt is too long: 210432 tokens > 200000 maximum")
    case "no-model":
      return problem(404, "not_found_error", `model: ${asked.model}`)
    case "refused":
      return problem(400, "invalid_request_error", "temperature: range: 0..1")
    case "overloaded":
      return problem(529, "overloaded_error", "Overloaded", retry)
    case "server":
      return problem(500, "api_error", "Internal server error", retry)
  }
}

/** By the markers: what was cached before is read, what is marked anew is written. */
export const makeAnthropic = (): Dialect => {
  const cache = new Set<string>()
  const count = (asked: Asked, counted: Counted): Counted => {
    const marked = markedPrefixes(asked.body)
    const hit = marked.findLast((prefix) => cache.has(prefix))
    const longest = marked.at(-1)
    for (const prefix of marked) cache.add(prefix)
    const cached = hit === undefined ? 0 : tokensOf(hit)
    const cacheWrite = longest === undefined ? 0 : tokensOf(longest) - cached
    const rest = Math.max(1, counted.input - cached - cacheWrite)
    return { ...counted, cached, cacheWrite, input: cached + cacheWrite + rest }
  }
  return {
    name: "anthropic",
    key: "sk-ant-api03-stand-in-key-0123456789",
    // the SDK from 1.0 on sends a bearer, others the header of old
    keyOf: (came) => came.headers["x-api-key"] ?? came.headers["authorization"]?.replace(/^Bearer /u, ""),
    read,
    check,
    answer,
    frames,
    fault,
    midstream: (kind) =>
      event({
        type: "error",
        error: at(fault(kind, { model: "" }, undefined).body, "error")
      }),
    ping: event({ type: "ping" }),
    count
  }
}

/** The texts up to each `cache_control`, in the order tools, system, messages. */
const markedPrefixes = (body: unknown): ReadonlyArray<string> => {
  const blocks = [
    ...list(at(body, "tools")),
    ...list(at(body, "system")),
    ...list(at(body, "messages")).flatMap((message) => list(at(message, "content")))
  ]
  let prefix = ""
  return blocks.flatMap((block) => {
    prefix += JSON.stringify(block, (key, value: unknown) => (key === "cache_control" ? undefined : value))
    return at(block, "cache_control") === undefined ? [] : [prefix]
  })
}
