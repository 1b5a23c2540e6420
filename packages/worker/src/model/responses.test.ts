import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Stream } from "effect"
import OpenAI from "openai"
import type { ModelMessage } from "@signalbox/core/model/message.ts"
import {
  asking,
  callsOf,
  endOf,
  modelsFor,
  providerOf,
  quick,
  standIn,
  textOf,
  weather
} from "../../../../test/support/providers/asking.ts"
import { at, list, text } from "../../../../test/support/providers/dialect.ts"
import { type Answer, fault, reply } from "../../../../test/support/providers/script.ts"
import type { StandIn } from "../../../../test/support/providers/stand-in.ts"
import type { ModelPart } from "./Models.ts"

const bodyOf = (server: StandIn, request = server.requests.length - 1): unknown => server.requests[request]?.body
/** What was sent, in short: who spoke, or what kind of item it is. */
const inputOf = (server: StandIn, request?: number): ReadonlyArray<string> =>
  list(at(bodyOf(server, request), "input")).map((item) => text(at(item, "role")) || text(at(item, "type")))
const isChat = (server: StandIn, request?: number): boolean => at(bodyOf(server, request), "messages") !== undefined

/** A stream as it stands, with names and numbers made from the data. */
const stream = (...events: ReadonlyArray<{ readonly type: string; readonly [key: string]: unknown }>): Answer => ({
  _tag: "Plain",
  status: 200,
  headers: { "content-type": "text/event-stream" },
  body: events
    .map((event, n) => `event: ${event.type}\ndata: ${JSON.stringify({ ...event, sequence_number: n })}\n\n`)
    .join("")
})
const created = { type: "response.created", response: { id: "resp_1", status: "in_progress", output: [] } }
const completed = { type: "response.completed", response: { id: "resp_1", status: "completed", usage: null } }
const added = (output_index: number, item: unknown) => ({ type: "response.output_item.added", output_index, item })
const done = (output_index: number, item: unknown) => ({ type: "response.output_item.done", output_index, item })
const delta = (output_index: number, words: string) => ({
  type: "response.output_text.delta",
  output_index,
  content_index: 0,
  delta: words
})
const sealed = (thought: string) => Buffer.from(`signed:${thought}`).toString("base64")
const thought = (id: string) => ({ type: "reasoning", id, summary: [], encrypted_content: sealed(id) })
const message = (phase: string) => ({ type: "message", id: "msg_1", role: "assistant", status: "completed", phase })
const call = (call_id: string) => ({
  type: "function_call",
  id: "fc_1",
  call_id,
  name: "weather",
  arguments: '{"city":"Rome"}'
})

/** As the conversation room carries a step on. */
const stepOf = (parts: ReadonlyArray<ModelPart>): ReadonlyArray<ModelMessage> => {
  const { native } = endOf(parts)
  const calls = callsOf(parts).map(({ callId, name, args }) => ({ callId, name, args }))
  return [
    { role: "assistant", text: textOf(parts), calls, ...(native === undefined ? {} : { native }) },
    ...calls.map(({ callId, name }): ModelMessage => ({
      role: "tool",
      callId,
      name,
      text: "20 degrees",
      isError: false
    }))
  ]
}
const user = (words: string): ModelMessage => ({ role: "user", text: words })

describe("OpenAI's models over the Responses API", () => {
  it.live("think and call tools in one request, of which nothing is stored there", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      const request = {
        ...asking("openai", "Weather?", { system: "Be brief.", tools: [weather] }),
        ref: "openai/gpt-6.2-sol"
      }
      server.next(reply("", { thinking: "hm", calls: [{ name: "weather", args: { city: "Rome" } }] }))
      const parts = yield* Stream.runCollect(modelsFor(server).stream(request))
      assert.deepStrictEqual(
        parts.map(({ _tag }) => _tag),
        ["Thinking", "ToolCall", "Finished"]
      )
      assert.strictEqual(server.requests.length, 1)
      assert.deepStrictEqual(bodyOf(server), {
        model: "gpt-6.2-sol",
        stream: true,
        store: false,
        include: ["reasoning.encrypted_content"],
        instructions: "Be brief.",
        input: [{ role: "user", content: "Weather?" }],
        tools: [
          {
            type: "function",
            name: "weather",
            description: "The weather in a city",
            parameters: weather.schema,
            strict: false
          }
        ]
      })
    })
  )

  it.live("get their thoughts back within a tool loop, and not in the turns after it", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      const models = modelsFor(server)
      const ask = (messages: ReadonlyArray<ModelMessage>) =>
        Stream.runCollect(models.stream(asking("openai", "", { messages, tools: [weather] })))
      const two = [
        { name: "weather", args: { city: "Rome" } },
        { name: "weather", args: { city: "Oslo" } }
      ]
      server.next(reply("I look.", { thinking: "first", calls: two }), reply("", { thinking: "then", calls: two }))
      const first = stepOf(yield* ask([user("Weather?")]))
      const second = stepOf(yield* ask([user("Weather?"), ...first]))
      const loop = ["assistant", "function_call", "function_call", "function_call_output", "function_call_output"]
      assert.deepStrictEqual(inputOf(server), ["user", "reasoning", ...loop])
      const end = yield* ask([user("Weather?"), ...first, ...second])
      assert.strictEqual(textOf(end), "The tool said: 20 degrees")
      assert.deepStrictEqual(inputOf(server), ["user", "reasoning", ...loop, "reasoning", ...loop.slice(1)])
      assert.deepStrictEqual(
        list(at(bodyOf(server), "input")).flatMap((item) => text(at(item, "encrypted_content")) || []),
        [sealed("first"), sealed("then")]
      )
      yield* ask([user("Weather?"), ...first, ...second, ...stepOf(end), user("Thanks")])
      assert.deepStrictEqual(inputOf(server), ["user", ...loop, ...loop.slice(1), "assistant", "user"])
      assert.deepStrictEqual(
        server.requests.map(({ ended }) => ended),
        ["whole", "whole", "whole", "whole"]
      )
    })
  )

  it.live("get what they said in parts back in the same parts, order and marks", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      const models = modelsFor(server)
      server.next(
        stream(
          created,
          { type: "keepalive" },
          added(0, { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "half" }),
          done(0, thought("rs_1")),
          added(1, message("commentary")),
          delta(1, "I look "),
          delta(1, "at Rome."),
          done(1, message("commentary")),
          added(2, thought("rs_2")),
          done(2, thought("rs_2")),
          { type: "response.of_tomorrow", output_index: 3, delta: 7 },
          added(3, message("final_answer")),
          delta(3, "It takes a while.\n"),
          done(3, message("final_answer")),
          added(4, { ...call("call_1"), arguments: "" }),
          done(4, call("call_1")),
          completed
        )
      )
      const parts = yield* Stream.runCollect(models.stream(asking("openai", "Weather?", { tools: [weather] })))
      assert.strictEqual(textOf(parts), "I look at Rome.\n\nIt takes a while.\n")
      assert.isNull(endOf(parts).usage)
      const messages = [user("Weather?"), ...stepOf(parts)]
      const answer = yield* Stream.runCollect(models.stream(asking("openai", "", { messages, tools: [weather] })))
      assert.strictEqual(textOf(answer), "The tool said: 20 degrees")
      assert.deepStrictEqual(at(bodyOf(server), "input"), [
        { role: "user", content: "Weather?" },
        thought("rs_1"),
        { role: "assistant", content: "I look at Rome.", phase: "commentary" },
        thought("rs_2"),
        { role: "assistant", content: "It takes a while.", phase: "final_answer" },
        { type: "function_call", call_id: "call_1", name: "weather", arguments: '{"city":"Rome"}' },
        { type: "function_call_output", call_id: "call_1", output: "20 degrees" }
      ])
    })
  )

  it.live("are asked again without thoughts that OpenAI cannot read", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      const step = (encrypted_content: string): ReadonlyArray<ModelMessage> => [
        user("Weather?"),
        {
          role: "assistant",
          text: "",
          calls: [{ callId: "c1", name: "weather", args: {} }],
          native: {
            provider: "openai",
            data: {
              model: "gpt-5",
              items: [{ type: "reasoning", id: "rs_1", summary: [], encrypted_content }, { type: "function_call" }]
            }
          }
        },
        { role: "tool", callId: "c1", name: "weather", text: "20 degrees", isError: false }
      ]
      const models = modelsFor(server)
      for (const messages of [step("of another account"), step(sealed("good"))]) {
        const parts = yield* Stream.runCollect(models.stream(asking("openai", "", { messages, tools: [weather] })))
        assert.strictEqual(textOf(parts), "The tool said: 20 degrees")
      }
      assert.deepStrictEqual(
        server.requests.map(({ ended }, index) => [ended, inputOf(server, index).includes("reasoning")]),
        [
          ["refused", true],
          ["whole", false],
          ["whole", false]
        ]
      )
    })
  )

  it.live("that do not think are not asked for thoughts, and one whose name misled tells", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      const models = modelsFor(server)
      yield* Stream.runDrain(models.stream({ ...asking("openai", "Hello"), ref: "openai/gpt-4.1" }))
      assert.strictEqual(server.requests.length, 1)
      assert.notProperty(bodyOf(server), "include")
      server.next({
        _tag: "Plain",
        status: 400,
        body: {
          error: {
            message: "Encrypted content is not supported with this model.",
            type: "invalid_request_error",
            param: "include",
            code: null
          }
        }
      })
      yield* Stream.runDrain(models.stream(asking("openai", "Hello")))
      yield* Stream.runDrain(models.stream(asking("openai", "Hello")))
      assert.deepStrictEqual(
        [1, 2, 3].map((index) => at(bodyOf(server, index), "include") !== undefined),
        [true, false, false]
      )
    })
  )

  it.live("are given as much room as they take: neither too little nor too much", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      const models = modelsFor(server)
      for (const maxOutputTokens of [1, 500, 10_000_000])
        yield* Stream.runDrain(models.stream(asking("openai", "Hello", { maxOutputTokens })))
      assert.deepStrictEqual(
        server.requests.map(({ maxTokens }) => maxTokens),
        [16, 500, 128_000]
      )
    })
  )

  it.live("may think in silence for as long as until a first word", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      server.next(reply("thought through", { thinking: "hm", thinkMs: 3_000 }))
      const patience = { ...quick, firstMs: 30_000, silenceMs: 1_500 }
      const parts = yield* Stream.runCollect(modelsFor(server, patience).stream(asking("openai", "Hm")))
      assert.strictEqual(parts[0]?._tag, "Thinking")
      assert.strictEqual(textOf(parts), "thought through")
      assert.strictEqual(server.requests.length, 1)
    })
  )
})

describe("the end of a response", () => {
  it.live("is a refusal that is shown, and no answer", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      server.next(reply("I cannot help with that.", { refusal: true }))
      const parts = yield* Stream.runCollect(modelsFor(server).stream(asking("openai", "Hello")))
      assert.strictEqual(textOf(parts), "I cannot help with that.")
      assert.strictEqual(endOf(parts).stop, "safety")
    })
  )

  it.live("takes with it the calls that it cut off", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      server.next(
        stream(
          created,
          added(0, thought("rs_1")),
          done(0, thought("rs_1")),
          added(1, call("call_1")),
          done(1, call("call_1")),
          added(2, { ...call("call_2"), arguments: "" }),
          { type: "response.function_call_arguments.delta", output_index: 2, item_id: "fc_2", delta: '{"ci' },
          {
            type: "response.incomplete",
            response: { status: "incomplete", incomplete_details: { reason: "max_output_tokens" }, usage: null }
          }
        )
      )
      const parts = yield* Stream.runCollect(
        modelsFor(server).stream(asking("openai", "Weather?", { tools: [weather] }))
      )
      assert.deepStrictEqual(
        parts.map(({ _tag }) => _tag),
        ["Thinking", "Finished"]
      )
      assert.strictEqual(endOf(parts).stop, "length")
    })
  )

  it.live("is missing when all was said and the terminal event never came", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      server.next(
        stream(created, added(0, message("final_answer")), delta(0, "Whole?"), done(0, message("final_answer")))
      )
      const error = yield* Effect.flip(Stream.runDrain(modelsFor(server).stream(asking("openai", "Hello"))))
      assert.strictEqual(error.kind, "truncated")
      assert.strictEqual(server.requests.length, 1)
    })
  )

  it.live("is billed when it failed, as far as that was told", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      const usage = { input_tokens: 70, output_tokens: 3 }
      const error = { code: "server_error", message: "An error occurred while processing your request." }
      server.next(stream(created, { type: "response.failed", response: { status: "failed", error, usage } }))
      server.next(reply("a b c", { usage: { input: 100 } }))
      const parts = yield* Stream.runCollect(modelsFor(server).stream(asking("openai", "Hello")))
      assert.deepStrictEqual(endOf(parts).usage, { inputTokens: 170, outputTokens: 6 })
    })
  )
})

describe("a failure before the first word, in a stream that had begun", () => {
  it.live("is tried again where time may help, after the wait that its sentence asks for", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      const cutBy = (how: "overloaded" | "server" | "rate-limit") => reply("lost", { cut: { after: 0, how } })
      server.next(cutBy("overloaded"), cutBy("server"), cutBy("rate-limit"), reply("at last"))
      const parts = yield* Stream.runCollect(modelsFor(server).stream(asking("openai", "Hello")))
      assert.strictEqual(textOf(parts), "at last")
      const times = server.requests.map((request) => request.at)
      assert.strictEqual(times.length, 4)
      assert.isAtLeast((times[3] ?? 0) - (times[2] ?? 0), 120)
    })
  )

  it.live("is told at once where it does not", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      const models = modelsFor(server)
      const flat = { type: "error", code: "context_length_exceeded", message: "Your input exceeds it.", param: "input" }
      for (const [answer, expected, sentence] of [
        [reply("lost", { cut: { after: 0, how: "too-long" } }), "too-long", /longer than gpt-5 can take in/u],
        [reply("lost", { cut: { after: 0, how: "quota" } }), "quota", /credit or quota/u],
        [reply("lost", { cut: { after: 0, how: "no-model" } }), "model-gone", /does not have the model gpt-5/u],
        [reply("lost", { cut: { after: 0, how: "refused" } }), "refused", /potentially violating our usage policy/u],
        // as the reference has it, and not as the service mostly sends it
        [stream(created, flat), "too-long", /longer than gpt-5 can take in/u]
      ] as const) {
        server.next(answer)
        const before = server.requests.length
        const error = yield* Effect.flip(Stream.runDrain(models.stream(asking("openai", "Hello"))))
        assert.deepStrictEqual([error.kind, server.requests.length - before], [expected, 1], error.message)
        assert.match(error.message, sentence)
      }
    })
  )

  it.live("is an outage when it does not say why", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      const silent = stream(created, { type: "response.failed", response: { status: "failed", error: null } })
      server.otherwise(() => silent)
      const models = modelsFor(server, { pacing: { patienceMs: 100, backoffMs: 10 } })
      const error = yield* Effect.flip(Stream.runDrain(models.stream(asking("openai", "Hello"))))
      assert.strictEqual(error.kind, "outage")
    })
  )
})

describe("a server at OpenAI's address that has no Responses API", () => {
  it.live("is asked by Chat Completions, after one refusal for all of its models", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai", { chatOnly: true })
      const models = modelsFor(server)
      for (const model of ["gpt-4.1", "gpt-4o", "gpt-4.1"]) {
        const parts = yield* Stream.runCollect(models.stream({ ...asking("openai", "Hello"), ref: `openai/${model}` }))
        assert.match(textOf(parts), /^You said: Hello/u)
      }
      assert.deepStrictEqual(server.others, ["POST /v1/responses"])
      assert.strictEqual(server.requests.length, 3)
    })
  )

  it.live("is known by its answer: no such path, or not with this method", () =>
    Effect.gen(function* () {
      for (const [status, body] of [
        [404, '{"detail":"Not Found"}'],
        [404, "404 page not found"],
        [404, '{"error":{"message":"Invalid URL (POST /v1/responses)","type":"invalid_request_error"}}'],
        [405, '{"detail":"Method Not Allowed"}'],
        [501, ""]
      ] as const) {
        const server = yield* standIn("openai")
        server.next({ _tag: "Plain", status, body })
        yield* Stream.runDrain(modelsFor(server).stream({ ...asking("openai", "Hello"), ref: "openai/gpt-4.1" }))
        assert.deepStrictEqual([isChat(server, 0), isChat(server, 1)], [false, true], `${status} ${body}`)
      }
    })
  )

  it.live("is not seen in any other failure: of the model, the key, the pace, the service, or in a stream", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      const models = modelsFor(server, { pacing: { patienceMs: 50, backoffMs: 10 } })
      const gone = "The model `gpt-5` does not exist or you do not have access to it."
      for (const answer of [
        fault("bad-key"),
        fault("rate-limit", 90_000),
        fault("server"),
        fault("no-model"),
        { _tag: "Plain", status: 404, body: { error: { message: gone, code: "model_not_found" } } },
        stream(created, { type: "error", error: { code: 404, message: "no such thing" } })
      ] satisfies ReadonlyArray<Answer>) {
        server.otherwise(() => answer)
        yield* Effect.flip(Stream.runDrain(models.stream(asking("openai", "Hello"))))
      }
      assert.isAtLeast(server.requests.length, 6)
      assert.isTrue(server.requests.every((_, index) => !isChat(server, index)))
    })
  )

  it.live("takes tools beside reasoning without the reasoning", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai", { chatOnly: true })
      const request = { ...asking("openai", "Hello", { tools: [weather] }), ref: "openai/gpt-6-sol" }
      assert.match(textOf(yield* Stream.runCollect(modelsFor(server).stream(request))), /^You said: Hello/u)
      assert.deepStrictEqual(
        server.requests.map(({ ended }) => ended),
        ["refused", "whole"]
      )
    })
  )
})

describe("a model of OpenAI's that has Chat Completions only", () => {
  it.live("is asked so, and the others as before", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      const models = modelsFor(server)
      for (const model of ["gpt-4o-search-preview", "gpt-4o-search-preview", "gpt-5"])
        yield* Stream.runDrain(models.stream({ ...asking("openai", "Hello"), ref: `openai/${model}` }))
      assert.deepStrictEqual(
        server.requests.map(({ ended }, index) => [ended, isChat(server, index)]),
        [
          ["refused", false],
          ["whole", true],
          ["whole", true],
          ["whole", false]
        ]
      )
    })
  )
})

describe("servers under other names", () => {
  it.live("are never asked for the Responses API", () =>
    Effect.gen(function* () {
      for (const kind of ["ollama", "vllm", "openrouter"] as const) {
        const server = yield* standIn(kind)
        yield* Stream.runDrain(modelsFor(server).stream(asking(kind, "Hello")))
        assert.deepStrictEqual([isChat(server), server.others], [true, []])
      }
    })
  )
})

describe("the stand-in", () => {
  it.live("speaks the protocol so that the SDK's own reader puts the response together", () =>
    Effect.gen(function* () {
      const server = yield* standIn("openai")
      const { key, url } = providerOf(server)
      const client = new OpenAI({ apiKey: key === undefined ? "" : Redacted.value(key), baseURL: url, maxRetries: 0 })
      const args = { city: 'Köln "am Rhein"' }
      server.next(reply("Let me see, first.", { thinking: "hm", calls: [{ name: "weather", args }] }))
      const read = client.responses.stream({
        model: "gpt-6-sol",
        input: "Weather?",
        include: ["reasoning.encrypted_content"]
      })
      const numbers: Array<number> = []
      const whole = yield* Effect.promise(async () => {
        for await (const event of read) numbers.push(event.sequence_number)
        return await read.finalResponse()
      })
      assert.deepStrictEqual(
        numbers,
        numbers.map((_, index) => index)
      )
      assert.strictEqual(whole.output_text, "Let me see, first.")
      assert.strictEqual(whole.status, "completed")
      assert.deepStrictEqual(
        whole.output.map((item) => [item.type, item.type === "function_call" ? JSON.parse(item.arguments) : undefined]),
        [
          ["reasoning", undefined],
          ["message", undefined],
          ["function_call", args]
        ]
      )
      assert.strictEqual(whole.usage?.output_tokens, server.requests[0]?.counted?.output)
    })
  )
})
