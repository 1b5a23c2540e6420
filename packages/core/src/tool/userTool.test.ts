/** Tools that people define: the rules, and what truly arrives at the program. */
import { spawnSync } from "node:child_process"
import { chmodSync, existsSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Result } from "effect"
import { afterAll, describe, expect, it } from "vitest"
import { validateParams } from "./params.ts"
import type { Invocation, Tool } from "./Tool.ts"
import { decodeUserTool, toTool } from "./userTool.ts"
import type { UserTool } from "./userTool.ts"

const home = mkdtempSync(join(tmpdir(), "signalbox-user-tool-"))
afterAll(() => rmSync(home, { recursive: true, force: true }))

/** Prints its arguments and its input as hexadecimal, so that nothing is lost on the way. */
const program = join(home, "my-agent")
writeFileSync(
  program,
  `#!/usr/bin/perl
for (@ARGV) { if (/^file=(.*)/s) { open my $in, '<', $1 or die; local $/; print "file=", unpack("H*", <$in>), "\\n" } else { print unpack("H*", $_), "\\n" } }
local $/; my $in = <STDIN>; print "stdin=", unpack("H*", defined $in ? $in : ""), "\\n"; exit($ENV{CODE} || 0);
`
)
chmodSync(program, 0o755)

const base: UserTool = {
  name: "my-agent",
  title: "My agent",
  binary: "my-agent",
  argv: [],
  prompt: "stdin",
  format: "text"
}

const params = {
  type: "object",
  properties: {
    model: { type: "string", description: "Model." },
    level: { type: "integer", description: "Level.", default: 3 },
    fast: { type: "boolean", description: "Fast." },
    dirs: { type: "array", items: { type: "string" }, description: "Directories." },
    team: { type: "string", description: "Team." }
  },
  required: ["team"],
  additionalProperties: false
}

const made = (more: Partial<UserTool>): Tool => {
  const result = toTool({ ...base, ...more })
  if (Result.isFailure(result)) throw result.failure
  return result.success
}

const reason = (more: Partial<UserTool>): string | undefined => {
  const result = toTool({ ...base, ...more })
  return Result.isFailure(result) ? result.failure.message : undefined
}

const ask = (command: string, more: Partial<Invocation> = {}): Invocation => ({
  command,
  params: {},
  args: [],
  sessionId: "5e55",
  ...more
})

const run = (tool: Tool, invocation: Invocation, env: Readonly<Record<string, string>> = {}) => {
  expect(tool.refusal(invocation)).toBeUndefined()
  const launch = tool.launch(invocation)
  writeFileSync(join(home, "command"), launch.script)
  writeFileSync(join(home, "stdin"), launch.stdin ?? "")
  const child = spawnSync("/bin/sh", [join(home, "command")], {
    cwd: home,
    stdio: [openSync(launch.stdin === undefined ? "/dev/null" : join(home, "stdin"), "r"), "pipe", "pipe"],
    encoding: "utf8",
    env: { PATH: `${home}:/usr/bin:/bin`, HOME: home, TMPDIR: home, ...launch.env, ...env }
  })
  const text = (hex: string) => Buffer.from(hex, "hex").toString()
  const lines = child.stdout.trimEnd().split("\n")
  return {
    code: child.status,
    err: child.stderr,
    argv: lines.slice(0, -1).map((line) => (line.startsWith("file=") ? `file=${text(line.slice(5))}` : text(line))),
    stdin: text((lines.at(-1) ?? "").slice("stdin=".length))
  }
}

const hostile = 'it\'s "x" $(touch owned) `touch owned`; touch owned\n--flag {prompt} {model} 🚂'

describe("a person's tool", () => {
  it("gets its prompt on stdin, and each placeholder as one word", () => {
    const tool = made({
      params,
      argv: [
        "run",
        ["--model", "{model}"],
        "--level={level}",
        ["--fast", "{?fast}"],
        ["--dir", "{dirs}"],
        "team-{team}-{session}",
        "{not a placeholder}"
      ]
    })
    const all = { model: hostile, fast: true, dirs: ["a b", "$(touch owned)"], team: "x'y" }
    expect(Result.isSuccess(validateParams(tool, all))).toBe(true)
    const ran = run(tool, ask(hostile, { params: all, args: ["--extra", hostile] }))
    expect(ran).toEqual({
      code: 0,
      err: "",
      stdin: hostile,
      argv: [
        "run",
        "--model",
        hostile,
        "--level=3",
        "--fast",
        "--dir",
        "a b",
        "--dir",
        "$(touch owned)",
        "team-x'y-5e55",
        "{not a placeholder}",
        "--extra",
        hostile
      ]
    })
    expect(run(tool, ask("hi", { params: { team: "t", fast: false, level: 9 } })).argv).toEqual([
      "run",
      "--level=9",
      "team-t-5e55",
      "{not a placeholder}"
    ])
    expect(existsSync(join(home, "owned"))).toBe(false)
  })

  it("gets its prompt as an argument, configured arguments before it and its flag, stdin closed", () => {
    const tool = made({ prompt: "argument", argv: ["go", "-p", "{prompt}"] })
    expect(run(tool, ask(hostile, { args: ["--x"] }))).toEqual({
      code: 0,
      err: "",
      stdin: "",
      argv: ["go", "--x", "-p", hostile]
    })
    expect(run(made({ prompt: "argument", argv: ["--prompt={prompt}"] }), ask("-n")).argv).toEqual(["--prompt=-n"])
    expect(tool.refusal(ask("x".repeat(131_072)))).toBe(
      "the prompt of my-agent (passed as an argument) is 131072 bytes long and a command line carries at most 131071; shorten it or put it in a file"
    )
    expect(run(tool, ask("é".repeat(65_535))).argv.at(-1)).toBe("é".repeat(65_535))
    expect(tool.refusal(ask("a\0b"))).toContain("holds a NUL character")
  })

  it("gets its prompt as a private file that is gone afterwards, stdin closed, its exit code kept", () => {
    const tool = made({ prompt: "file", argv: ["file={prompt}", "{session}"] })
    const long = hostile.repeat(5000)
    const ran = run(tool, ask(long, { args: ["it's"] }), { CODE: "7" })
    expect(ran).toEqual({ code: 7, err: "", stdin: "", argv: ["it's", `file=${long}`, "5e55"] })
    expect(readdirSync(home).filter((name) => name.startsWith("signalbox-prompt"))).toEqual([])
    expect(readFileSync(join(home, "command"), "utf8")).not.toContain("touch owned")
  })

  it("runs on a terminal when it is asked to, its prompt as an argument or a file, and not by its input", () => {
    const interactive = { params: { interactive: true } }
    const argument = made({ prompt: "argument", argv: ["-p", "{prompt}"] })
    expect(argument.launch(ask(hostile, interactive))).toMatchObject({ interactive: true })
    expect(argument.launch(ask(hostile, interactive)).stdin).toBeUndefined()
    expect(argument.launch(ask(hostile)).interactive).toBeUndefined()
    expect(run(argument, ask(hostile, interactive)).argv).toEqual(["-p", hostile])
    const long = hostile.repeat(5000)
    const file = made({ prompt: "file", argv: ["file={prompt}"] })
    expect(file.launch(ask(long, interactive)).stdin).toBeUndefined()
    expect(run(file, ask(long, interactive)).argv).toEqual([`file=${long}`])
    expect(validateParams(made({ params, argv: [] }), { team: "t", interactive: true })).toMatchObject({
      _tag: "Failure",
      failure: { reason: "my-agent has no parameter 'interactive'; it has model, level, fast, dirs, team" }
    })
    const own = { ...params, properties: { interactive: { type: "string", description: "Mine." } }, required: [] }
    expect(reason({ params: own, argv: [] })).toContain("a parameter cannot be called interactive; the name is taken")
  })

  it("is resumed by its own template, or not at all", () => {
    const tool = made({ argv: ["new", "--id={session}"], resume: ["again", "--id={session}"] })
    expect(tool).toMatchObject({ sessionId: "chosen", canResume: true })
    expect(run(tool, ask("hi")).argv).toEqual(["new", "--id=5e55"])
    expect(run(tool, ask("hi", { resume: "old'1" })).argv).toEqual(["again", "--id=old'1"])
    expect(made({ format: "claude", resume: ["-r", "{session}"] }).sessionId).toBe("reported")
    expect(made({}).refusal(ask("hi", { resume: "1" }))).toBe(
      "my-agent has no resume template, so a task cannot be resumed"
    )
  })

  it("brings its environment, exit codes and limits", () => {
    const tool = made({
      env: { A_B: "it's" },
      exitCodes: { "7": "no luck" },
      defaults: { timeoutMs: 5, maxTasks: 2 },
      merge: true
    })
    expect(tool.launch(ask("hi"))).toMatchObject({ env: { A_B: "it's" }, merge: true })
    expect(tool).toMatchObject({
      exitCodes: { 7: "no luck" },
      defaults: { timeoutMs: 5, maxTasks: 2 },
      versionArgs: ["--version"]
    })
  })

  it.each<readonly [Partial<UserTool>, string]>([
    [{ name: "claude" }, "claude is a built-in tool; choose another name"],
    [
      { argv: ["{model}"] },
      "argv has the placeholder {model}, and there is no such parameter; there are prompt, session"
    ],
    [
      { params, argv: ["--model={model}"] },
      'argv has {model} outside a group, but the parameter may be absent; put it into a group such as ["--model", "{model}"] or require it'
    ],
    [{ params, argv: [["x{?fast}"]] }, "argv has {?fast} inside the word 'x{?fast}'; it must stand alone"],
    [{ argv: ["{prompt}"] }, "argv has {prompt}, but the prompt goes to stdin"],
    [{ prompt: "argument" }, "argv must have {prompt} exactly once, because the prompt goes by argument"],
    [
      { prompt: "file", argv: ["{prompt}", "{prompt}"] },
      "argv must have {prompt} exactly once, because the prompt goes by file"
    ],
    [
      { prompt: "argument", argv: [["{prompt}"]] },
      "argv has {prompt} inside a group; it belongs outside, it is never absent"
    ],
    [{ argv: ["{?session}"] }, "argv has {?session}, but only a true-or-false parameter can decide about a group"],
    [{ resume: ["again"] }, "resume has no {session}: without it the program cannot know what to continue"],
    [{ params: { type: "array" } }, 'its parameter schema must have "type": "object"'],
    [
      { params: { type: "object", properties: {} } },
      'its parameter schema must have "additionalProperties": false, so that a misspelt parameter is noticed'
    ],
    [
      { params: { type: "object", properties: { a: { type: "string" } }, additionalProperties: false } },
      "parameter a has no description"
    ],
    [
      {
        params: {
          type: "object",
          properties: { prompt: { type: "string", description: "x" } },
          additionalProperties: false
        }
      },
      "a parameter cannot be called prompt; the name is taken"
    ],
    [{ env: { "A B": "" } }, "'A B' is not a name of an environment variable"],
    [{ exitCodes: { "256": "x" } }, "'256' is not an exit code (0 to 255)"]
  ])("%j is refused with one sentence", (more, sentence) => {
    expect(reason(more)).toBe(`tool ${more.name ?? "my-agent"} cannot be defined: ${sentence}`)
  })

  it("a schema that ajv cannot compile is refused", () => {
    const broken = {
      type: "object",
      properties: { a: { type: "strnig", description: "x" } },
      additionalProperties: false
    }
    expect(reason({ params: broken })).toMatch(/its parameter schema is not valid: /u)
  })

  it("is decoded with its limits, and unknown fields are mistakes", () => {
    expect(Result.isSuccess(decodeUserTool(base))).toBe(true)
    for (const wrong of [
      { ...base, name: "My Agent" },
      { ...base, name: "../x" },
      { ...base, binary: "my agent; rm" },
      { ...base, prompts: "stdin" },
      { ...base, argv: Array.from({ length: 200 }, () => "x") },
      { ...base, prompt: "telepathy" },
      null,
      "x"
    ]) {
      const result = decodeUserTool(wrong)
      expect(Result.isFailure(result)).toBe(true)
      if (Result.isFailure(result)) expect(result.failure.message).toMatch(/^tool .* cannot be defined: [^\n]+$/u)
    }
  })
})
