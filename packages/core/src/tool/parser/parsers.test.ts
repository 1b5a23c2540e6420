/**
 * Recorded streams of each vendor, folded: the report and the lines a person sees. Then the properties that every parser has:
 * any split of the bytes gives the same report, and nothing that a program prints makes it throw or reaches a terminal raw.
 */
import { readFileSync } from "node:fs"
import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { last, lineLimit, split, splitterAt, unfinished } from "../lines.ts"
import type { OutputFormat, Shown } from "../Tool.ts"
import { ToolReport } from "../Tool.ts"
import { parsers } from "./parsers.ts"

const bytesOf = (name: string): Uint8Array => readFileSync(new URL(`./fixtures/${name}`, import.meta.url))
const isReport = Schema.is(ToolReport)

interface Fold {
  readonly report: ToolReport
  readonly shown: ReadonlyArray<Shown>
}

/** As the worker does it: chunks of bytes, and the report stored as JSON between them. */
const fold = (format: OutputFormat, chunks: Iterable<Uint8Array>): Fold => {
  const parser = parsers[format]
  let state = splitterAt(0)
  let report = parser.initial
  const shown: Array<Shown> = []
  const take = (text: string) => {
    const step = parser.line(report, text)
    report = JSON.parse(JSON.stringify(step.report)) as ToolReport
    expect(report).toEqual(step.report)
    shown.push(...step.shown)
  }
  for (const chunk of chunks) {
    const next = split(state, chunk)
    state = next.state
    for (const line of next.lines) take(line.text)
  }
  const end = last(state)
  if (end !== undefined) take(end.text)
  expect(isReport(report)).toBe(true)
  return { report, shown }
}

const linesOf = (shown: ReadonlyArray<Shown>): ReadonlyArray<string> => shown.map((one) => `${one.kind}: ${one.text}`)

const recorded: ReadonlyArray<{
  readonly file: string
  readonly format: OutputFormat
  readonly report: ToolReport
  readonly shown: ReadonlyArray<string>
}> = [
  {
    file: "claude-success.jsonl",
    format: "claude",
    report: {
      sessionId: "0f8e2b6c-3c0f-4a52-9b4e-6b1c2f6a7d10",
      model: "claude-sonnet-4-5-20250929",
      answer: "Retries are now counted per payment.\n\nI could not run the tests: they need approval.",
      inputTokens: 24 + 14_810 + 43_440,
      outputTokens: 316,
      cachedTokens: 43_440,
      costUsd: 0.0712935,
      turns: 4,
      toolUses: 3
    },
    shown: [
      "note: model claude-sonnet-4-5-20250929",
      "message: I'll check how retries are counted.",
      "tool: Read src/payments/retry.ts",
      "tool: Edit src/payments/retry.ts +2 −1",
      "tool: Run npm test",
      "error: This command requires approval",
      "message: Retries are now counted per payment. I could not run the tests: they need approval.",
      "note: denied: Run npm test",
      "result: 4 turns · 58274 tokens in · 316 out · $0.0713"
    ]
  },
  {
    file: "claude-max-turns.jsonl",
    format: "claude",
    report: {
      sessionId: "11111111-1111-4111-8111-111111111111",
      model: "claude-opus-4-5",
      inputTokens: 105,
      outputTokens: 9,
      cachedTokens: 100,
      costUsd: 0.004,
      turns: 2,
      toolUses: 1,
      error: "the limit of turns was reached: Reached maximum number of turns (1)"
    },
    shown: [
      "note: model claude-opus-4-5",
      "tool: Run make",
      "error: the limit of turns was reached: Reached maximum number of turns (1)"
    ]
  },
  {
    file: "claude-api-error.jsonl",
    format: "claude",
    report: {
      sessionId: "22222222-2222-4222-8222-222222222222",
      model: "claude-sonnet-4-5",
      answer: "Invalid API key · Please run /login",
      inputTokens: 0,
      outputTokens: 0,
      cachedTokens: 0,
      costUsd: 0,
      turns: 1,
      error: "Invalid API key · Please run /login"
    },
    shown: [
      "note: model claude-sonnet-4-5",
      "message: Invalid API key · Please run /login",
      "error: Invalid API key · Please run /login"
    ]
  },
  {
    file: "claude-waiting.jsonl",
    format: "claude",
    report: {
      sessionId: "33333333-3333-4333-8333-333333333333",
      model: "claude-sonnet-4-5",
      waiting: "May it? Run rm -rf build"
    },
    shown: ["note: model claude-sonnet-4-5", "question: May it? Run rm -rf build"]
  },
  {
    file: "codex-success.jsonl",
    format: "codex",
    report: {
      sessionId: "019bc838-8e90-7052-b458-3615bee3647a",
      answer: "Done, but one test is flaky.",
      inputTokens: 24_763,
      cachedTokens: 24_448,
      outputTokens: 122,
      turns: 1,
      toolUses: 4
    },
    shown: [
      "tool: Run cat src/retry.ts",
      "message: I'll count retries per payment.",
      "tool: Edit src/retry.ts",
      "tool: Write src/retry.test.ts",
      "tool: Run npm test",
      "error: Reconnecting... 1/5",
      "error: Run npm test: exit 1",
      "tool: github: create_issue Flaky retry test",
      "message: Done, but one test is flaky.",
      "result: 1 turn · 24763 tokens in · 122 out"
    ]
  },
  {
    file: "codex-failed.jsonl",
    format: "codex",
    report: {
      sessionId: "019bc838-0000-7052-b458-3615bee3647b",
      error: "unexpected status 401 Unauthorized: Missing bearer or basic authentication in header"
    },
    shown: ["error: unexpected status 401 Unauthorized: Missing bearer or basic authentication in header"]
  },
  {
    file: "gemini-success.jsonl",
    format: "gemini",
    report: {
      sessionId: "5e1b1c43-9b5e-4d3c-8d53-1f2f6f0f6b5a",
      model: "gemini-3-pro-preview",
      answer: "Retries are counted\nper payment. 🚂",
      inputTokens: 18_001,
      outputTokens: 201,
      cachedTokens: 12_000,
      toolUses: 2
    },
    shown: [
      "note: model gemini-3-pro-preview",
      "message: I'll look at the retry code.",
      "tool: Read src/retry.ts",
      "tool: Run npm test",
      "error: Tool execution denied by policy.",
      "note: Loop detected, stopping execution",
      "message: Retries are counted",
      "message: per payment. 🚂",
      "result: 18001 tokens in · 201 out"
    ]
  },
  {
    file: "gemini-error.jsonl",
    format: "gemini",
    report: {
      sessionId: "5e1b1c43-0000-4d3c-8d53-1f2f6f0f6b5b",
      model: "gemini-3-pro-preview",
      inputTokens: 8,
      outputTokens: 2,
      cachedTokens: 0,
      toolUses: 0,
      error:
        "Reached max session turns for this session. Increase the number of turns by specifying maxSessionTurns in settings.json."
    },
    shown: [
      "note: model gemini-3-pro-preview",
      "error: Maximum session turns exceeded",
      "error: Reached max session turns for this session. Increase the number of turns by specifying maxSessionTurns in settings.json."
    ]
  },
  {
    file: "qwen-success.jsonl",
    format: "qwen",
    report: {
      sessionId: "44444444-4444-4444-8444-444444444444",
      model: "qwen3-coder-plus",
      answer: "Five retries now.",
      inputTokens: 27_300,
      outputTokens: 80,
      cachedTokens: 26_100,
      turns: 3,
      toolUses: 2
    },
    shown: [
      "note: model qwen3-coder-plus",
      "message: Reading first.",
      "tool: Read /srv/retry.ts",
      "tool: Edit /srv/retry.ts +1 −1",
      "message: Five retries now.",
      "result: 3 turns · 27300 tokens in · 80 out"
    ]
  },
  {
    file: "qwen-error.jsonl",
    format: "qwen",
    report: {
      sessionId: "55555555-5555-4555-8555-555555555555",
      model: "qwen3-coder-plus",
      inputTokens: 100,
      outputTokens: 10,
      cachedTokens: 0,
      turns: 1,
      toolUses: 1,
      error: "the run failed: [API Error: 401 Incorrect API key provided]"
    },
    shown: [
      "note: model qwen3-coder-plus",
      "question: Which port? (8080 / 8443)",
      "error: the run failed: [API Error: 401 Incorrect API key provided]"
    ]
  },
  {
    file: "opencode-success.jsonl",
    format: "opencode",
    report: {
      sessionId: "ses_fc7d2c1daffeoHDeorpPDSsbrN",
      answer: "Retries are fine.\nPublishing was refused.",
      inputTokens: 3 + 8076 + 20 + 8076,
      outputTokens: 7 + 70 + 34,
      cachedTokens: 8076,
      costUsd: 0.3,
      turns: 2,
      toolUses: 2
    },
    shown: [
      "message: Reading the file.",
      "tool: Read /srv/retry.ts",
      "tool: Run npm publish",
      "error: The user rejected permission to use this specific tool call.",
      "message: Retries are fine.",
      "message: Publishing was refused.",
      "note: rejected, because nobody could be asked: bash",
      "result: 2 turns · 16175 tokens in · 111 out · $0.3000"
    ]
  },
  {
    file: "opencode-error.jsonl",
    format: "opencode",
    report: { sessionId: "ses_error", error: "Anthropic API key is missing." },
    shown: ["error: Anthropic API key is missing."]
  },
  {
    file: "text-plain.txt",
    format: "text",
    report: {
      answer:
        "Reading src/retry.ts\n╭─ ReadFile src/retry.ts\n✓ 212 passed\nDo you want to know more?\nRetries are counted per payment."
    },
    shown: [
      "message: Reading src/retry.ts",
      "message: ╭─ ReadFile src/retry.ts",
      "message: ✓ 212 passed",
      "message: Do you want to know more?",
      "message: Retries are counted per payment."
    ]
  }
]

describe("a recorded stream", () => {
  it.each(recorded)("$file gives its report and its lines", ({ file, format, report, shown }) => {
    const folded = fold(format, [bytesOf(file)])
    expect(folded.report).toEqual(report)
    expect(linesOf(folded.shown)).toEqual(shown)
  })

  it.each(recorded)("$file cut anywhere, with CRLF or not, gives the same", ({ file, format }) => {
    const bytes = bytesOf(file)
    const whole = fold(format, [bytes])
    const random = seeded(file.length)
    for (let round = 0; round < 30; round++) expect(fold(format, pieces(bytes, random))).toEqual(whole)
    const crlf = new TextEncoder().encode(new TextDecoder().decode(bytes).replaceAll("\n", "\r\n"))
    expect(fold(format, pieces(crlf, random))).toEqual(whole)
  })

  it.each(recorded.filter((one) => one.format !== "text"))(
    "$file with damaged lines never throws",
    ({ file, format }) => {
      const random = seeded(file.length + 1)
      const text = new TextDecoder().decode(bytesOf(file))
      for (let round = 0; round < 200; round++) {
        const damaged = text
          .split("\n")
          .map((line) => (random() < 0.3 ? line.slice(0, Math.floor(random() * line.length)) : line))
          .map((line) =>
            random() < 0.3 ? line.replaceAll(/"(?:[^"\\]|\\.)*"(?!:)|\d+/gu, () => hostile(random)) : line
          )
        const { shown } = fold(format, [new TextEncoder().encode(damaged.join("\n"))])
        for (const one of shown) expect(one.text).not.toMatch(dangerous)
      }
    }
  )
})

describe("while it runs", () => {
  it("claude's usage counts each message once, however many lines repeat it", () => {
    const lines = new TextDecoder().decode(bytesOf("claude-success.jsonl")).split("\n")
    const running = fold("claude", [new TextEncoder().encode(lines.slice(0, -2).join("\n"))]).report
    expect(running.inputTokens).toBe(24 + 14_810 + 43_440)
    expect(running.outputTokens).toBe(316)
    expect(running.answer).toContain("Retries are now counted")
  })

  it("a question is open until the agent goes on", () => {
    const asked = fold("claude", [bytesOf("claude-waiting.jsonl")]).report
    expect(asked.waiting).toBe("May it? Run rm -rf build")
    const still = parsers.claude.line(asked, '{"type":"keep_alive"}').report
    expect(still.waiting).toBe(asked.waiting)
    const on = parsers.claude.line(
      asked,
      '{"type":"user","message":{"role":"user","content":[]},"session_id":"x"}'
    ).report
    expect(on).not.toHaveProperty("waiting")
  })

  it("a model that asks through its stream is waited for in every format that can ask", () => {
    const asks = {
      claude:
        '{"type":"assistant","message":{"id":"m","content":[{"type":"tool_use","name":"AskUserQuestion","input":{"questions":[{"question":"Which port?","options":[{"label":"80"},{"label":"443"}]}]}}]}}',
      qwen: '{"type":"control_request","request_id":"1","request":{"subtype":"can_use_tool","tool_name":"ask_user_question","input":{"questions":[{"question":"Which port?","options":[{"label":"80"},{"label":"443"}]}]}}}',
      codex:
        '{"type":"request_user_input","id":"t","call_id":"c","questions":[{"id":"q","header":"Port","question":"Which port?","options":[{"label":"80"},{"label":"443"}]}]}',
      gemini:
        '{"type":"tool_use","tool_name":"ask_user","tool_id":"1","parameters":{"questions":[{"question":"Which port?","options":[{"label":"80"},{"label":"443"}]}]}}'
    } as const
    for (const [format, line] of Object.entries(asks)) {
      expect(parsers[format as keyof typeof asks].line({}, line).report.waiting).toBe("Which port? (80 / 443)")
    }
  })
})

describe("plain text", () => {
  const waiting = (text: string) => parsers.text.partial({ answer: "before" }, text).waiting

  it.each([
    "Proceed? (y/n) ",
    "Overwrite existing file? [Y/n]: ",
    "Do you want to continue? [y/N] ",
    "Would you like to install the dependencies?",
    "[sudo] password for root: ",
    "Enter passphrase for key '/root/.ssh/id_ed25519': ",
    "Press Enter to continue",
    "Press any key to continue . . .",
    "Enter your name: ",
    "Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
    "\u001b[1m? \u001b[0mContinue? "
  ])("%j waits for a person", (text) => {
    expect(waiting(text)).toBeDefined()
  })

  it.each([
    "",
    "Downloading 40%",
    "I asked whether you want to continue (y/n) and then",
    "The password: is it hashed? I do not know",
    "Compiling password.ts",
    "Do you want to continue? I think we should, because",
    "✓ press enter handled in src/keys.ts (12 tests",
    "10:31:02 INFO select:",
    "const enter = 1;",
    "then press enter and the form is sent",
    `${"x".repeat(5000)}? (y/n) `
  ])("%j does not", (text) => {
    expect(waiting(text)).toBeUndefined()
  })

  it("further output takes the question back, and only the unfinished line counts", () => {
    const asked = parsers.text.partial({}, "Proceed? (y/n) ")
    expect(asked.waiting).toBe("Proceed? (y/n)")
    expect(parsers.text.line(asked, "Proceed? (y/n) y").report).toEqual({ answer: "Proceed? (y/n) y" })
    expect(parsers.text.partial(asked, "Building")).toEqual({})
  })

  it("keeps the last whole lines of a long output", () => {
    const lines = Array.from({ length: 5000 }, (_, at) => `line ${at} grüße`)
    const { report } = fold("text", [new TextEncoder().encode(lines.join("\n"))])
    expect(report.answer?.length).toBeLessThanOrEqual(16 * 1024)
    expect(report.answer?.startsWith("line ")).toBe(true)
    expect(report.answer?.endsWith("line 4999 grüße")).toBe(true)
  })
})

describe("hostile output", () => {
  const formats = Object.keys(parsers) as ReadonlyArray<OutputFormat>

  it.each(formats)("%s: garbage changes nothing in a structured report and is shown as harmless notes", (format) => {
    const lines = [
      "",
      "{",
      "null",
      "[]",
      '"x"',
      "{}",
      '{"type":null}',
      '{"type":"result"',
      '{"type":{"__proto__":1}}',
      '{"__proto__":{"type":"result"}}',
      "\u001b]0;owned\u0007\u001b[2J\u001b]52;c;cm0gLXJm\u001b\\",
      "\ud800 lone",
      `${"[".repeat(200_000)}`,
      `{"type":"assistant","a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`
    ]
    for (const line of lines) {
      const step = parsers[format].line({}, line)
      if (format !== "text") expect(step.report).toEqual({})
      for (const one of step.shown) expect(one.text).not.toMatch(dangerous)
    }
  })

  it.each(formats)("%s: a line of 10 MB costs no more than a note", (format) => {
    const line = `{"type":"assistant","message":{"content":[{"type":"text","text":"${"x".repeat(10_000_000)}"}]}}`
    const step = parsers[format].line({}, line)
    expect(JSON.stringify(step).length).toBeLessThan(100_000)
    if (format !== "text") {
      expect(step.report).toEqual({})
      expect(step.shown).toEqual([{ kind: "note", text: "(a line of 9.5 million characters was left out)" }])
    }
  })

  it("escape sequences and NUL inside events reach neither report nor screen", () => {
    const event = JSON.stringify({
      type: "result",
      subtype: "success",
      is_error: false,
      result: "a\u001b]0;owned\u0007b\u001b[31mc\0d\u202e\ud800\u009b2Je",
      session_id: "s\u001b[2J 1"
    })
    const { report } = parsers.claude.line({}, event)
    expect(report).toEqual({ answer: "abcd\ufffde", sessionId: "s1" })
  })
})

describe("lines", () => {
  it("tells each line's place, whatever the chunks", () => {
    const bytes = new TextEncoder().encode("one\r\nzwei grüße 🚂\n\nlast")
    const random = seeded(7)
    for (let round = 0; round < 100; round++) {
      let state = splitterAt(100)
      const lines = []
      for (const piece of pieces(bytes, random)) {
        const next = split(state, piece)
        state = next.state
        lines.push(...next.lines)
      }
      expect(lines).toEqual([
        { offset: 100, bytes: 5, text: "one", cut: false },
        { offset: 105, bytes: 18, text: "zwei grüße 🚂", cut: false },
        { offset: 123, bytes: 1, text: "", cut: false }
      ])
      expect(unfinished(state)).toBe("last")
      expect(last(state)).toEqual({ offset: 124, bytes: 4, text: "last", cut: false })
    }
  })

  it("an unfinished line shows whole characters only", () => {
    const bytes = new TextEncoder().encode("weiter 🚂")
    expect(unfinished(split(splitterAt(0), bytes.subarray(0, bytes.length - 2)).state)).toBe("weiter ")
  })

  it("keeps the beginning of a line that is too long, and the place of the next", () => {
    const long = new Uint8Array(3 * lineLimit + 5).fill(120)
    let state = splitterAt(0)
    for (let at = 0; at < long.length; at += 65_536) state = split(state, long.subarray(at, at + 65_536)).state
    expect(state.kept.length).toBe(lineLimit)
    const { lines } = split(state, new TextEncoder().encode("\nnext\n"))
    expect(lines.map(({ offset, bytes, cut }) => ({ offset, bytes, cut }))).toEqual([
      { offset: 0, bytes: long.length + 1, cut: true },
      { offset: long.length + 1, bytes: 5, cut: false }
    ])
    expect(lines[0]?.text.length).toBe(lineLimit)
  })
})

const dangerous =
  // oxlint-disable-next-line no-control-regex -- what must never be shown
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])/u

/** A small generator with a seed: a failure can be repeated. */
function seeded(seed: number): () => number {
  let state = seed * 2_654_435_761 + 1
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e3779b9) | 0
    return ((state ^ (state >>> 13)) >>> 0) / 4_294_967_296
  }
}

function* pieces(bytes: Uint8Array, random: () => number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const size = 1 + Math.floor(random() * (random() < 0.5 ? 5 : 900))
    yield bytes.slice(at, at + size)
    at += size
  }
}

function hostile(random: () => number): string {
  const values = [
    "null",
    "[]",
    "{}",
    "-1",
    "1e999",
    "true",
    String.raw`"\u001b[2J"`,
    String.raw`"\ud800"`,
    '""',
    '[{"type":[]}]'
  ]
  return values[Math.floor(random() * values.length)] ?? "null"
}
