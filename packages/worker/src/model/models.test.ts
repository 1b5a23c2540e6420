import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Queue, Stream } from "effect"
import type { ModelMessage, Usage } from "@signalbox/core/model/message.ts"
import {
  asking,
  callsOf,
  endOf,
  modelsFor,
  providerOf,
  quick,
  refOf,
  standIn,
  textOf,
  weather
} from "../../../../test/support/providers/asking.ts"
import { fault, hangup, reply, stall } from "../../../../test/support/providers/script.ts"
import { until } from "../../../../test/support/until.ts"
import type { ModelPart } from "./Models.ts"
import { makeModels } from "./ModelsLive.ts"

const kinds = ["anthropic", "gemini", "openai", "ollama", "vllm", "openrouter"] as const
for (const kind of kinds)
  describe(`${kind}, spoken to by its SDK`, () => {
    it.live("streams a reply word by word and tells the usage that the provider counted", () =>
      Effect.gen(function* () {
        const server = yield* standIn(kind)
        server.next(reply("The quick brown fox – ünïcødé 🦊 and\nlines.", { usage: { input: 1234, cached: 1000 } }))
        const parts = yield* Stream.runCollect(modelsFor(server).stream(asking(kind, "Hello", { system: "Be brief." })))
        assert.strictEqual(textOf(parts), "The quick brown fox – ünïcødé 🦊 and\nlines.")
        assert.isAbove(parts.filter((part) => part._tag === "Text").length, 5)
        const { stop, usage } = endOf(parts)
        assert.strictEqual(stop, "end")
        const counted = [...server.counted().values()][0]
        assert.deepInclude(usage, {
          inputTokens: 1234,
          outputTokens: counted?.output ?? -1,
          cachedInputTokens: 1000
        })
        const asked = server.requests[0]
        assert.strictEqual(asked?.system, "Be brief.")
        assert.deepStrictEqual(asked?.messages, [{ role: "user", text: "Hello", calls: [] }])
      })
    )

    it.live("calls several tools at once, and takes their results", () =>
      Effect.gen(function* () {
        const server = yield* standIn(kind)
        const models = modelsFor(server)
        server.next(
          reply("Let me see.", {
            calls: [
              { name: "weather", args: { city: 'Köln "am Rhein"' } },
              { name: "weather", args: {} }
            ]
          })
        )
        const first = yield* Stream.runCollect(models.stream(asking(kind, "Weather?", { tools: [weather] })))
        const calls = callsOf(first)
        assert.deepStrictEqual(
          calls.map(({ name, args }) => ({ name, args })),
          [
            { name: "weather", args: { city: 'Köln "am Rhein"' } },
            { name: "weather", args: {} }
          ]
        )
        const end = endOf(first)
        assert.strictEqual(end.stop, "tools")
        const step: ModelMessage = {
          role: "assistant",
          text: textOf(first),
          calls: calls.map(({ callId, name, args }) => ({ callId, name, args })),
          ...(end.native === undefined ? {} : { native: end.native })
        }
        const results = calls.map((call, index): ModelMessage => ({
          role: "tool",
          callId: call.callId,
          name: call.name,
          text: `${index + 20} degrees`,
          isError: index === 1
        }))
        // in another order than the calls: the provider gets them in its own
        const messages: ReadonlyArray<ModelMessage> = [
          { role: "user", text: "Weather?" },
          step,
          ...results.toReversed()
        ]
        const second = yield* Stream.runCollect(models.stream(asking(kind, "", { messages, tools: [weather] })))
        assert.match(textOf(second), /^The tool said: (Error: )?21 degrees/u)
        assert.deepStrictEqual(
          server.requests[1]?.messages.map(({ role }) => role),
          ["user", "assistant", "tool", "tool"]
        )
      })
    )

    it.live("can be made to call a tool", () =>
      Effect.gen(function* () {
        const server = yield* standIn(kind)
        const parts = yield* Stream.runCollect(
          modelsFor(server).stream(asking(kind, "Plan it", { tools: [weather], toolChoice: "weather" }))
        )
        assert.deepStrictEqual(server.requests[0]?.toolChoice, "weather")
        assert.deepStrictEqual(
          callsOf(parts).map((call) => call.name),
          ["weather"]
        )
        assert.strictEqual(endOf(parts).stop, "tools")
      })
    )

    it.live("tells why it stopped: length, safety", () =>
      Effect.gen(function* () {
        const server = yield* standIn(kind)
        const models = modelsFor(server)
        server.next(reply("cut", { stop: "length" }), reply("no", { stop: "safety" }))
        assert.strictEqual(endOf(yield* Stream.runCollect(models.stream(asking(kind, "a")))).stop, "length")
        assert.strictEqual(endOf(yield* Stream.runCollect(models.stream(asking(kind, "b")))).stop, "safety")
      })
    )

    it.live("waits as long as the provider asks for, and tries again before the first part", () =>
      Effect.gen(function* () {
        const server = yield* standIn(kind)
        const models = modelsFor(server)
        server.next(fault("rate-limit", 1_000), fault("overloaded"), hangup, reply("at last"))
        const parts = yield* Stream.runCollect(models.stream(asking(kind, "Hello")))
        assert.strictEqual(textOf(parts), "at last")
        const times = server.requests.map((request) => request.at)
        assert.strictEqual(times.length, 4)
        assert.isAtLeast((times[1] ?? 0) - (times[0] ?? 0), 1_000)
      })
    )

    it.live("gives up at once when the wait would be too long, or would not help", () =>
      Effect.gen(function* () {
        const server = yield* standIn(kind)
        const models = modelsFor(server)
        for (const [answer, expected, sentence] of [
          [fault("rate-limit", 90_000), "quota", /more requests than it allows/u],
          [fault("quota"), "quota", /credit or quota/u],
          [fault("bad-key"), "bad-key", /refused the key in|asks for a key/u],
          [fault("forbidden"), "bad-key", /does not allow this/u],
          [fault("too-long"), "too-long", /longer than .* can take in/u],
          [fault("no-model"), "model-gone", /does not have the model/u],
          [fault("refused"), "refused", /refused the request: /u]
        ] as const) {
          server.next(answer)
          const before = server.requests.length
          const error = yield* Effect.flip(Stream.runDrain(models.stream(asking(kind, "Hello"))))
          assert.deepStrictEqual([error.kind, server.requests.length - before], [expected, 1], error.message)
          assert.match(error.message, sentence)
          assert.notInclude(error.message, server.key ?? "no key at all")
        }
      })
    )

    it.live("never asks again once a part has come: broken off, reset, silent, failed in the middle", () =>
      Effect.gen(function* () {
        const server = yield* standIn(kind)
        const models = modelsFor(server, { ...quick, silenceMs: 1_000 })
        for (const [how, expected] of [
          ["end", "truncated"],
          ["reset", "truncated"],
          ["stall", "stalled"],
          ["overloaded", "outage"]
        ] as const) {
          server.next(reply("one two three four", { cut: { after: 2, how } }))
          const before = server.requests.length
          const seen: Array<ModelPart> = []
          const error = yield* models.stream(asking(kind, how)).pipe(
            Stream.runForEach((part) => Effect.sync(() => seen.push(part))),
            Effect.flip
          )
          assert.deepStrictEqual([textOf(seen), error.kind], ["one two", expected], error.message)
          assert.strictEqual(server.requests.length - before, 1)
        }
      })
    )

    it.live("is stopped by an interruption at once", () =>
      Effect.gen(function* () {
        const server = yield* standIn(kind)
        const seen = yield* Queue.unbounded<ModelPart>()
        server.next(reply(Array.from({ length: 4_000 }, (_, index) => `w${index}`).join(" "), { everyMs: 20 }))
        const running = yield* Effect.forkChild(
          Stream.runForEach(modelsFor(server).stream(asking(kind, "Talk")), (part) => Queue.offer(seen, part))
        )
        yield* Queue.take(seen)
        yield* Queue.take(seen)
        yield* Fiber.interrupt(running)
        yield* until(
          "the server saw the end",
          Effect.sync(() => server.requests[0]?.ended === "given-up")
        )
        assert.isBelow(server.requests[0]?.written ?? 4_000, 2_000)
      })
    )

    it.live("is given up when it does not answer at all", () =>
      Effect.gen(function* () {
        const server = yield* standIn(kind)
        server.otherwise(() => stall)
        const models = modelsFor(server, { pacing: { patienceMs: 500, backoffMs: 10 }, firstMs: 200 })
        const error = yield* Effect.flip(Stream.runDrain(models.stream(asking(kind, "Hello"))))
        assert.strictEqual(error.kind, "stalled")
        assert.match(error.message, /has said nothing for 200 ms/u)
        assert.isAbove(server.requests.length, 1)
        yield* until(
          "all were given up",
          Effect.sync(() => server.requests.every(({ ended }) => ended === "given-up"))
        )
      })
    )
  })

for (const kind of ["anthropic", "gemini", "openai", "openrouter"] as const)
  describe(`a wrong key for ${kind}`, () => {
    it.live("is refused without being shown", () =>
      Effect.gen(function* () {
        const server = yield* standIn(kind)
        const models = makeModels([providerOf(server, "sk-very-secret-0123456789")], quick)
        const error = yield* Effect.flip(Stream.runDrain(models.stream(asking(kind, "Hello"))))
        assert.strictEqual(error.kind, "bad-key")
        assert.notInclude(JSON.stringify(error) + error.message, "very-secret")
      })
    )
  })

describe("what a provider quotes", () => {
  it.live("is shown on one line, cut, and without the key", () =>
    Effect.gen(function* () {
      for (const kind of ["anthropic", "gemini", "openai"] as const) {
        const server = yield* standIn(kind)
        const message = `Bad header:\n\t${server.key} ${"x".repeat(1_000)}`
        server.next({
          _tag: "Plain",
          status: 400,
          body: { error: { message, type: "invalid_request_error", code: 400 } }
        })
        const error = yield* Effect.flip(Stream.runDrain(modelsFor(server).stream(asking(kind, "Hello"))))
        assert.strictEqual(error.kind, "refused")
        assert.include(error.message, "Bad header: [secret] xxx")
        assert.notInclude(error.message, server.key ?? "")
        assert.isBelow(error.message.length, 450)
      }
    })
  )
})

describe("usage", () => {
  it.live("sums what every attempt was billed, and is told before a failure", () =>
    Effect.gen(function* () {
      const server = yield* standIn("anthropic")
      const models = modelsFor(server)
      // broken after message_start: billed, nothing said, asked again
      server.next(
        reply("lost", { cut: { after: 0, how: "reset" }, usage: { input: 100 } }),
        reply("a b c", { usage: { input: 100 } })
      )
      const whole = endOf(yield* Stream.runCollect(models.stream(asking("anthropic", "Hello")))).usage
      assert.deepInclude(whole, { inputTokens: 200, outputTokens: 1 + 3 })
      const counted = server.counted().get("claude-sonnet-4-6")
      assert.deepStrictEqual([whole?.inputTokens, whole?.outputTokens], [counted?.input, counted?.output])

      server.next(reply("a b c", { cut: { after: 2, how: "end" }, usage: { input: 55 } }))
      const told: Array<Usage> = []
      yield* Effect.flip(Stream.runDrain(models.stream(asking("anthropic", "Hello"), (usage) => told.push(usage))))
      assert.deepInclude(told.at(-1), { inputTokens: 55, outputTokens: 1 })
    })
  )

  it.live("counts thoughts as output, of which they are told apart", () =>
    Effect.gen(function* () {
      for (const kind of ["gemini", "openai"] as const) {
        const server = yield* standIn(kind)
        server.next(reply("yes", { thinking: "let me think about it", usage: { output: 25, reasoning: 20 } }))
        const parts = yield* Stream.runCollect(modelsFor(server).stream(asking(kind, "Hello")))
        assert.strictEqual(parts[0]?._tag, "Thinking")
        assert.deepInclude(endOf(parts).usage, { outputTokens: 25, reasoningTokens: 20 })
      }
    })
  )

  it.live("Anthropic reads the beginning of a conversation from its cache", () =>
    Effect.gen(function* () {
      const server = yield* standIn("anthropic")
      const models = modelsFor(server)
      const system = "You are patient. ".repeat(200)
      const first = yield* Stream.runCollect(models.stream(asking("anthropic", "One", { system })))
      const messages: ReadonlyArray<ModelMessage> = [
        { role: "user", text: "One" },
        { role: "assistant", text: textOf(first), calls: [] },
        { role: "user", text: "Two" }
      ]
      const second = yield* Stream.runCollect(models.stream(asking("anthropic", "", { system, messages })))
      assert.isAbove(endOf(first).usage?.cacheWriteTokens ?? 0, 800)
      assert.isAbove(endOf(second).usage?.cachedInputTokens ?? 0, 800)
      const counted = server.counted().get("claude-sonnet-4-6")
      assert.strictEqual(
        (endOf(first).usage?.inputTokens ?? 0) + (endOf(second).usage?.inputTokens ?? 0),
        counted?.input
      )
    })
  )
})

describe("a conversation that changes its model", () => {
  it.live("keeps signed thoughts for the model that had them, and leaves them out for every other", () =>
    Effect.gen(function* () {
      const servers = {
        anthropic: yield* standIn("anthropic"),
        gemini: yield* standIn("gemini"),
        openai: yield* standIn("openai")
      }
      const models = makeModels(
        Object.values(servers).map((server) => providerOf(server)),
        quick
      )
      for (const from of ["anthropic", "gemini", "openai"] as const) {
        servers[from].next(
          reply("", { thinking: "deep thoughts", calls: [{ name: "weather", args: { city: "Rome" } }] })
        )
        const parts = yield* Stream.runCollect(models.stream(asking(from, "Weather?", { tools: [weather] })))
        const { native } = endOf(parts)
        const [call] = callsOf(parts)
        if (call === undefined) return assert.fail("no call")
        const messages: ReadonlyArray<ModelMessage> = [
          { role: "user", text: "Weather?" },
          {
            role: "assistant",
            text: "",
            calls: [{ callId: call.callId, name: call.name, args: call.args }],
            ...(native === undefined ? {} : { native })
          },
          { role: "tool", callId: call.callId, name: "weather", text: "20 degrees", isError: false }
        ]
        for (const to of ["anthropic", "gemini", "openai"] as const) {
          const answer = yield* Stream.runCollect(models.stream(asking(to, "", { messages, tools: [weather] })))
          assert.strictEqual(textOf(answer), "The tool said: 20 degrees", `${from} to ${to}`)
          const sent = JSON.stringify(servers[to].requests.at(-1)?.body)
          const signed = /"(signature|thoughtSignature|encrypted_content)":"c2lnbmVk/u.test(sent)
          assert.strictEqual(signed, from === to, `${from} to ${to}: ${sent}`)
        }
      }
    })
  )

  it.live("is brought into the order that all providers take", () =>
    Effect.gen(function* () {
      const messages: ReadonlyArray<ModelMessage> = [
        { role: "assistant", text: "left over", calls: [] },
        { role: "user", text: "   " },
        { role: "user", text: "one" },
        { role: "user", text: "two" },
        { role: "assistant", text: " \n", calls: [] },
        { role: "assistant", text: "two and a half", calls: [] },
        { role: "assistant", text: "three ", calls: [{ callId: "a b/ü", name: "weather", args: "no object" }] },
        { role: "user", text: "four" },
        { role: "tool", callId: "orphan", name: "weather", text: "never asked", isError: false },
        { role: "user", text: "what is the word?" }
      ]
      for (const kind of ["anthropic", "gemini", "openai", "ollama"] as const) {
        const server = yield* standIn(kind)
        const parts = yield* Stream.runCollect(
          modelsFor(server).stream(asking(kind, "", { messages, tools: [weather] }))
        )
        assert.strictEqual(textOf(parts), "I do not know the word.")
        assert.deepStrictEqual(
          server.requests[0]?.messages.map(({ role }) => role).filter((role, index, all) => role !== all[index - 1]),
          ["user", "assistant", "user", "assistant", "tool", "user"]
        )
      }
    })
  )
})

describe("what newer models refuse", () => {
  it.live("a forced tool is asked for in words, and the refusal is learned", () =>
    Effect.gen(function* () {
      const server = yield* standIn("anthropic")
      const models = modelsFor(server)
      const request = {
        ...asking("anthropic", "Plan it", { tools: [weather], toolChoice: "weather" }),
        ref: "anthropic/claude-sonnet-5-5"
      }
      yield* Stream.runDrain(models.stream(request))
      yield* Stream.runDrain(models.stream(request))
      assert.deepStrictEqual(
        server.requests.map(({ ended, toolChoice }) => [ended, toolChoice]),
        [
          ["refused", "weather"],
          ["whole", undefined],
          ["whole", undefined]
        ]
      )
      assert.match(server.requests[1]?.system ?? "", /exactly one call of the tool weather/u)
    })
  )
})

describe("a model that takes no tools", () => {
  const calls = [{ callId: "c1", name: "weather", args: { city: "Rome" } }]
  const messages: ReadonlyArray<ModelMessage> = [
    { role: "user", text: "Weather?" },
    { role: "assistant", text: "", calls },
    { role: "tool", callId: "c1", name: "weather", text: "the weather is fair", isError: false },
    { role: "user", text: "what is the weather?" }
  ]

  it.live("talks without them, and is told in words what tools did before", () =>
    Effect.gen(function* () {
      for (const [server, ref, attempts] of [
        [yield* standIn("ollama"), "ollama/gemma3:4b", 2],
        [yield* standIn("openai", { chatOnly: true }), "openai/gpt-6.2-sol", 3]
      ] as const) {
        const models = modelsFor(server)
        const request = { ref, messages, tools: [weather] }
        assert.strictEqual(textOf(yield* Stream.runCollect(models.stream(request))), "The weather is fair.")
        assert.strictEqual(server.requests.length, attempts)
        const last = server.requests.at(-1)
        assert.deepStrictEqual(last?.tools, [])
        assert.deepStrictEqual(
          last?.messages.map(({ role, calls: made }) => [role, made.length]),
          [
            ["user", 0],
            ["assistant", 0],
            ["user", 0]
          ]
        )
        yield* Stream.runDrain(models.stream(request))
        assert.strictEqual(server.requests.length, attempts + 1)
      }
    })
  )

  it.live("is refused when it would have to call one", () =>
    Effect.gen(function* () {
      const server = yield* standIn("ollama")
      const error = yield* Effect.flip(
        Stream.runDrain(
          modelsFor(server).stream({ ref: "ollama/gemma3:4b", messages, tools: [weather], toolChoice: "weather" })
        )
      )
      assert.strictEqual(error.kind, "refused")
      assert.match(error.message, /does not support tools\. Change the message, or choose another model\.$/u)
    })
  )
})

describe("what older servers and other courses of a conversation refuse", () => {
  it.live("is left out, once per model", () =>
    Effect.gen(function* () {
      const server = yield* standIn("vllm")
      const models = modelsFor(server)
      server.next({
        _tag: "Plain",
        status: 422,
        body: { error: { message: "Extra inputs are not permitted: stream_options", type: "invalid_request_error" } }
      })
      const parts = yield* Stream.runCollect(models.stream(asking("vllm", "Hello", { maxOutputTokens: 77 })))
      assert.isNull(endOf(parts).usage)
      assert.strictEqual(server.requests[1]?.maxTokens, 77)
      assert.notInclude(JSON.stringify(server.requests[1]?.body), "stream_options")
    })
  )

  it.live("are signed thoughts of a conversation that took another course, and being asked for thoughts at all", () =>
    Effect.gen(function* () {
      for (const [kind, message, sign] of [
        ["anthropic", "messages.1.content.0: Invalid `signature` in `thinking` block", "c2lnbmVk"],
        ["gemini", "Corrupted thought signature.", "c2lnbmVk"],
        ["gemini", "Thinking is not enabled for this model", "includeThoughts"]
      ] as const) {
        const server = yield* standIn(kind)
        const models = modelsFor(server)
        const native = {
          provider: kind,
          data: {
            model: refOf[kind].slice(kind.length + 1),
            calls: { c1: "c2lnbmVkOm9uY2U=" },
            thoughts: [{ type: "thinking", thinking: "hm", signature: "c2lnbmVkOm9uY2U=" }]
          }
        }
        const messages: ReadonlyArray<ModelMessage> = [
          { role: "user", text: "Weather?" },
          { role: "assistant", text: "", calls: [{ callId: "c1", name: "weather", args: {} }], native },
          { role: "tool", callId: "c1", name: "weather", text: "20 degrees", isError: false }
        ]
        server.next({
          _tag: "Plain",
          status: 400,
          body:
            kind === "anthropic"
              ? { type: "error", error: { type: "invalid_request_error", message } }
              : { error: { code: 400, status: "INVALID_ARGUMENT", message } }
        })
        const parts = yield* Stream.runCollect(models.stream(asking(kind, "", { messages, tools: [weather] })))
        assert.strictEqual(textOf(parts), "The tool said: 20 degrees")
        const [first, second] = server.requests.map((request) => JSON.stringify(request.body))
        assert.include(first, sign)
        assert.notInclude(second, sign)
      }
    })
  )
})

describe("patience", () => {
  it.live("pings keep a silent thinker alive", () =>
    Effect.gen(function* () {
      const server = yield* standIn("anthropic")
      server.next(reply("thought through", { delayMs: 4_500, pingMs: 100 }))
      const parts = yield* Stream.runCollect(
        modelsFor(server, { ...quick, firstMs: 2_000 }).stream(asking("anthropic", "Hm"))
      )
      assert.strictEqual(textOf(parts), "thought through")
      assert.strictEqual(server.requests.length, 1)
    })
  )

  it.live("is short where nobody listens", () =>
    Effect.gen(function* () {
      const server = yield* standIn("ollama")
      const models = modelsFor(server, { pacing: { patienceMs: 400, backoffMs: 10 } })
      yield* Effect.promise(() => server.close())
      const error = yield* Effect.flip(Stream.runDrain(models.stream(asking("ollama", "Hello"))))
      assert.strictEqual(error.kind, "outage")
      assert.match(error.message, /Ollama cannot be reached at 127\.0\.0\.1:\d+ \(ECONNREFUSED\)\. Start it/u)
    })
  )

  it.live("names what is missing", () =>
    Effect.gen(function* () {
      const models = makeModels([
        {
          provider: "gemini",
          title: "Gemini",
          kind: "gemini",
          url: "http://127.0.0.1:1",
          key: undefined,
          keyName: "GEMINI_API_KEY"
        }
      ])
      const noKey = yield* Effect.flip(Stream.runDrain(models.stream(asking("gemini", "Hello"))))
      assert.strictEqual(noKey.kind, "no-key")
      assert.include(noKey.message, "Put GEMINI_API_KEY into the environment of the worker")
      const nobody = yield* Effect.flip(Stream.runDrain(models.stream(asking("openai", "Hello"))))
      assert.strictEqual(nobody.kind, "unknown-provider")
      assert.include(nobody.message, "Choose a model of gemini")
    })
  )
})

describe("many at once", () => {
  it.live("ten replies stream side by side without a word lost or crossed", () =>
    Effect.gen(function* () {
      const servers = yield* Effect.all(
        (["anthropic", "gemini", "openai"] as const).map((kind) =>
          Effect.map(standIn(kind), (server) => [kind, server] as const)
        )
      )
      const models = makeModels(
        servers.map(([, server]) => providerOf(server)),
        quick
      )
      for (const [, server] of servers)
        server.otherwise((asked) => {
          const name = asked.messages.at(-1)?.text ?? ""
          return reply(Array.from({ length: 100 }, (_, index) => `${name}-${index}`).join(" "), { everyMs: 20 })
        })
      const streaming = new Set<number>()
      let most = 0
      const texts = yield* Effect.forEach(
        Array.from({ length: 10 }, (_, index) => index),
        (index) => {
          const [kind] = servers[index % 3] ?? assert.fail("no server")
          return models.stream(asking(kind, `c${index}`)).pipe(
            Stream.tap(() => Effect.sync(() => (most = Math.max(most, streaming.add(index).size)))),
            Stream.runCollect,
            Effect.map(textOf),
            Effect.ensuring(Effect.sync(() => streaming.delete(index)))
          )
        },
        { concurrency: "unbounded" }
      )
      for (const [index, text] of texts.entries())
        assert.strictEqual(text, Array.from({ length: 100 }, (_, word) => `c${index}-${word}`).join(" "))
      assert.isAtLeast(most, 5, "side by side, and not one after the other")
    })
  )
})
