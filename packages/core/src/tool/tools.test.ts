/**
 * The true scripts of `launch`, run by /bin/sh with the fake agents on PATH: what arrives is byte for byte what was written,
 * no shell evaluates any of it, and no fake refuses a flag that the vendor's program would refuse.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { createHash, randomUUID } from "node:crypto"
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Result, Schema } from "effect"
import { afterAll, beforeEach, describe, expect, it } from "vitest"
import { fakeToolsDirectory } from "../../../../test/support/tools/fakeTools.ts"
import { last, split, splitterAt } from "./lines.ts"
import { validateParams } from "./params.ts"
import { parsers } from "./parser/parsers.ts"
import type { Invocation, Tool, ToolReport } from "./Tool.ts"
import { builtInTool, builtInTools } from "./tools.ts"

const home = mkdtempSync(join(tmpdir(), "signalbox-tools-"))
afterAll(() => rmSync(home, { recursive: true, force: true }))

let cwd = home
beforeEach(() => {
  cwd = mkdtempSync(join(home, "run-"))
})

interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
  readonly report: ToolReport
  readonly record: { readonly argv: ReadonlyArray<string>; readonly bytes: number; readonly sha256: string } | undefined
}

/** As the runner does it: the script in a file, stdin from a file or /dev/null, the environment exported first. */
const run = (tool: Tool, invocation: Invocation, env: Readonly<Record<string, string>> = {}): Ran => {
  const launch = tool.launch(invocation)
  writeFileSync(join(cwd, "command"), launch.script)
  writeFileSync(join(cwd, "stdin"), launch.stdin ?? "")
  const stdin = openSync(launch.stdin === undefined ? "/dev/null" : join(cwd, "stdin"), "r")
  const record = join(cwd, "record")
  rmSync(record, { force: true })
  const child = spawnSync("/bin/sh", [join(cwd, "command")], {
    cwd,
    stdio: [stdin, "pipe", "pipe"],
    timeout: 120_000,
    env: {
      PATH: `${fakeToolsDirectory}:/usr/bin:/bin`,
      HOME: home,
      FAKE_TOOL_RECORD: record,
      ...launch.env,
      ...env
    }
  })
  closeSync(stdin)
  const parser = parsers[tool.format]
  const { state, lines } = split(splitterAt(0), child.stdout)
  const end = last(state)
  const report = [...lines, ...(end === undefined ? [] : [end])].reduce(
    (sum, line) => parser.line(sum, line.text).report,
    parser.initial
  )
  return {
    code: child.status,
    out: child.stdout.toString(),
    err: child.stderr.toString(),
    report,
    record: existsSync(record)
      ? JSON.parse(readFileSync(record, "utf8").trim().split("\n").at(-1) ?? "null")
      : undefined
  }
}

const ask = (command: string, more: Partial<Invocation> = {}): Invocation => ({
  command,
  params: {},
  args: [],
  sessionId: randomUUID(),
  ...more
})

const sha256 = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex")

const tool = (name: string): Tool => {
  const found = builtInTool(name)
  if (found === undefined) throw new Error(`no tool ${name}`)
  return found
}

/** Claude refuses to bypass permissions as root, and the tests may run as root. */
const sandboxed = (name: string): Invocation["params"] => (name === "claude-full" ? { sandboxedRoot: true } : {})

const agents = Object.values(builtInTools).filter((one) => one.binary !== null)
/** What the programs print to stderr when all is well. */
const usual = /^(?:Reading prompt from stdin\.\.\.|✓ Checkpoint (?:saved|restored): .*)\n/gmu

const names = agents.map((one) => one.name)

const hostile: Readonly<Record<string, string>> = {
  "both quotes": `it's "quoted" ''twice'' "\\"`,
  "command substitution": "$(touch owned) `touch owned` ${HOME} $HOME $$ $0 !!",
  newlines: "one\ntwo\n\n\tthree\r\nfour\n",
  "shell operators": "; touch owned; # && touch owned || touch owned | touch owned & > owned < owned",
  emoji: "🚂 grüße, 世界 — 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \u0301\u202e",
  "a leading dash": "--help -p --dangerously-skip-permissions",
  "a lone dash": "-",
  "globs and braces": "* ? [a-z] ~ {a,b} \\ \\n %s %d ^ =",
  "200 kB": `${"0123456789 'abcdef' $(touch owned)\n".repeat(6000)}end`,
  "a here document": "EOF\nEOF\ntouch owned\nSIGNALBOX\n"
}

describe("a prompt", () => {
  const cases = names.flatMap((name) => Object.keys(hostile).map((kind) => [name, kind] as const))

  it.each(cases)("reaches %s unchanged: %s", (name, kind) => {
    const prompt = hostile[kind] ?? ""
    const invocation = ask(prompt, { params: sandboxed(name) })
    expect(tool(name).refusal(invocation)).toBeUndefined()
    const ran = run(tool(name), invocation)
    expect(ran.err.replaceAll(usual, "")).toBe("")
    expect(ran.code).toBe(0)
    expect(ran.record).toMatchObject({ sha256: sha256(prompt), bytes: Buffer.byteLength(prompt) })
    expect(ran.report.answer).toContain(sha256(prompt))
    expect(existsSync(join(cwd, "owned"))).toBe(false)
  })

  it("comes after its context, an empty line between", () => {
    const ran = run(tool("codex"), ask("and now $(this)", { context: "first 'that'" }))
    expect(ran.record?.sha256).toBe(sha256("first 'that'\n\nand now $(this)"))
  })

  it("that is empty is refused before anything starts", () => {
    for (const one of agents) expect(one.refusal(ask(" \n"))).toBe(`${one.name} needs a prompt, and this one is empty`)
  })
})

describe("parameters and configured arguments", () => {
  const nasty = 'it\'s; $(touch owned) `touch owned` "x"\n-y'

  it("are one word each, and no shell evaluates them", () => {
    const ran = run(
      tool("claude"),
      ask("hello", {
        params: {
          model: nasty,
          allowedTools: ["Read", "Bash(git log:*)", nasty],
          appendSystemPrompt: nasty,
          maxTurns: 3
        },
        args: [`--settings=${nasty}`]
      })
    )
    expect(ran.code).toBe(0)
    expect(ran.record?.argv).toEqual([
      "--print",
      "--output-format=stream-json",
      "--verbose",
      expect.stringMatching(/^--session-id=/u),
      `--model=${nasty}`,
      "--allowedTools=Read",
      "--allowedTools=Bash(git log:*)",
      `--allowedTools=${nasty}`,
      "--max-turns=3",
      `--append-system-prompt=${nasty}`,
      `--settings=${nasty}`
    ])
    expect(existsSync(join(cwd, "owned"))).toBe(false)
  })

  const everything: Readonly<Record<string, Invocation["params"]>> = {
    claude: {
      model: "opus",
      permissionMode: "acceptEdits",
      allowedTools: ["Read"],
      disallowedTools: ["WebFetch"],
      maxTurns: 40,
      maxBudgetUsd: 2.5,
      effort: "high",
      fallbackModel: "sonnet",
      appendSystemPrompt: "Be brief.",
      addDirs: ["/srv"],
      mcpConfig: "mcp.json",
      strictMcpConfig: true,
      settings: "settings.json",
      jsonSchema: { type: "object" },
      sandboxedRoot: true
    },
    codex: {
      model: "gpt-5",
      sandbox: "workspace-write",
      profile: "ci",
      config: ["model_reasoning_effort=high"],
      addDirs: ["/srv"],
      outputSchema: "schema.json",
      ephemeral: true,
      ignoreUserConfig: true,
      oss: true,
      localProvider: "ollama"
    },
    gemini: {
      model: "auto",
      approvalMode: "auto_edit",
      sandbox: true,
      includeDirectories: ["/srv", "/opt"],
      extensions: ["none"],
      allowedMcpServers: ["github"],
      policies: ["policy.toml"],
      trustWorkspace: true
    },
    qwen: {
      model: "qwen3-coder-plus",
      approvalMode: "auto-edit",
      maxTurns: 60,
      maxWallTime: "45m",
      maxToolCalls: 500,
      allowedTools: ["read_file"],
      coreTools: ["read_file", "edit"],
      excludeTools: ["web_fetch"],
      includeDirectories: ["/srv"],
      systemPrompt: "You review.",
      appendSystemPrompt: "Briefly.",
      sandbox: true,
      unattendedRetry: true
    },
    opencode: {
      model: "anthropic/claude",
      agent: "plan",
      variant: "high",
      title: "t",
      files: ["/etc/hostname"],
      auto: true,
      thinking: true
    },
    crush: { model: "openai/gpt", smallModel: "gpt-mini" },
    blackbox: {
      model: "m",
      approvalMode: "yolo",
      allowedTools: ["read_file"],
      allFiles: true,
      includeDirectories: ["/srv"],
      sandbox: true
    },
    ollama: { model: "qwen3:8b", think: "low", hideThinking: true, keepAlive: "5m", format: "json", verbose: true }
  }

  it.each(Object.keys(everything))("of %s, all at once, are accepted by the schema and by the program", (name) => {
    const params = everything[name] ?? {}
    const unset = Object.keys((tool(name).params["properties"] ?? {}) as object).filter(
      (one) => !Object.hasOwn(params, one)
    )
    expect(unset.filter((one) => !one.startsWith("fork") && one !== "interactive")).toEqual([])
    expect(Result.isSuccess(validateParams(tool(name), params))).toBe(true)
    const ran = run(tool(name), ask("hello", { params, args: [] }))
    expect(ran.err.replaceAll(usual, "")).toBe("")
    expect(ran.code).toBe(0)
  })

  it("that no command line can carry are refused with a sentence", () => {
    expect(tool("claude").refusal(ask("x", { args: ["a".repeat(200_000)] }))).toBe(
      "an argument of claude is 200000 bytes long and a command line carries at most 131071; shorten it or put it in a file"
    )
    expect(tool("gemini").refusal(ask("x", { params: { model: "a\0b" } }))).toBe(
      "an argument of gemini holds a NUL character, which no command line can carry; remove it"
    )
  })
})

describe("a session", () => {
  const resumable = agents.filter((one) => one.canResume)

  it.each(resumable.map((one) => one.name))("of %s is continued by its id", (name) => {
    const first = ask("first", { params: sandboxed(name) })
    const begun = run(tool(name), first)
    const id = tool(name).sessionId === "chosen" ? first.sessionId : begun.report.sessionId
    if (tool(name).format !== "text") expect(begun.report.sessionId).toBe(id)
    const again = run(tool(name), ask("second", { resume: id ?? "", params: sandboxed(name) }))
    expect(again.err.replaceAll(usual, "")).toBe("")
    expect(again.report.answer).toContain("resumed:2")
    expect(again.code).toBe(0)
  })

  it.each(resumable.map((one) => one.name))("that %s does not know ends with the program's own error", (name) => {
    const ran = run(tool(name), ask("second", { resume: randomUUID(), params: sandboxed(name) }))
    expect(ran.code).not.toBe(0)
    expect(ran.err).toMatch(/session|conversation|checkpoint|thread/iu)
  })

  it("keeps codex's sandbox when it is continued", () => {
    const begun = run(tool("codex"), ask("first"))
    const again = run(
      tool("codex"),
      ask("second", { resume: begun.report.sessionId ?? "", params: { sandbox: "workspace-write", addDirs: ["/srv"] } })
    )
    expect(again.code).toBe(0)
    expect(again.record?.argv.slice(-3)).toEqual(["resume", begun.report.sessionId, "-"])
  })

  it("of codex can only read unless something says otherwise, resumed or not", () => {
    const words = (more: Partial<Invocation>) => tool("codex").launch(ask("hi", more)).script
    expect(words({})).toContain("'--sandbox=read-only'")
    expect(words({ resume: "1" })).toContain("'--sandbox=read-only' 'resume' '1' '-'")
    for (const more of [
      { params: { sandbox: "workspace-write" } },
      { params: { profile: "ci" } },
      { params: { config: ['sandbox_mode="workspace-write"'] } },
      { args: ["--yolo"] }
    ])
      expect(words(more)).not.toContain("read-only")
    expect(tool("codex-full").launch(ask("hi")).script).not.toContain("--sandbox")
  })

  it("of crush cannot lead out of its directory", () => {
    const { script } = tool("crush").launch(ask("x", { resume: "x/../../../etc/$(touch owned)" }))
    expect(script).toContain("/signalbox/crush/'x_")
    expect(/signalbox\/crush\/'([^']*)'$/mu.exec(script)?.[1]).toMatch(/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/u)
  })

  it("is refused where there is none", () => {
    expect(tool("ollama").refusal(ask("x", { resume: "1" }))).toBe(
      "ollama keeps no sessions, so a task cannot be resumed"
    )
    expect(tool("shell").refusal(ask("x", { resume: "1" }))).toBe(
      "a shell command keeps no session, so it cannot be resumed"
    )
  })
})

describe("a container sandbox", () => {
  it.each(["gemini", "qwen", "blackbox"])("of %s gets its prompt as an argument, so not every prompt", (name) => {
    const sandbox = { sandbox: true }
    expect(tool(name).refusal(ask("x".repeat(60_001), { params: sandbox }))).toContain("60001 bytes long")
    expect(tool(name).refusal(ask("--help", { params: sandbox }))).toContain("begins with a dash")
    expect(tool(name).refusal(ask("x".repeat(60_000), { params: sandbox }))).toBeUndefined()
    expect(tool(name).refusal(ask("x".repeat(60_001)))).toBeUndefined()
  })
})

describe("what the agents tell", () => {
  it.each(agents.filter((one) => one.format !== "text").map((one) => one.name))(
    "%s: tokens, tools, session and failure",
    (name) => {
      const good = run(tool(name), ask("hi [[cost 0.25]] [[lines 3]]", { params: sandboxed(name) })).report
      const opencode = tool(name).format === "opencode"
      expect(good).toMatchObject({ inputTokens: opencode ? 3300 : 3312, outputTokens: opencode ? 48 : 45, toolUses: 1 })
      expect(good.cachedTokens).toBe(opencode ? 2800 : 3000)
      if (opencode || tool(name).format === "claude") expect(good.costUsd).toBe(0.25)
      expect(good).not.toHaveProperty("error")
      expect(good).not.toHaveProperty("waiting")
      expect(good).not.toHaveProperty("scratch")
      const bad = run(tool(name), ask("hi [[fail]]", { params: sandboxed(name) }))
      expect(bad.report.error).toContain("the fake was told to fail")
      expect(bad.code).toBe(tool(name).format === "gemini" ? 53 : 1)
      if (bad.code === 53) expect(tool(name).exitCodes[53]).toBe("the limit of turns was reached")
    }
  )
})

describe("the environment", () => {
  it("of an agent that started us does not reach the tool", () => {
    const ran = run(tool("claude"), ask("hi"), {
      CLAUDECODE: "1",
      CLAUDE_CODE_ENTRYPOINT: "cli",
      CODEX_SANDBOX: "seatbelt"
    })
    expect(ran.err).toBe("")
    expect(ran.code).toBe(0)
  })

  it("that a person set for the tool does", () => {
    const { script } = tool("claude").launch(ask("hi"))
    expect(script).not.toMatch(/CLAUDE_CONFIG_DIR|CLAUDE_CODE_OAUTH_TOKEN|ANTHROPIC/u)
    expect(tool("codex").launch(ask("hi")).script).not.toMatch(/CODEX_HOME|CODEX_API_KEY/u)
  })

  it("lets gemini work in a directory that nobody trusted by hand, unless told otherwise", () => {
    expect(run(tool("gemini"), ask("hi")).code).toBe(0)
    const strict = run(tool("gemini"), ask("hi", { params: { trustWorkspace: false } }))
    expect(strict.code).toBe(55)
    expect(tool("gemini").exitCodes[55]).toBe("the working directory is not trusted")
  })

  it("a program that is missing ends with 127, which has a meaning", () => {
    const ran = run(tool("claude"), ask("hi"), { PATH: "/usr/bin:/bin" })
    expect(ran.code).toBe(127)
    expect(tool("claude").exitCodes[127]).toContain("not installed")
  })
})

describe("claude as root", () => {
  const bypass = ask("hi", { root: true, params: { permissionMode: "bypassPermissions" } })

  it("is refused full permissions, unless the host is declared a sandbox", () => {
    expect(tool("claude-full").refusal(ask("hi", { root: true }))).toContain("refuses to bypass permissions as root")
    expect(tool("claude").refusal(bypass)).toContain("sandboxedRoot")
    expect(tool("claude").refusal(ask("hi", { root: true }))).toBeUndefined()
    const declared = ask("hi", { root: true, params: { sandboxedRoot: true } })
    expect(tool("claude-full").refusal(declared)).toBeUndefined()
    expect(tool("claude-full").launch(declared).env).toEqual({ NO_COLOR: "1", IS_SANDBOX: "1" })
    expect(tool("claude-full").launch(ask("hi")).env).toEqual({ NO_COLOR: "1" })
  })

  it.runIf(process.getuid?.() === 0)("the program itself refuses, too", () => {
    const ran = run(tool("claude-full"), ask("hi"))
    expect(ran.code).toBe(1)
    expect(ran.err).toContain("cannot be used with root/sudo privileges")
  })
})

describe("shell", () => {
  it("runs its command as it stands, errors in order with output, the context as input", () => {
    const command = "echo out; echo 'err' >&2; cat; exit 3"
    const launch = tool("shell").launch(ask(command, { context: "from $(context)\n" }))
    expect(launch).toEqual({ script: command, stdin: "from $(context)\n", merge: true })
    const ran = run(tool("shell"), ask(command, { context: "from $(context)\n" }))
    expect(ran).toMatchObject({ code: 3, out: "out\nfrom $(context)\n", err: "err\n" })
  })

  it("runs on a terminal when it is asked to, and then takes no context", () => {
    const params = { interactive: true }
    expect(tool("shell").launch(ask("vi x", { params }))).toEqual({ script: "vi x", merge: true, interactive: true })
    expect(validateParams(tool("shell"), params)).toMatchObject({ _tag: "Success" })
    expect(tool("shell").refusal(ask("vi x", { params, context: "c" }))).toBe(
      "an interactive shell command reads its terminal, so it takes no context; send it a message instead"
    )
    expect(tool("shell").launch(ask("true", { params: { interactive: false } }))).toEqual({
      script: "true",
      merge: true
    })
  })

  it("refuses nothing but what no shell can read", () => {
    expect(tool("shell").refusal(ask("rm -rf 'x y'; true"))).toBeUndefined()
    expect(tool("shell").refusal(ask("  "))).toBe("shell needs a command, and this one is empty")
    expect(tool("shell").refusal(ask("a\0b"))).toContain("NUL")
  })
})

describe("an agent's own screen", () => {
  const interactive = { interactive: true }
  const wordsOf = (name: string, more: Partial<Invocation> = {}) =>
    tool(name)
      .launch(ask("-fix 'it' $(id)", { sessionId: "5e55", ...more, params: { ...interactive, ...more.params } }))
      .script.trimEnd()
      .split("\n")
      .at(-1) ?? ""

  it.each([
    ["claude", `exec 'claude' '--session-id=5e55' '--' '-fix '\\''it'\\'' $(id)'`],
    [
      "claude-full",
      `exec 'claude' '--dangerously-skip-permissions' '--session-id=5e55' '--' '-fix '\\''it'\\'' $(id)'`
    ],
    ["codex", `exec 'codex' '--sandbox=read-only' '--' '-fix '\\''it'\\'' $(id)'`],
    ["gemini", `exec 'gemini' '--prompt-interactive=-fix '\\''it'\\'' $(id)'`],
    ["qwen", `exec 'qwen' '--session-id=5e55' '--prompt-interactive=-fix '\\''it'\\'' $(id)'`],
    ["opencode", `exec 'opencode' '--prompt=-fix '\\''it'\\'' $(id)'`]
  ])("of %s gets the prompt as one word, and nothing of its stream", (name, line) => {
    expect(wordsOf(name)).toBe(line)
    const launch = tool(name).launch(ask("x", { params: interactive }))
    expect(launch).toMatchObject({ interactive: true, merge: true })
    expect(launch.stdin).toBeUndefined()
    expect(launch.env).not.toHaveProperty("NO_COLOR")
  })

  it("continues a session", () => {
    expect(wordsOf("claude", { resume: "old" })).toContain("'--resume=old' '--'")
    expect(wordsOf("codex", { resume: "old" })).toContain("'resume' 'old' '--'")
    expect(wordsOf("qwen", { resume: "old" })).toContain("'--resume=old'")
  })

  it("refuses what it does not know, and prompts no argument can carry", () => {
    expect(tool("claude").refusal(ask("x", { params: { ...interactive, maxTurns: 3 } }))).toBe(
      "maxTurns of claude does not go with interactive; leave one of them out"
    )
    expect(tool("claude").refusal(ask("x", { params: { maxTurns: 3 } }))).toBeUndefined()
    expect(tool("claude").refusal(ask("x".repeat(131_072), { params: interactive }))).toContain(
      "an argument of claude is 131072 bytes"
    )
    expect(validateParams(tool("ollama"), interactive)).toMatchObject({ _tag: "Failure" })
  })
})

describe("the table", () => {
  it("has every tool that is promised", () => {
    const agents = "blackbox claude codex crush gemini ollama opencode qwen shell"
    const full = "claude-full codellama-full codex-full deepseek-full gemini-full mixtral-full qwen-full"
    expect(Object.keys(builtInTools).toSorted()).toEqual(`${agents} ${full}`.split(" ").toSorted())
    expect(builtInTool("constructor")).toBeUndefined()
  })

  it.each(Object.keys(builtInTools))("%s: every parameter is described, and no other is taken", (name) => {
    const { properties, additionalProperties } = tool(name).params as {
      properties: Record<string, { description?: string }>
      additionalProperties?: boolean
    }
    expect(additionalProperties).toBe(false)
    for (const property of Object.values(properties)) expect(property.description).toMatch(/^[A-Z].*\.$/u)
    expect(Schema.is(Schema.JsonObject)(tool(name).params)).toBe(true)
  })

  it("asks each program for its version as the program wants it", () => {
    for (const one of agents) {
      const out = execFileSync(join(fakeToolsDirectory, one.binary ?? ""), [...one.versionArgs], { encoding: "utf8" })
      expect(out).toMatch(/\d+\.\d+\.\d+/u)
    }
  })

  it("gives the same script for the same task", () => {
    for (const one of agents) {
      const invocation = ask("x", { params: { model: "b", ...sandboxed(one.name) } })
      expect(one.launch(invocation)).toEqual(
        one.launch({ ...invocation, params: { ...sandboxed(one.name), model: "b" } })
      )
    }
  })
})

describe("the fakes", () => {
  const direct = (name: string, args: ReadonlyArray<string>, input = "hi") =>
    spawnSync(join(fakeToolsDirectory, name), [...args], {
      input,
      encoding: "utf8",
      cwd,
      env: { HOME: home, PATH: "/usr/bin:/bin" }
    })

  it.each([
    ["claude", ["--print", "--output-format=stream-json"], 1, "--output-format=stream-json requires --verbose"],
    ["claude", ["--print", "--resume=x", `--session-id=${randomUUID()}`], 1, "--fork-session is also specified"],
    ["claude", ["--print", "--session-id=nope"], 1, "Must be a valid UUID"],
    ["claude", ["--print", "--yolo"], 1, "unknown option '--yolo'"],
    ["codex", ["exec", "--json", "-"], 1, "--skip-git-repo-check was not specified"],
    [
      "codex",
      ["exec", "--skip-git-repo-check", "resume", "x", "--sandbox", "read-only"],
      2,
      "unexpected argument '--sandbox'"
    ],
    ["gemini", ["--output-format=stream-json"], 55, "not running in a trusted directory"],
    [
      "gemini",
      ["--yolo", "--approval-mode=yolo", "--skip-trust"],
      1,
      "Cannot use both --yolo (-y) and --approval-mode"
    ],
    ["qwen", [`--session-id=${randomUUID()}`, "--resume=x"], 1, "Cannot use --session-id with --continue or --resume"],
    ["qwen", ["--max-wall-time=soon"], 1, "--max-wall-time"],
    ["opencode", ["run", "--format=yaml"], 1, "Invalid values"],
    ["opencode", ["run", "--fork"], 1, "--fork requires --continue or --session"],
    ["crush", ["run", "--yolo"], 1, "unknown flag: --yolo"],
    [
      "blackbox",
      ["--resume-checkpoint=x", "--save-checkpoint=x"],
      1,
      "Cannot use --resume-checkpoint with --save-checkpoint"
    ],
    ["blackbox", ["--output-format=json"], 1, "Unknown argument: output-format"],
    ["ollama", ["run", "m", "--keepalive=5"], 1, "missing unit in duration"],
    ["ollama", ["run", "missing-model"], 1, "pull model manifest: file does not exist"]
  ] as const)("%s %j is refused as the vendor refuses it", (name, args, code, text) => {
    const ran = direct(name, args)
    expect(ran.stderr).toContain(text)
    expect(ran.status).toBe(code)
  })
})
