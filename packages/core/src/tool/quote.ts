/**
 * The shell text that starts a tool.
 *
 * Owns: quoting, the argument limit, the environment that is scrubbed, the search path. Does not own: any tool's flags.
 * Invariant: every word that a person or a configuration wrote is inside single quotes; no shell ever evaluates a byte of it.
 */

/** Linux refuses one argument of 128 KiB or more, its NUL included (MAX_ARG_STRLEN), with "Argument list too long". */
export const wordLimit = 131_071

/** Safe for every character except NUL, which no argument can hold. */
export const shellQuote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`

export const byteLength = (text: string): number => Buffer.byteLength(text, "utf8")

/** The sentence for a word that no argument can carry; undefined when it can. */
export const wordRefusal = (what: string, word: string): string | undefined => {
  if (word.includes("\0")) return `${what} holds a NUL character, which no command line can carry; remove it`
  const bytes = byteLength(word)
  return bytes > wordLimit
    ? `${what} is ${bytes} bytes long and a command line carries at most ${wordLimit}; shorten it or put it in a file`
    : undefined
}

/**
 * Marks that agents leave in the environment of what they start: a tmux server or worker that was itself started by an agent
 * would hand them on, and the tool would think it is nested (claude refuses or hides its session; codex believes in a sandbox
 * that is not there). Names only: settings such as CLAUDE_CONFIG_DIR, CODEX_HOME or CODEX_API_KEY are a person's and stay.
 */
export const nestingMarks: ReadonlyArray<string> = [
  "CLAUDECODE",
  "CLAUDE_CODE_ENTRYPOINT",
  "CLAUDE_CODE_SESSION_ID",
  "CLAUDE_CODE_CHILD_SESSION",
  "CLAUDE_CODE_SSE_PORT",
  "CLAUDE_CODE_REMOTE",
  "CLAUDE_CODE_EXECPATH",
  "CLAUDE_AGENT_SDK_VERSION",
  "CLAUDE_PROJECT_DIR",
  "CLAUDE_ENV_FILE",
  "CODEX_THREAD_ID",
  "CODEX_SANDBOX",
  "CODEX_SANDBOX_NETWORK_DISABLED",
  "CODEX_INTERNAL_ORIGINATOR_OVERRIDE",
  "CODEX_CI",
  "GEMINI_CLI",
  "GEMINI_CLI_NO_RELAUNCH",
  "QWEN_CODE",
  "OPENCODE",
  "OPENCODE_PID",
  "OPENCODE_RUN_ID",
  "AI_AGENT"
]

/**
 * Where the tools' installers put them. A command over SSH gets the bare system path, so a tool that works at a person's own
 * prompt would be "not found". Appended: what the host's own path finds comes first. `host check` must look in the same places.
 */
export const searchPath =
  'PATH="${PATH:-/usr/local/bin:/usr/bin:/bin}:$HOME/.local/bin:$HOME/bin:$HOME/.claude/local:$HOME/.opencode/bin:$HOME/.bun/bin:' +
  '$HOME/.npm-global/bin:$HOME/go/bin:$HOME/.cargo/bin:/usr/local/bin:/opt/homebrew/bin"; export PATH'

/** A script that becomes the program: no shell stays between the runner and the tool. */
export const execScript = (
  words: ReadonlyArray<string>,
  options?: { readonly before?: ReadonlyArray<string>; readonly raw?: string }
): string => {
  const [program = "", ...rest] = words.map(shellQuote)
  return [
    `unset ${nestingMarks.join(" ")}`,
    searchPath,
    ...(options?.before ?? []),
    ["exec", program, ...(options?.raw ? [options.raw] : []), ...rest].join(" "),
    ""
  ].join("\n")
}

/**
 * For a program that reads its prompt from a file: stdin is saved to a private file whose name is `$prompt` in `words` (which
 * are shell text already; `interactive`: the prompt is in the script and stdin is the terminal). The shell stays, to remove the file when the program ends or is told to stop.
 */
export const fileScript = (words: ReadonlyArray<string>, interactive?: { readonly prompt: string }): string =>
  [
    `unset ${nestingMarks.join(" ")}`,
    searchPath,
    "umask 077",
    'prompt=$(mktemp "${TMPDIR:-/tmp}/signalbox-prompt.XXXXXX") || exit 73',
    `trap 'rm -f "$prompt"' EXIT`,
    "trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM",
    // On a terminal the prompt cannot come by stdin; printf is the shell's own, so no argument limit holds.
    interactive === undefined
      ? 'cat >"$prompt" || exit 74'
      : `printf %s ${shellQuote(interactive.prompt)} >"$prompt" || exit 74`,
    interactive === undefined ? `${words.join(" ")} </dev/null` : words.join(" "),
    ""
  ].join("\n")
