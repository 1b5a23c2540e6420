/**
 * OpenAI's Chat Completions: POST …/chat/completions (streamed), GET …/models. Also as vLLM, OpenRouter and Ollama speak it.
 *
 * Owns: the chunks, the errors of each flavor, what they refuse. Does not own: what is said.
 * Invariants: the usage chunk has no choices and comes only when `stream_options.include_usage` asks; the stream ends with [DONE].
 */
import { at, bites, type Came, type Dialect, type Frame, list, number, parsed, type Plain, text } from "./dialect.ts"
import { ollamaShow, ollamaTags, openaiModels, openrouterModels, vllmModels } from "./lists.ts"
import { type Asked, type Counted, type Fault, piecesOf, type Reply, type Said } from "./script.ts"

export type Flavor = "openai" | "vllm" | "openrouter" | "ollama"

const chunk = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`

const problem = (
  status: number,
  message: string,
  type: string,
  code: string | null,
  headers: Plain["headers"] = {},
  param: string | null = null
): Plain => ({
  status,
  headers: { "x-request-id": "req_7c1a", ...headers },
  body: { error: { message, type, param, code } }
})

const contentText = (content: unknown): string =>
  typeof content === "string"
    ? content
    : list(content)
        .map((part) => text(at(part, "text")))
        .join("")

const saidOf = (message: unknown): Said => {
  const role = at(message, "role")
  return {
    role: role === "assistant" || role === "tool" ? role : "user",
    text: contentText(at(message, "content")),
    calls: list(at(message, "tool_calls")).map((call) => ({
      id: text(at(call, "id")),
      name: text(at(call, "function", "name")),
      args: parsed(text(at(call, "function", "arguments")))
    }))
  }
}
const isSystem = (message: unknown): boolean => ["system", "developer"].includes(text(at(message, "role")))

const read = (came: Came): Asked | undefined => {
  if (came.method !== "POST" || !came.path.endsWith("/chat/completions")) return undefined
  const messages = list(at(came.body, "messages"))
  return {
    model: text(at(came.body, "model")),
    system: messages
      .filter(isSystem)
      .map((message) => contentText(at(message, "content")))
      .join("\n"),
    messages: messages.filter((message) => !isSystem(message)).map(saidOf),
    tools: list(at(came.body, "tools")).map((tool) => text(at(tool, "function", "name"))),
    toolChoice:
      at(came.body, "tool_choice", "type") === "function"
        ? text(at(came.body, "tool_choice", "function", "name"))
        : undefined,
    maxTokens: number(at(came.body, "max_completion_tokens")) ?? number(at(came.body, "max_tokens")),
    headers: came.headers,
    body: came.body,
    at: came.at
  }
}

const invalid = (message: string, param: string, code: string | null = null): Plain =>
  problem(400, message, "invalid_request_error", code, {}, param)

const check =
  (flavor: Flavor) =>
  (asked: Asked): Plain | undefined => {
    if (!isKnown(flavor, asked.model)) return fault(flavor)("no-model", asked, undefined)
    if (flavor === "openai" && /^(o\d|gpt-[56])/u.test(asked.model) && at(asked.body, "max_tokens") !== undefined)
      return invalid(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "max_tokens",
        "unsupported_parameter"
      )
    if (
      flavor === "openai" &&
      /^gpt-(5\.[4-9]|6)/u.test(asked.model) &&
      asked.tools.length > 0 &&
      at(asked.body, "reasoning_effort") !== "none"
    )
      return invalid(
        `Function tools with reasoning_effort are not supported for ${asked.model} in /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to 'none'.`,
        "reasoning_effort"
      )
    if (asked.model.startsWith("gpt-6.2") && at(asked.body, "reasoning_effort") === "none")
      return invalid(
        "Unsupported value: 'reasoning_effort' does not support 'none' with this model. Supported values are: 'low', 'medium', 'high', and 'xhigh'.",
        "reasoning_effort",
        "unsupported_value"
      )
    if (flavor === "ollama" && asked.model.startsWith("gemma3") && asked.tools.length > 0)
      return problem(400, `registry.ollama.ai/library/${asked.model} does not support tools`, "api_error", null)
    const open = new Set<string>()
    for (const [index, message] of list(at(asked.body, "messages")).entries()) {
      const id = text(at(message, "tool_call_id"))
      if (at(message, "role") === "tool") {
        if (!open.delete(id))
          return invalid(
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
            `messages.[${index}].role`
          )
        continue
      }
      if (open.size > 0)
        return invalid(
          `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${[...open].join(", ")}`,
          `messages.[${index}].role`
        )
      for (const call of saidOf(message).calls) open.add(call.id)
    }
    return undefined
  }

const isKnown = (flavor: Flavor, model: string): boolean => {
  switch (flavor) {
    case "openai":
      return openaiModels.some((known) => known.id === model)
    case "openrouter":
      return openrouterModels.some((known) => known.id === model)
    case "vllm":
      return vllmModels.some((known) => known.id === model)
    case "ollama":
      return ollamaTags.some((known) => known.name === model)
  }
}

const answer =
  (flavor: Flavor) =>
  (came: Came): Plain | undefined => {
    if (flavor === "ollama") {
      if (came.path === "/") return { status: 200, body: "Ollama is running" }
      if (came.path === "/api/tags") return { status: 200, body: { models: ollamaTags } }
      if (came.path === "/api/ps") return { status: 200, body: { models: [] } }
      if (came.path === "/api/show") {
        const shown = ollamaShow(text(at(came.body, "model")))
        return shown === undefined
          ? { status: 404, body: { error: `model '${text(at(came.body, "model"))}' not found` } }
          : { status: 200, body: shown }
      }
    }
    if (came.method !== "GET" || !came.path.endsWith("/models")) return undefined
    const data = {
      openai: openaiModels,
      openrouter: openrouterModels,
      vllm: vllmModels,
      ollama: ollamaTags.map((tag) => ({ id: tag.name, object: "model", created: 1_760_000_000, owned_by: "library" }))
    }[flavor]
    return { status: 200, body: { object: "list", data } }
  }

const frames = function* (asked: Asked, reply: Reply, counted: Counted): Generator<Frame> {
  const asksUsage = at(asked.body, "stream_options", "include_usage") === true
  const base = {
    id: "chatcmpl-CRqxKbsi3m8IqJk7",
    object: "chat.completion.chunk",
    created: Math.floor(asked.at / 1000),
    model: asked.model,
    service_tier: "default",
    system_fingerprint: null
  }
  const choice = (delta: unknown, finish: string | null = null): string =>
    chunk({
      ...base,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...(asksUsage ? { usage: null } : {})
    })
  yield { text: choice({ role: "assistant", content: "", refusal: null }) }
  // the thoughts of vLLM, OpenRouter and Ollama; OpenAI keeps its own to itself
  for (const piece of piecesOf(reply.thinking ?? "")) yield { text: choice({ reasoning: piece }) }
  for (const piece of reply.pieces ?? piecesOf(reply.text ?? ""))
    yield { text: choice(reply.refusal === true ? { refusal: piece } : { content: piece }), token: true }
  for (const [index, call] of (reply.calls ?? []).entries()) {
    const id = `call_${asked.messages.length}_${index}`
    yield {
      text: choice({ tool_calls: [{ index, id, type: "function", function: { name: call.name, arguments: "" } }] })
    }
    for (const bite of bites(JSON.stringify(call.args)))
      yield { text: choice({ tool_calls: [{ index, function: { arguments: bite } }] }) }
  }
  yield { text: choice({}, finishOf(reply)) }
  if (asksUsage)
    yield {
      text: chunk({
        ...base,
        choices: [],
        usage: {
          prompt_tokens: counted.input,
          completion_tokens: counted.output,
          total_tokens: counted.input + counted.output,
          prompt_tokens_details: { cached_tokens: counted.cached, audio_tokens: 0 },
          completion_tokens_details: {
            reasoning_tokens: counted.reasoning,
            audio_tokens: 0,
            accepted_prediction_tokens: 0,
            rejected_prediction_tokens: 0
          }
        }
      }),
      counts: counted
    }
  yield { text: "data: [DONE]\n\n" }
}

const finishOf = (reply: Reply): string => {
  if ((reply.calls ?? []).length > 0) return "tool_calls"
  return { end: "stop", length: "length", safety: "content_filter" }[reply.stop ?? "end"]
}

const noModel = (flavor: Flavor, model: string): Plain => {
  switch (flavor) {
    case "ollama":
      return problem(404, `model "${model}" not found, try pulling it first`, "not_found_error", null)
    case "vllm":
      return {
        status: 404,
        body: {
          error: { message: `The model \`${model}\` does not exist.`, type: "NotFoundError", param: "model", code: 404 }
        }
      }
    case "openrouter":
      return {
        status: 400,
        body: { error: { message: `${model} is not a valid model ID`, code: 400 }, user_id: "user_1" }
      }
    case "openai":
      return problem(
        404,
        `The model \`${model}\` does not exist or you do not have access to it.`,
        "invalid_request_error",
        "model_not_found"
      )
  }
}

const fault =
  (flavor: Flavor) =>
  (kind: Fault, asked: { readonly model: string }, retryAfterMs: number | undefined): Plain => {
    const retry: { readonly [name: string]: string } =
      retryAfterMs === undefined
        ? {}
        : { "retry-after": String(Math.ceil(retryAfterMs / 1000)), "retry-after-ms": String(retryAfterMs) }
    switch (kind) {
      case "bad-key":
        return problem(
          401,
          "Incorrect API key provided: sk-wrong*****************************1234. You can find your API key at https://platform.openai.com/account/api-keys.",
          "invalid_request_error",
          "invalid_api_key"
        )
      case "forbidden":
        return problem(
          403,
          "Country, region, or territory not supported",
          "request_forbidden",
          "unsupported_country_region_territory"
        )
      case "rate-limit":
        return problem(
          429,
          `Rate limit reached for ${asked.model} in organization org-abc on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s. Visit https://platform.openai.com/account/rate-limits to learn more.`,
          "requests",
          "rate_limit_exceeded",
          { "x-ratelimit-limit-requests": "3", "x-ratelimit-remaining-requests": "0", ...retry }
        )
      case "quota":
        return problem(
          429,
          "You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
          "insufficient_quota",
          "insufficient_quota"
        )
      case "too-long":
        return flavor === "vllm"
          ? {
              status: 400,
              body: {
                error: {
                  message:
                    "This model's maximum context length is 32768 tokens. However, you requested 40960 tokens in the messages, Please reduce the length of the messages.",
                  type: "BadRequestError",
                  param: null,
                  code: 400
                }
              }
            }
          : problem(
              400,
              "This model's maximum context length is 128000 tokens. However, your messages resulted in 140321 tokens. Please reduce the length of the messages.",
              "invalid_request_error",
              "context_length_exceeded",
              {},
              "messages"
            )
      case "no-model":
        return noModel(flavor, asked.model)
      case "refused":
        return invalid(
          "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
          "tools[0].function.name",
          "invalid_value"
        )
      case "overloaded":
        return problem(
          503,
          "The engine is currently overloaded, please try again later",
          "overloaded_error",
          "engine_overloaded",
          retry
        )
      case "server":
        return problem(
          500,
          "The server had an error while processing your request. Sorry about that!",
          "server_error",
          null,
          retry
        )
    }
  }

export const makeOpenai = (flavor: Flavor): Dialect => ({
  name: flavor,
  key: {
    openai: "sk-proj-stand-in-key-0123456789",
    openrouter: "sk-or-v1-stand-in-key-0123456789",
    vllm: undefined,
    ollama: undefined
  }[flavor],
  keyOf: (came) => came.headers["authorization"]?.replace(/^Bearer /u, ""),
  read,
  check: check(flavor),
  answer: answer(flavor),
  frames,
  fault: fault(flavor),
  midstream: (kind) => chunk(fault(flavor)(kind, { model: "" }, undefined).body),
  // OpenRouter's comments while a model is being found; the others are silent
  ping: flavor === "openrouter" ? ": OPENROUTER PROCESSING\n\n" : undefined
})
