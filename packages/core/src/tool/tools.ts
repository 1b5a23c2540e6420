/**
 * The built-in tools: one table. Adding a program is adding a row.
 *
 * Owns: every built-in tool's true headless flags, session policy and exit codes. Does not own: parsing of the output
 * (`parser/`), running (worker), a person's own tools (`userTool.ts`).
 * Invariants: every built-in agent reads its prompt on stdin, so a prompt of any length arrives byte for byte; nothing is ever
 * asked on a terminal, because there is none. Only where `interactive` asks for one, the prompt is an argument and people answer.
 */
import {
  dollars,
  duration,
  integer,
  json,
  list,
  onOff,
  oneOf,
  pairs,
  prose,
  schemaOf,
  silent,
  string,
  unitDuration,
  wordsOf
} from "./flags.ts"
import type { Flags } from "./flags.ts"
import { interactiveFlag, isInteractive } from "./interactive.ts"
import { oneLine } from "./parser/json.ts"
import { byteLength, execScript, shellQuote, wordRefusal } from "./quote.ts"
import type { Invocation, OutputFormat, Tool } from "./Tool.ts"

/** The prompt as the tool gets it: context first, then the command, an empty line between. */
export const promptOf = (invocation: Invocation): string =>
  invocation.context === undefined || invocation.context === ""
    ? invocation.command
    : `${invocation.context}\n\n${invocation.command}`

const commonExitCodes = {
  126: "the program is on the host but cannot be executed",
  127: "the program is not installed on the host, or is not on its PATH"
}

/** A row: the parts in which agents differ. */
interface Agent {
  readonly name: string
  readonly title: string
  readonly binary: string
  readonly format: OutputFormat
  readonly flags: Flags
  readonly sessionId: Tool["sessionId"]
  readonly exitCodes?: Readonly<Record<number, string>>
  readonly notes: ReadonlyArray<string>
  /** All words after the program; `flags` are the words of the parameters and the configured arguments. */
  readonly words: (invocation: Invocation, flags: ReadonlyArray<string>) => ReadonlyArray<string>
  readonly env?: (invocation: Invocation) => Readonly<Record<string, string>>
  /** Shell text before the program starts; made by us alone. */
  readonly before?: (invocation: Invocation) => ReadonlyArray<string>
  /** Shell text between the program and its words; made by us alone. */
  readonly raw?: string
  readonly refusal?: (invocation: Invocation) => string | undefined
  readonly canResume?: boolean
  /** Its own screen, for people: all words after the program, the prompt among them, and the parameters that it does not know. */
  readonly screen?: {
    readonly words: (invocation: Invocation, flags: ReadonlyArray<string>) => ReadonlyArray<string>
    readonly without: ReadonlyArray<string>
  }
}

const agent = (row: Agent): Tool => {
  const screenOf = ({ params }: Invocation) => (isInteractive(params) ? row.screen : undefined)
  const wordsFor = (invocation: Invocation) => {
    const words = screenOf(invocation)?.words ?? row.words
    return [row.binary, ...words(invocation, [...wordsOf(row.flags, invocation.params), ...invocation.args])]
  }
  const canResume = row.canResume ?? true
  return {
    name: row.name,
    title: row.title,
    binary: row.binary,
    versionArgs: ["--version"],
    format: row.format,
    params: schemaOf(row.screen === undefined ? row.flags : { ...row.flags, interactive: interactiveFlag }),
    sessionId: row.sessionId,
    exitCodes: { ...commonExitCodes, ...row.exitCodes },
    notes: row.notes,
    canResume,
    refusal: (invocation) => {
      if (promptOf(invocation).trim() === "") return `${row.name} needs a prompt, and this one is empty`
      if (invocation.resume !== undefined && !/^[A-Za-z0-9_][^\s\p{Cc}]{0,255}$/u.test(invocation.resume)) {
        return `'${oneLine(invocation.resume, 40)}' is not the id of a session`
      }
      if (invocation.resume !== undefined && !canResume)
        return `${row.name} keeps no sessions, so a task cannot be resumed`
      const alone = screenOf(invocation)?.without.find((name) => invocation.params[name] !== undefined)
      if (alone !== undefined) return `${alone} of ${row.name} does not go with interactive; leave one of them out`
      for (const word of wordsFor(invocation)) {
        const refused = wordRefusal(`an argument of ${row.name}`, word)
        if (refused !== undefined) return refused
      }
      return row.refusal?.(invocation)
    },
    launch: (invocation) => {
      const script = execScript(wordsFor(invocation), { before: row.before?.(invocation) ?? [], raw: row.raw ?? "" })
      return screenOf(invocation) === undefined
        ? { script, stdin: promptOf(invocation), env: { NO_COLOR: "1", ...row.env?.(invocation) }, merge: false }
        : { script, env: { ...row.env?.(invocation) }, merge: true, interactive: true }
    }
  }
}

// ── Claude Code ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const claudeFlags = {
  model: string("--model", "Model alias (sonnet, opus, haiku) or full name."),
  permissionMode: oneOf(
    "--permission-mode",
    ["default", "acceptEdits", "plan", "auto", "dontAsk", "bypassPermissions"],
    "What it may do without asking; what would need an answer is denied, since nobody can give one."
  ),
  allowedTools: list("--allowedTools", "Tools allowed without asking, such as Read or Bash(git log:*)."),
  disallowedTools: list("--disallowedTools", "Tools it may never use."),
  maxTurns: integer("--max-turns", 1, 10_000, "Stops with an error after so many agent turns."),
  maxBudgetUsd: dollars("--max-budget-usd", "Stops with an error when the run has cost so many US dollars."),
  effort: oneOf("--effort", ["low", "medium", "high", "xhigh", "max"], "How hard the model thinks."),
  fallbackModel: string("--fallback-model", "Model to use while the first is overloaded."),
  appendSystemPrompt: prose("--append-system-prompt", "Text added to the built-in system prompt."),
  addDirs: list("--add-dir", "Further directories it may work in."),
  mcpConfig: string("--mcp-config", "File on the host that lists MCP servers."),
  strictMcpConfig: onOff("--strict-mcp-config", "Use only the MCP servers of mcpConfig."),
  settings: string("--settings", "Settings file on the host."),
  jsonSchema: json("--json-schema", "JSON schema that the final answer must follow."),
  forkSession: onOff("--fork-session", "On resume: continue in a new session and leave the old one as it was."),
  sandboxedRoot: silent(
    onOff("", "The host is a throw-away sandbox: lets permissions be bypassed as root by setting IS_SANDBOX=1.")
  )
} satisfies Flags

const bypassesPermissions = (full: boolean, params: Invocation["params"]): boolean =>
  full || params["permissionMode"] === "bypassPermissions"

const claude = (name: string, title: string, full: boolean): Tool => {
  const { permissionMode, ...others } = claudeFlags
  return agent({
    name,
    title,
    binary: "claude",
    format: "claude",
    flags: full ? others : { permissionMode, ...others },
    sessionId: "chosen",
    exitCodes: { 1: "the run failed, or a limit was reached: the error tells which" },
    notes: [
      full
        ? "Every permission check is off (--dangerously-skip-permissions): it runs any command as the host's user."
        : "Without allowedTools or another permissionMode, edits and commands are denied and listed in the result.",
      "As root, Claude Code refuses to bypass permissions unless sandboxedRoot is true."
    ],
    words: (invocation, flags) => [
      "--print",
      "--output-format=stream-json",
      "--verbose", // refused without it: "stream-json requires --verbose"
      ...(full ? ["--dangerously-skip-permissions"] : []),
      ...(invocation.resume === undefined
        ? [`--session-id=${invocation.sessionId}`] // cannot be combined with --resume
        : [`--resume=${invocation.resume}`]),
      ...flags
    ],
    screen: {
      without: ["maxTurns", "maxBudgetUsd", "fallbackModel", "jsonSchema"],
      words: (invocation, flags) => [
        ...(full ? ["--dangerously-skip-permissions"] : []),
        ...(invocation.resume === undefined
          ? [`--session-id=${invocation.sessionId}`]
          : [`--resume=${invocation.resume}`]),
        ...flags,
        "--",
        promptOf(invocation)
      ]
    },
    env: ({ params }) => (params["sandboxedRoot"] === true ? { IS_SANDBOX: "1" } : {}),
    refusal: ({ params, root, resume }) => {
      if (root === true && bypassesPermissions(full, params) && params["sandboxedRoot"] !== true) {
        return "Claude Code refuses to bypass permissions as root; use another user, or set the parameter sandboxedRoot if the host is a throw-away sandbox"
      }
      return params["forkSession"] === true && resume === undefined
        ? "forkSession only goes with resuming a session"
        : undefined
    }
  })
}

// ── Codex ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const codexFlags = {
  model: string("--model", "Model name."),
  sandbox: oneOf(
    "--sandbox",
    ["read-only", "workspace-write", "danger-full-access"],
    "What commands may touch; read-only when neither this nor profile nor config says. Approval is never asked."
  ),
  profile: string("--profile", "Profile of the host's config.toml."),
  config: pairs("-c", "Settings of config.toml as key=value, such as model_reasoning_effort=high."),
  addDirs: list("--add-dir", "Further directories it may write in."),
  outputSchema: string("--output-schema", "File on the host: JSON schema of the final answer."),
  ephemeral: onOff("--ephemeral", "Keep no session on the host; it cannot be resumed."),
  ignoreUserConfig: onOff("--ignore-user-config", "Do not read the user's config.toml."),
  oss: onOff("--oss", "Use a local open-source model provider."),
  localProvider: oneOf("--local-provider", ["ollama", "lmstudio"], "Which local provider, with oss.")
} satisfies Flags

/**
 * Said out loud: Codex's own default is writable where its user once trusted the directory, and a resumed session takes the
 * default of the moment, not the one it began with.
 */
const choosesSandbox = ({ params, args }: Invocation): boolean => {
  const { config } = params
  const settings = Array.isArray(config) ? config.map(String) : []
  return (
    params["sandbox"] !== undefined ||
    params["profile"] !== undefined ||
    settings.some((one) => one.startsWith("sandbox_mode=")) ||
    args.some((one) => /^(?:-s|--sandbox|--dangerously|--yolo|-p$|--profile|sandbox_mode=)/u.test(one))
  )
}

const codex = (name: string, title: string, full: boolean): Tool => {
  const { sandbox, ...others } = codexFlags
  return agent({
    name,
    title,
    binary: "codex",
    format: "codex",
    flags: full ? others : { sandbox, ...others },
    sessionId: "reported",
    exitCodes: { 1: "the turn failed: the error tells why", 2: "Codex does not know an argument: another version?" },
    notes: [
      full
        ? "No sandbox and no approvals (--dangerously-bypass-approvals-and-sandbox): it runs any command as the host's user."
        : "Without sandbox it can only read, in trusted directories and resumed sessions, too.",
      "Works outside Git repositories (--skip-git-repo-check). The stream does not tell the model nor the cost."
    ],
    // The options stand before `resume`: some (--sandbox, --add-dir) are options of `exec` alone.
    words: (invocation, flags) => [
      "exec",
      "--json",
      "--skip-git-repo-check",
      "--color=never",
      ...(full
        ? ["--dangerously-bypass-approvals-and-sandbox"]
        : choosesSandbox(invocation)
          ? []
          : ["--sandbox=read-only"]),
      ...flags,
      ...(invocation.resume === undefined ? [] : ["resume", invocation.resume]),
      "-" // the prompt is on stdin
    ],
    screen: {
      without: ["outputSchema", "ephemeral", "ignoreUserConfig"],
      words: (invocation, flags) => [
        ...(full
          ? ["--dangerously-bypass-approvals-and-sandbox"]
          : choosesSandbox(invocation)
            ? []
            : ["--sandbox=read-only"]),
        ...flags,
        ...(invocation.resume === undefined ? [] : ["resume", invocation.resume]),
        "--",
        promptOf(invocation)
      ]
    }
  })
}

/**
 * Gemini CLI and its descendants start themselves again inside their container sandbox, with the prompt as an argument after
 * --prompt: there it is no longer of any length, and one that begins with a dash is taken for a flag.
 */
const sandboxRefusal = (name: string, invocation: Invocation): string | undefined => {
  if (invocation.params["sandbox"] !== true) return undefined
  const prompt = promptOf(invocation)
  if (prompt.startsWith("-"))
    return `in its sandbox ${name} takes a prompt that begins with a dash for a flag; reword it`
  const bytes = byteLength(prompt)
  return bytes > sandboxedPromptLimit
    ? `the prompt is ${bytes} bytes long and ${name} can pass at most ${sandboxedPromptLimit} into its sandbox; shorten it or leave sandbox out`
    : undefined
}

/** Below the limit of an argument: the container's whole command line is one argument of a shell, its quotes doubled. */
const sandboxedPromptLimit = 60_000

// ── Gemini CLI ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const geminiFlags = {
  model: string("--model", "Model name, or auto."),
  approvalMode: oneOf(
    "--approval-mode",
    ["default", "auto_edit", "yolo", "plan"],
    "What it may do without asking; what would need an answer is denied, since nobody can give one."
  ),
  sandbox: onOff("--sandbox", "Run its tools in Gemini's own container sandbox."),
  includeDirectories: list("--include-directories", "Further directories of the workspace."),
  extensions: list("--extensions", "Only these extensions; all when not given."),
  allowedMcpServers: list("--allowed-mcp-server-names", "Only these MCP servers."),
  policies: list("--policy", "Policy files on the host: which tools are allowed, asked or denied."),
  trustWorkspace: silent(
    onOff("", "Trust the working directory (default). False: an untrusted directory ends with exit code 55.")
  )
} satisfies Flags

const geminiExitCodes = {
  1: "a general error",
  41: "authentication failed or is not set up on the host",
  42: "the input is not valid: no prompt, or arguments that do not go together",
  44: "the sandbox could not be started",
  52: "Gemini's configuration on the host is not valid",
  53: "the limit of turns was reached",
  54: "a tool failed in a way that ended the run",
  55: "the working directory is not trusted",
  130: "the run was cancelled"
}

const gemini = (name: string, title: string, full: boolean): Tool => {
  const { approvalMode, ...others } = geminiFlags
  return agent({
    name,
    title,
    binary: "gemini",
    format: "gemini",
    flags: full ? others : { approvalMode, ...others },
    sessionId: "reported",
    exitCodes: geminiExitCodes,
    notes: [
      full
        ? "Every action is approved (--approval-mode=yolo): it runs any command as the host's user."
        : "Without approvalMode, edits and commands are denied.",
      "Reads at most 8 MB of prompt. The limit of turns is a setting of the host (model.maxSessionTurns), not a flag."
    ],
    words: (invocation, flags) => [
      "--output-format=stream-json",
      ...(full ? ["--approval-mode=yolo"] : []),
      ...(invocation.resume === undefined ? [] : [`--resume=${invocation.resume}`]), // older ones know no --session-id
      ...flags
    ],
    screen: {
      without: [],
      words: (invocation, flags) => [
        ...(full ? ["--approval-mode=yolo"] : []),
        ...(invocation.resume === undefined ? [] : [`--resume=${invocation.resume}`]),
        ...flags,
        `--prompt-interactive=${promptOf(invocation)}`
      ]
    },
    env: ({ params }) => (params["trustWorkspace"] === false ? {} : { GEMINI_CLI_TRUST_WORKSPACE: "true" }),
    refusal: (invocation) => sandboxRefusal("Gemini", invocation)
  })
}

// ── Qwen Code ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

const qwenFlags = {
  model: string("--model", "Model name."),
  approvalMode: oneOf(
    "--approval-mode",
    ["plan", "default", "auto-edit", "auto", "yolo"],
    "What it may do without asking; what would need an answer is denied, since nobody can give one."
  ),
  maxTurns: integer("--max-session-turns", 1, 10_000, "Ends the run with exit code 53 after so many turns."),
  maxWallTime: duration("--max-wall-time", "Ends the run with exit code 55 after this time: 90, 30s, 5m, 1.5h."),
  maxToolCalls: integer("--max-tool-calls", 0, 1_000_000, "Ends the run with exit code 55 after so many tool calls."),
  allowedTools: list("--allowed-tools", "Tools allowed without asking."),
  coreTools: list("--core-tools", "Only these built-in tools exist."),
  excludeTools: list("--exclude-tools", "Tools it may never use."),
  includeDirectories: list("--include-directories", "Further directories of the workspace."),
  systemPrompt: prose("--system-prompt", "Text instead of the built-in system prompt."),
  appendSystemPrompt: prose("--append-system-prompt", "Text added to the system prompt."),
  sandbox: onOff("--sandbox", "Run its tools in Qwen's own container sandbox."),
  forkSession: onOff("--fork-session", "On resume: continue in a new session and leave the old one as it was."),
  unattendedRetry: silent(onOff("", "Keep trying while the service is overloaded or limits the rate (429, 529)."))
} satisfies Flags

const qwen = (name: string, title: string, full: boolean): Tool => {
  const { approvalMode, ...others } = qwenFlags
  return agent({
    name,
    title,
    binary: "qwen",
    format: "qwen",
    flags: full ? others : { approvalMode, ...others },
    sessionId: "chosen",
    exitCodes: {
      ...geminiExitCodes,
      55: "a budget was used up (maxWallTime or maxToolCalls)"
    },
    notes: [
      full
        ? "Every action is approved (--approval-mode=yolo): it runs any command as the host's user."
        : "Without approvalMode, edits and commands are denied.",
      "Sessions belong to the working directory: a resumed task must run in the same one."
    ],
    words: (invocation, flags) => [
      "--output-format=stream-json",
      ...(full ? ["--approval-mode=yolo"] : []),
      ...(invocation.resume === undefined
        ? [`--session-id=${invocation.sessionId}`]
        : [`--resume=${invocation.resume}`]),
      ...flags
    ],
    screen: {
      without: ["maxWallTime", "maxToolCalls", "unattendedRetry"],
      words: (invocation, flags) => [
        ...(full ? ["--approval-mode=yolo"] : []),
        ...(invocation.resume === undefined
          ? [`--session-id=${invocation.sessionId}`]
          : [`--resume=${invocation.resume}`]),
        ...flags,
        `--prompt-interactive=${promptOf(invocation)}`
      ]
    },
    env: ({ params }) => ({
      ...(full || params["approvalMode"] === "yolo" ? { QWEN_CODE_SUPPRESS_YOLO_WARNING: "1" } : {}),
      ...(params["unattendedRetry"] === true ? { QWEN_CODE_UNATTENDED_RETRY: "1" } : {})
    }),
    refusal: (invocation) =>
      invocation.params["forkSession"] === true && invocation.resume === undefined
        ? "forkSession only goes with resuming a session"
        : sandboxRefusal("Qwen", invocation)
  })
}

// ── opencode ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

const opencode = agent({
  name: "opencode",
  title: "opencode",
  binary: "opencode",
  format: "opencode",
  flags: {
    model: string("--model", "Model as provider/model."),
    agent: string("--agent", "Agent to use, such as build or plan."),
    variant: string("--variant", "The provider's reasoning effort, such as high or minimal."),
    title: string("--title", "Title of the session."),
    files: list("--file", "Files on the host to attach to the message."),
    auto: onOff(
      "--auto",
      "Approve whatever is not denied by the host's configuration; otherwise such requests are rejected."
    ),
    thinking: onOff("--thinking", "Show the model's thinking in the output."),
    fork: onOff("--fork", "On resume: continue in a new session and leave the old one as it was.")
  },
  sessionId: "reported",
  exitCodes: { 1: "the session ended with an error: the error tells which" },
  notes: ["Without auto, what needs permission is rejected; questions of the model are always rejected."],
  words: (invocation, flags) => [
    "run",
    "--format=json",
    ...(invocation.resume === undefined ? [] : [`--session=${invocation.resume}`]),
    ...flags
  ],
  screen: {
    without: ["variant", "title", "files", "auto", "thinking"],
    words: (invocation, flags) => [
      ...(invocation.resume === undefined ? [] : [`--session=${invocation.resume}`]),
      ...flags,
      `--prompt=${promptOf(invocation)}`
    ]
  },
  refusal: ({ params, resume }) =>
    params["fork"] === true && resume === undefined ? "fork only goes with resuming a session" : undefined
})

// ── Plain-text agents ──────────────────────────────────────────────────────────────────────────────────────────────────────

const crush = agent({
  name: "crush",
  title: "Crush",
  binary: "crush",
  format: "text",
  flags: {
    model: string("--model", "Model, or provider/model when several providers have it."),
    smallModel: string("--small-model", "Model for small tasks such as titles.")
  },
  sessionId: "chosen",
  exitCodes: { 1: "the run failed: the last line of the error output tells why" },
  notes: [
    "Approves everything by itself: `crush run` has no other mode.",
    "Crush does not tell its session. Each task gets a data directory of its own, named by our session id, so that a resume continues exactly that session."
  ],
  // The directory holds an expansion of ours ($HOME), so it is a variable of the script.
  before: (invocation) => [
    `data=\${XDG_DATA_HOME:-$HOME/.local/share}/signalbox/crush/${shellQuote(fileName(invocation.resume ?? invocation.sessionId))}`,
    'mkdir -p "$data" || exit 73'
  ],
  raw: '--data-dir="$data"',
  words: (invocation, flags) => ["run", "--quiet", ...(invocation.resume === undefined ? [] : ["--continue"]), ...flags]
})

/** A session id is ours, but a resume's may come from a person: only what is safe as one file name. */
const fileName = (id: string): string =>
  id
    .replaceAll(/[^A-Za-z0-9._-]/gu, "_")
    .replace(/^\.+/u, "_")
    .slice(0, 128)

const blackbox = agent({
  name: "blackbox",
  title: "Blackbox CLI",
  binary: "blackbox",
  format: "text",
  flags: {
    model: string("--model", "Model name."),
    approvalMode: oneOf(
      "--approval-mode",
      ["plan", "default", "auto-edit", "yolo"],
      "What it may do without asking; what would need an answer is denied, since nobody can give one."
    ),
    allowedTools: list("--allowed-tools", "Tools allowed without asking."),
    allFiles: onOff("--all-files", "Put all files of the directory into the context."),
    includeDirectories: list("--include-directories", "Further directories of the workspace."),
    sandbox: onOff("--sandbox", "Run its tools in Blackbox's own container sandbox.")
  },
  sessionId: "chosen",
  exitCodes: geminiExitCodes,
  notes: [
    "Without approvalMode, edits and commands are denied.",
    "Sessions are checkpoints: a task that succeeds saves one under its session id, and a resume in the same directory starts from it.",
    "What a resumed task adds is saved under a new name, which its error output tells: Blackbox cannot save under the old one."
  ],
  refusal: (invocation) => sandboxRefusal("Blackbox", invocation),
  // --resume-checkpoint and --save-checkpoint together are refused; --auto-save chooses a name of its own.
  words: (invocation, flags) => [
    ...(invocation.resume === undefined
      ? [`--save-checkpoint=${invocation.sessionId}`]
      : [`--resume-checkpoint=${invocation.resume}`, "--auto-save"]),
    ...flags
  ]
})

const ollamaFlags = {
  model: silent(string("", "Model, with its tag when it is not the latest: llama3.2, qwen3:8b.")),
  think: oneOf("--think", ["true", "false", "low", "medium", "high"], "Thinking mode of models that have one."),
  hideThinking: onOff("--hidethinking", "Leave the thinking out of the output."),
  keepAlive: unitDuration("--keepalive", "How long the model stays loaded: 30s, 5m, 1h."),
  format: oneOf("--format", ["json"], "Answer in JSON."),
  verbose: onOff("--verbose", "Print timings and token counts to the error output.")
} satisfies Flags

const ollama = (name: string, title: string, defaultModel: string): Tool =>
  agent({
    name,
    title,
    binary: "ollama",
    format: "text",
    flags: ollamaFlags,
    sessionId: "none",
    canResume: false,
    exitCodes: { 1: "the model does not exist, or the Ollama server is not running on the host" },
    notes: [
      `Model ${defaultModel} when none is given; it is downloaded on first use.`,
      "A chat without tools: it reads and writes no files, so there are no permissions to give."
    ],
    words: (invocation, flags) => ["run", String(invocation.params["model"] ?? defaultModel), "--nowordwrap", ...flags],
    refusal: ({ params }) =>
      String(params["model"] ?? "").startsWith("-") ? "the name of an Ollama model cannot begin with a dash" : undefined
  })

// ── Shell ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const shell: Tool = {
  name: "shell",
  title: "Shell",
  binary: null,
  versionArgs: [],
  format: "text",
  params: schemaOf({ interactive: interactiveFlag }),
  sessionId: "none",
  exitCodes: {
    ...commonExitCodes,
    126: "a program of the command cannot be executed, or the working directory does not exist",
    127: "a program of the command was not found"
  },
  notes: [
    "The command is POSIX shell text and runs as the host's user. Everything it prints, errors too, is one output in order.",
    "The context, if any, is the command's standard input. Configured arguments are not used."
  ],
  canResume: false,
  refusal: (invocation) => {
    if (invocation.resume !== undefined) return "a shell command keeps no session, so it cannot be resumed"
    if (isInteractive(invocation.params) && invocation.context !== undefined)
      return "an interactive shell command reads its terminal, so it takes no context; send it a message instead"
    if (invocation.command.trim() === "") return "shell needs a command, and this one is empty"
    return invocation.command.includes("\0") ? "the command holds a NUL character, which no shell can read" : undefined
  },
  launch: (invocation) => ({
    script: invocation.command,
    ...(invocation.context === undefined ? {} : { stdin: invocation.context }),
    ...(isInteractive(invocation.params) ? { interactive: true } : {}),
    merge: true
  })
}

/** Every built-in tool by name. */
export const builtInTools: Readonly<Record<string, Tool>> = Object.fromEntries(
  [
    claude("claude", "Claude Code", false),
    codex("codex", "Codex CLI", false),
    gemini("gemini", "Gemini CLI", false),
    qwen("qwen", "Qwen Code", false),
    opencode,
    crush,
    blackbox,
    ollama("ollama", "Ollama", "llama3.2"),
    shell,
    claude("claude-full", "Claude Code, full permissions", true),
    codex("codex-full", "Codex CLI, full permissions", true),
    gemini("gemini-full", "Gemini CLI, full permissions", true),
    qwen("qwen-full", "Qwen Code, full permissions", true),
    ollama("deepseek-full", "DeepSeek through Ollama", "deepseek-r1"),
    ollama("mixtral-full", "Mixtral through Ollama", "mixtral"),
    ollama("codellama-full", "Code Llama through Ollama", "codellama")
  ].map((tool) => [tool.name, tool])
)

/** `Object.hasOwn`: a tool named "constructor" does not exist. */
export const builtInTool = (name: string): Tool | undefined =>
  Object.hasOwn(builtInTools, name) ? builtInTools[name] : undefined
