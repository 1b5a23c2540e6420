/**
 * The events of OpenAI's Responses API.
 *
 * Owns: names, order and numbers of the events, ids of items, failures in the middle. Does not own: requests (`responses.ts`).
 * Invariants: one frame is one event, numbered from 0; an item is added, told in pieces and done; the stream ends with response.completed,
 * .incomplete or .failed or with an error, and with no [DONE]; encrypted thoughts are whole only in the item that is done.
 */
import { at, bites, type Frame, list } from "./dialect.ts"
import { type Asked, type Counted, type Fault, piecesOf, type Reply } from "./script.ts"

type Data = { readonly type: string; readonly [key: string]: unknown }

const event = (sequence: number, data: Data): string =>
  `event: ${data.type}\ndata: ${JSON.stringify({ ...data, sequence_number: sequence })}\n\n`

/** Encryption that anybody can undo. */
export const sealed = (thought: string): string => Buffer.from(`signed:${thought}`).toString("base64")
export const thoughtIn = (content: string): string | undefined =>
  /^signed:(.*)$/su.exec(Buffer.from(content, "base64").toString("utf8"))?.[1]

/** As the events before and after the items tell it. */
const responseOf = (asked: Asked, more: { readonly [key: string]: unknown }) => ({
  id: idOf("resp", asked, 0),
  object: "response",
  created_at: Math.floor(asked.at / 1000),
  status: "in_progress",
  background: false,
  error: null,
  incomplete_details: null,
  instructions: at(asked.body, "instructions") ?? null,
  max_output_tokens: asked.maxTokens ?? null,
  model: asked.model,
  output: [],
  parallel_tool_calls: true,
  previous_response_id: null,
  store: at(asked.body, "store") ?? true,
  temperature: 1,
  tool_choice: at(asked.body, "tool_choice") ?? "auto",
  tools: list(at(asked.body, "tools")),
  top_p: 1,
  truncation: "disabled",
  usage: null,
  metadata: {},
  ...more
})

const idOf = (kind: string, asked: Asked, index: number): string =>
  `${kind}_0c${asked.at.toString(16)}${asked.messages.length.toString(16).padStart(4, "0")}${index}`

/** What the model makes, in its order: thoughts, what it says, its calls. */
interface Made {
  readonly item: { readonly id: string; readonly type: string; readonly [key: string]: unknown }
  readonly added: Data
  readonly told: ReadonlyArray<{ readonly data: Data; readonly token?: true }>
}

const thoughtOf = (asked: Asked, thinking: string, output_index: number): Made => {
  const id = idOf("rs", asked, output_index)
  const encrypts = list(at(asked.body, "include")).includes("reasoning.encrypted_content")
  const item = { id, type: "reasoning", summary: [] }
  return {
    item: encrypts ? { ...item, encrypted_content: sealed(thinking) } : item,
    // not whole yet, and of no use
    added: { type: "response.output_item.added", output_index, item: { ...item, encrypted_content: "Z0FBQUFB" } },
    told: []
  }
}

const messageOf = (asked: Asked, reply: Reply, words: ReadonlyArray<string>, output_index: number): Made => {
  const id = idOf("msg", asked, output_index)
  const place = { item_id: id, output_index, content_index: 0 }
  const whole = words.join("")
  const refused = reply.refusal === true
  const part = (content: string) =>
    refused
      ? { type: "refusal", refusal: content }
      : { type: "output_text", annotations: [], logprobs: [], text: content }
  const calls = (reply.calls ?? []).length > 0
  const item = {
    id,
    type: "message",
    role: "assistant",
    ...(asked.model.startsWith("gpt-6") ? { phase: calls ? "commentary" : "final_answer" } : {})
  }
  const kind = refused ? "response.refusal" : "response.output_text"
  const more = refused ? {} : { logprobs: [] }
  return {
    item: { ...item, status: reply.stop === "length" ? "incomplete" : "completed", content: [part(whole)] },
    added: { type: "response.output_item.added", output_index, item: { ...item, status: "in_progress", content: [] } },
    told: [
      { data: { type: "response.content_part.added", ...place, part: part("") } },
      ...words.map((delta) => ({ data: { type: `${kind}.delta`, ...place, delta, ...more }, token: true as const })),
      { data: { type: `${kind}.done`, ...place, [refused ? "refusal" : "text"]: whole, ...more } },
      { data: { type: "response.content_part.done", ...place, part: part(whole) } }
    ]
  }
}

const callOf = (
  asked: Asked,
  call: { readonly name: string; readonly args: unknown },
  nth: number,
  output_index: number
): Made => {
  const id = idOf("fc", asked, output_index)
  const json = JSON.stringify(call.args)
  const item = { id, type: "function_call", call_id: `call_${asked.messages.length}_${nth}`, name: call.name }
  const place = { item_id: id, output_index }
  return {
    item: { ...item, status: "completed", arguments: json },
    added: {
      type: "response.output_item.added",
      output_index,
      item: { ...item, status: "in_progress", arguments: "" }
    },
    told: [
      ...bites(json).map((delta) => ({
        data: { type: "response.function_call_arguments.delta", ...place, delta, obfuscation: "x7Qm" }
      })),
      { data: { type: "response.function_call_arguments.done", ...place, arguments: json } }
    ]
  }
}

const madeOf = (asked: Asked, reply: Reply): ReadonlyArray<Made> => {
  const made: Array<Made> = []
  if (reply.thinking !== undefined) made.push(thoughtOf(asked, reply.thinking, made.length))
  const words = reply.pieces ?? piecesOf(reply.text ?? "")
  if (words.length > 0) made.push(messageOf(asked, reply, words, made.length))
  for (const [nth, call] of (reply.calls ?? []).entries()) made.push(callOf(asked, call, nth, made.length))
  return made
}

export const framesOf = function* (asked: Asked, reply: Reply, counted: Counted): Generator<Frame> {
  let sequence = 0
  const frame = (data: Data): Frame => ({ text: event(sequence++, data) })
  yield frame({ type: "response.created", response: responseOf(asked, {}) })
  yield frame({ type: "response.in_progress", response: responseOf(asked, {}) })
  const made = madeOf(asked, reply)
  for (const [output_index, { item, added, told }] of made.entries()) {
    yield frame(added)
    for (const { data, token } of told) yield { ...frame(data), ...(token === undefined ? {} : { token }) }
    const silence = item.type === "reasoning" && reply.thinkMs !== undefined ? { afterMs: reply.thinkMs } : {}
    yield { ...frame({ type: "response.output_item.done", output_index, item }), ...silence }
  }
  const cut = { end: undefined, length: "max_output_tokens", safety: "content_filter" }[reply.stop ?? "end"]
  const response = responseOf(asked, {
    status: cut === undefined ? "completed" : "incomplete",
    incomplete_details: cut === undefined ? null : { reason: cut },
    output: made.map(({ item }) => item),
    usage: {
      input_tokens: counted.input,
      input_tokens_details: { cached_tokens: counted.cached, cache_write_tokens: counted.cacheWrite },
      output_tokens: counted.output,
      output_tokens_details: { reasoning_tokens: counted.reasoning },
      total_tokens: counted.input + counted.output
    }
  })
  const type = cut === undefined ? "response.completed" : "response.incomplete"
  yield { ...frame({ type, response }), counts: counted, last: true }
}

/** Faults of the request come as an error, those of the service as a response that failed. */
export const failureOf = (kind: Fault, asked: Asked, sequence: number): string => {
  const failed = (code: string, message: string): string =>
    event(sequence, {
      type: "response.failed",
      response: responseOf(asked, { status: "failed", error: { code, message } })
    })
  const error = (type: string, code: string, message: string, param: string | null = null): string =>
    event(sequence, { type: "error", error: { type, code, message, param } })
  switch (kind) {
    case "rate-limit":
      return failed(
        "rate_limit_exceeded",
        `Rate limit reached for ${asked.model} in organization org-abc on tokens per min (TPM): Limit 30000, Used 22999, Requested 12528. Please try again in 120ms. Visit https://platform.openai.com/account/rate-limits to learn more.`
      )
    case "overloaded":
      return failed("server_is_overloaded", "Our servers are currently overloaded. Please try again later.")
    case "server":
      return failed(
        "server_error",
        "An error occurred while processing your request. You can retry your request, or contact us through our help center at help.openai.com if the error persists. Please include the request ID req_7c1b in your message."
      )
    case "too-long":
      return error(
        "invalid_request_error",
        "context_length_exceeded",
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        "input"
      )
    case "quota":
      return error(
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details."
      )
    case "no-model":
      return error(
        "invalid_request_error",
        "model_not_found",
        `The requested model '${asked.model}' does not exist.`,
        "model"
      )
    case "bad-key":
    case "forbidden":
    case "refused":
      return failed(
        "invalid_prompt",
        "Invalid prompt: your prompt was flagged as potentially violating our usage policy."
      )
  }
}
