/**
 * Google's Gemini API: POST /v1beta/models/NAME:streamGenerateContent?alt=sse, GET /v1beta/models.
 *
 * Owns: its chunks, its errors, what it refuses. Does not own: what is said.
 * Invariants: every chunk carries usageMetadata as counted so far; the last one has the finishReason; nothing marks the end but that.
 */
import { at, type Came, type Dialect, type Frame, list, number, type Plain, text } from "./dialect.ts"
import { geminiModels } from "./lists.ts"
import { type Asked, type Counted, type Fault, piecesOf, type Reply, type Said } from "./script.ts"

const chunk = (data: unknown): string => `data: ${JSON.stringify(data)}\r\n\r\n`

const problem = (code: number, status: string, message: string, details: ReadonlyArray<unknown> = []): Plain => ({
  status: code,
  body: { error: { code, message, status, ...(details.length > 0 ? { details } : {}) } }
})

const partsText = (content: unknown): string =>
  list(at(content, "parts"))
    .flatMap((part) => (at(part, "thought") === true || at(part, "text") === undefined ? [] : [text(at(part, "text"))]))
    .join("\n")

const saidOf = (content: unknown): ReadonlyArray<Said> => {
  const parts = list(at(content, "parts"))
  const calls = parts.flatMap((part) => {
    const call = at(part, "functionCall")
    return call === undefined
      ? []
      : [{ id: text(at(call, "id")), name: text(at(call, "name")), args: at(call, "args") }]
  })
  if (at(content, "role") === "model") return [{ role: "assistant", text: partsText(content), calls }]
  const results = parts.flatMap((part): ReadonlyArray<Said> => {
    const response = at(part, "functionResponse", "response")
    return response === undefined
      ? []
      : [{ role: "tool", text: text(at(response, "output")) || text(at(response, "error")), calls: [] }]
  })
  const own = partsText(content)
  return own === "" && results.length > 0 ? results : [...results, { role: "user", text: own, calls: [] }]
}

const read = (came: Came): Asked | undefined => {
  const model = /^\/v1beta\/models\/([^/:]+):streamGenerateContent$/u.exec(came.path)?.[1]
  if (came.method !== "POST" || model === undefined || came.query.get("alt") !== "sse") return undefined
  const allowed = list(at(came.body, "toolConfig", "functionCallingConfig", "allowedFunctionNames"))
  return {
    model: decodeURIComponent(model),
    system: partsText(at(came.body, "systemInstruction")),
    messages: list(at(came.body, "contents")).flatMap(saidOf),
    tools: list(at(came.body, "tools")).flatMap((tool) =>
      list(at(tool, "functionDeclarations")).map((declared) => text(at(declared, "name")))
    ),
    toolChoice: at(came.body, "toolConfig", "functionCallingConfig", "mode") === "ANY" ? text(allowed[0]) : undefined,
    maxTokens: number(at(came.body, "generationConfig", "maxOutputTokens")),
    headers: came.headers,
    body: came.body,
    at: came.at
  }
}

const invalid = (message: string): Plain => problem(400, "INVALID_ARGUMENT", message)

const check = (asked: Asked): Plain | undefined => {
  if (!geminiModels.some((model) => model.name === `models/${asked.model}`)) return fault("no-model", asked, undefined)
  const contents = list(at(asked.body, "contents"))
  if (contents.length === 0) return invalid("* GenerateContentRequest.contents: contents is not specified\n")
  for (const [index, content] of contents.entries()) {
    const parts = list(at(content, "parts"))
    if (parts.length === 0)
      return invalid(`* GenerateContentRequest.contents[${index}].parts: contents.parts must not be empty.\n`)
    if (index > 0 && at(content, "role") === at(contents[index - 1], "role"))
      return invalid("Please ensure that multiturn requests alternate between user and model.")
    const calls = parts.filter((part) => at(part, "functionCall") !== undefined)
    const responses = list(at(contents[index + 1], "parts")).filter(
      (part) => at(part, "functionResponse") !== undefined
    )
    if (calls.length !== responses.length)
      return invalid(
        "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn."
      )
    const [first] = calls
    if (first !== undefined && asked.model.startsWith("gemini-3") && at(first, "thoughtSignature") === undefined)
      return invalid(
        `Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call \`default_api:${text(at(first, "functionCall", "name"))}\` , position ${index}.`
      )
  }
  return undefined
}

const answer = (came: Came): Plain | undefined => {
  if (came.method !== "GET" || came.path !== "/v1beta/models") return undefined
  const size = Number(came.query.get("pageSize") ?? 50)
  const from = Number(came.query.get("pageToken") ?? 0)
  return {
    status: 200,
    body: {
      models: geminiModels.slice(from, from + size),
      ...(from + size < geminiModels.length ? { nextPageToken: String(from + size) } : {})
    }
  }
}

const metadata = (counted: Counted) => ({
  promptTokenCount: counted.input,
  ...(counted.cached > 0 ? { cachedContentTokenCount: counted.cached } : {}),
  candidatesTokenCount: counted.output - counted.reasoning,
  ...(counted.reasoning > 0 ? { thoughtsTokenCount: counted.reasoning } : {}),
  totalTokenCount: counted.input + counted.output,
  promptTokensDetails: [{ modality: "TEXT", tokenCount: counted.input }]
})

const frames = function* (asked: Asked, reply: Reply, counted: Counted): Generator<Frame> {
  const base = { modelVersion: asked.model, responseId: "3pDfaJTZKeqp1MkP" }
  let spoken = 0
  const said = (parts: ReadonlyArray<unknown>, finish?: string): Frame => {
    const counts =
      finish === undefined ? { ...counted, output: Math.min(spoken + counted.reasoning, counted.output) } : counted
    return {
      text: chunk({
        candidates: [
          { content: { parts, role: "model" }, ...(finish === undefined ? {} : { finishReason: finish }), index: 0 }
        ],
        usageMetadata: metadata(counts),
        ...base
      }),
      counts
    }
  }
  if (reply.thinking !== undefined) yield said([{ text: reply.thinking, thought: true }])
  if (reply.stop === "safety" && reply.text === undefined && reply.pieces === undefined) {
    yield {
      text: chunk({
        promptFeedback: { blockReason: "PROHIBITED_CONTENT" },
        usageMetadata: metadata({ ...counted, output: 0 }),
        ...base
      }),
      counts: { ...counted, output: 0 }
    }
    return
  }
  for (const piece of reply.pieces ?? piecesOf(reply.text ?? "")) {
    spoken++
    yield { ...said([{ text: piece }]), token: true }
  }
  const signature = (number: number) =>
    number === 0 ? { thoughtSignature: Buffer.from(`signed:${asked.messages.length}`).toString("base64") } : {}
  const calls = (reply.calls ?? []).map((call, number) => ({
    functionCall: { id: `${asked.messages.length}x${number}`, name: call.name, args: call.args },
    ...signature(number)
  }))
  if (calls.length > 0) yield said(calls)
  yield said([{ text: "" }], { end: "STOP", length: "MAX_TOKENS", safety: "SAFETY" }[reply.stop ?? "end"])
}

const fault = (kind: Fault, asked: { readonly model: string }, retryAfterMs: number | undefined): Plain => {
  switch (kind) {
    case "bad-key":
      return problem(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", [
        {
          "@type": "type.googleapis.com/google.rpc.ErrorInfo",
          reason: "API_KEY_INVALID",
          domain: "googleapis.com",
          metadata: { service: "generativelanguage.googleapis.com" }
        },
        {
          "@type": "type.googleapis.com/google.rpc.LocalizedMessage",
          locale: "en-US",
          message: "API key not valid. Please pass a valid API key."
        }
      ])
    case "forbidden":
      return problem(403, "PERMISSION_DENIED", "The caller does not have permission")
    case "rate-limit":
      return problem(
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details. Please retry in 34.074824224s.",
        [
          {
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            violations: [
              {
                quotaMetric: "generativelanguage.googleapis.com/generate_content_free_tier_requests",
                quotaId: "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
                quotaDimensions: { location: "global", model: asked.model },
                quotaValue: "10"
              }
            ]
          },
          {
            "@type": "type.googleapis.com/google.rpc.Help",
            links: [
              {
                description: "Learn more about Gemini API quotas",
                url: "https://ai.google.dev/gemini-api/docs/rate-limits"
              }
            ]
          },
          ...(retryAfterMs === undefined
            ? []
            : [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: `${retryAfterMs / 1000}s` }])
        ]
      )
    case "quota":
      return problem(
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details.",
        [
          {
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            violations: [
              {
                quotaMetric: "generativelanguage.googleapis.com/generate_content_free_tier_requests",
                quotaId: "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
                quotaDimensions: { location: "global", model: asked.model },
                quotaValue: "250"
              }
            ]
          },
          { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "35s" }
        ]
      )
    case "too-long":
      return invalid("The input token count (1203217) exceeds the maximum number of tokens allowed (1048576).")
    case "no-model":
      return problem(
        404,
        "NOT_FOUND",
        `models/${asked.model} is not found for API version v1beta, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods.`
      )
    case "refused":
      return invalid('Invalid JSON payload received. Unknown name "foo": Cannot find field.')
    case "overloaded":
      return problem(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
    case "server":
      return problem(
        500,
        "INTERNAL",
        "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting"
      )
  }
}

export const makeGemini = (): Dialect => ({
  name: "gemini",
  key: "AIzaStandInKey0123456789abcdefghijklmno",
  keyOf: (came) => came.headers["x-goog-api-key"] ?? came.query.get("key") ?? undefined,
  read,
  check,
  answer,
  frames,
  fault,
  midstream: (kind) => chunk(fault(kind, { model: "" }, undefined).body),
  ping: undefined
})
