/**
 * Tasks on a host, typed: launch, state, kill, settle, over the scripts of `script/`.
 *
 * Owns: sending files, installing the scripts when they are missing, strict reading of the answers. Does not own: the scripts,
 * connections, what a task means.
 * Invariants: an answer that is not understood is an error, never a guess; launching twice runs once; a kill before the start
 * means that there will be none; everything a person wrote travels on stdin.
 */
import type { HostConfig } from "@signalbox/core/host/config.ts"
import { Effect, Schema } from "effect"
import { framed, isTaskId, lastWords } from "./reply.ts"
import { scripts, scriptsVersion } from "./script/all.ts"
import { type HostError, type Ran, Transport } from "./Transport.ts"

/** The host is reachable and something on it is in the way. */
export class RunnerError extends Schema.TaggedError<RunnerError>()("RunnerError", {
  host: Schema.String,
  problem: Schema.Literals([
    "no-tmux",
    "tmux",
    "workspace",
    "input-cut",
    "not-linux",
    "no-perl",
    "scripts",
    "answer",
    "task-id"
  ]),
  reason: Schema.String
}) {
  override get message(): string {
    return this.reason
  }
}

export interface TaskFiles {
  /** Shell text; arrives byte for byte as the file that /bin/sh runs. */
  readonly command: string
  readonly stdin?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  /** May start with `~/`. */
  readonly cwd?: string
  /** stderr goes into the same file as stdout. */
  readonly merge?: boolean
  /** On a terminal of its own, which people can join and type into; `stdin` is not used. */
  readonly interactive?: boolean
}

export type TaskState =
  /** Nothing ran and nothing runs under this id. */
  | { readonly _tag: "absent" }
  /** Files are there, nothing was started. */
  | { readonly _tag: "prepared" }
  | { readonly _tag: "starting" }
  | { readonly _tag: "running"; readonly pid: number; readonly bootId: string }
  /** `at`: seconds since 1970, by the host's clock. */
  | { readonly _tag: "exited"; readonly code: number; readonly at: number }
  /** The host was started anew since. */
  | { readonly _tag: "interrupted" }
  /** Gone on the same boot, without an exit code. */
  | { readonly _tag: "lost" }

export interface Launched {
  /** `already`: this id has run or runs or was killed before its start; `adopted`: its session was just being started. */
  readonly outcome: "launched" | "already" | "adopted"
  readonly bootId: string
  readonly state: TaskState
}

export type Killed = TaskState | { readonly _tag: "never-started" }

/** What became of a message. */
export type Typed =
  | { readonly _tag: "typed" }
  /** The program collects lines, and its terminal would throw away what is beyond `most` bytes of one. Nothing was typed. */
  | { readonly _tag: "long-line"; readonly bytes: number; readonly most: number }
  /** It is there and will be typed, or its turn has not come: the program does not read. */
  | { readonly _tag: "pending" }
  /** The task ended first: nothing was typed, or not all of it. */
  | { readonly _tag: "ended" }
  /** Nothing ran under this id, without a terminal, or the text could not be read: nothing was typed. */
  | { readonly _tag: "absent" | "not-interactive" | "unreadable" }

type Failure = HostError | RunnerError
type Named = Pick<HostConfig, "name">

export const execTimeoutMs = 60_000

/** @param beforeSending runs when the host has answered and nothing has been sent yet: if it, or the way to it, fails, nothing will run */
export const launch = Effect.fn("Runner.launch")(function* <E = never>(
  host: HostConfig,
  taskId: string,
  files: TaskFiles,
  beforeSending?: Effect.Effect<void, E>
) {
  const { words, input } = yield* launchOrder(host, taskId, files)
  const lines = yield* ask(host, "launch.sh", words, input, { beforeInput: beforeSending })
  return yield* launchedOf(host, taskId, lines)
})

/** What `launch.sh` is told, and the input that holds the files. */
export const launchOrder = Effect.fnUntraced(function* (host: Named, taskId: string, files: TaskFiles) {
  yield* checkIds(host, [taskId])
  const parts = taskFiles(files)
  if (typeof parts === "string") return yield* fail(host, "task-id", parts)
  const input = Buffer.concat(parts.map((part) => part.bytes))
  const list = parts.map((part) => `${part.name} ${part.bytes.length}`).join(" ")
  return { words: `${taskId} ${input.length} ${list}`, input, parts }
})

/** The same for one that stands by: what is small comes as a line, which its shell reads and writes by itself, without any program. */
export const standbyOrder = Effect.fnUntraced(function* (host: Named, taskId: string, files: TaskFiles) {
  const order = yield* launchOrder(host, taskId, files)
  if (order.input.length > mostInline || order.input.includes(0)) return order
  const parts = order.parts.filter((part) => part.bytes.length > 0)
  return { words: `= ${order.words}`, input: Buffer.from(`${parts.map((part) => forPrintf(part.bytes)).join(" ")}\n`) }
})

/** A shell reads a line byte by byte. */
const mostInline = 4_096

/** One word, which printf in any shell makes these bytes of again. A dash at the beginning would be an option. */
const forPrintf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte, at) => {
    const text = String.fromCharCode(byte)
    return /[A-Za-z0-9_./:,@+]/u.test(text) || (text === "-" && at > 0)
      ? text
      : `\\${byte.toString(8).padStart(3, "0")}`
  }).join("")

/** What `launch.sh` has answered. */
export const launchedOf = Effect.fnUntraced(function* (host: Named, taskId: string, lines: ReadonlyArray<string>) {
  const [outcome, boot, state] = lines
  const how = /^outcome (launched|already|adopted)$/u.exec(outcome ?? "")?.[1]
  const bootId = /^boot ([0-9a-f-]{36})$/u.exec(boot ?? "")?.[1]
  const now = state === undefined ? undefined : parseState(state)
  if (lines.length !== 3 || bootId === undefined || now?.id !== taskId) return yield* notUnderstood(host, lines)
  if (how !== "launched" && how !== "already" && how !== "adopted") return yield* notUnderstood(host, lines)
  const launched: Launched = { outcome: how, bootId, state: now.state }
  return launched
})

/** The state of each id, in one exec. */
export const state = Effect.fn("Runner.state")(function* (host: HostConfig, taskIds: ReadonlyArray<string>) {
  yield* checkIds(host, taskIds)
  const states = new Map<string, TaskState>()
  if (taskIds.length === 0) return states
  const lines = yield* ask(host, "state.sh", "", idLines(taskIds))
  for (const line of lines) {
    const parsed = parseState(line)
    if (parsed === undefined) return yield* notUnderstood(host, [line])
    states.set(parsed.id, parsed.state)
  }
  const missing = taskIds.filter((id) => !states.has(id))
  return missing.length === 0 && states.size === new Set(taskIds).size ? states : yield* notUnderstood(host, missing)
})

/** TERM, after `graceTenths` KILL, also to what left the group. Answers how the task stands afterwards. */
export const kill = Effect.fn("Runner.kill")(function* (host: HostConfig, taskId: string, graceTenths: number) {
  yield* checkIds(host, [taskId])
  const grace = Math.max(0, Math.min(Math.trunc(graceTenths), 36_000))
  const lines = yield* ask(host, "kill.sh", `${taskId} ${grace}`, "", { timeoutMs: grace * 100 + execTimeoutMs })
  if (lines.length === 1 && lines[0] === `${taskId} never-started`) {
    const never: Killed = { _tag: "never-started" }
    return never
  }
  const parsed = lines.length === 1 ? parseState(lines[0] ?? "") : undefined
  if (parsed?.id !== taskId) return yield* notUnderstood(host, lines)
  const killed: Killed = parsed.state
  return killed
})

/**
 * Types `text` and Enter into an interactive task, once for this `number` however often it is asked.
 *
 * @param number of the message within its task, rising; `before`: that of the message which must have come first, 0 for none
 */
export const message = Effect.fn("Runner.message")(function* (
  host: HostConfig,
  taskId: string,
  one: { readonly number: number; readonly before: number; readonly text: string }
) {
  yield* checkIds(host, [taskId])
  const input = Buffer.from(one.text)
  const lines = yield* ask(host, "message.sh", `${taskId} ${one.number} ${one.before} ${input.length}`, input)
  const typed = lines.length === 1 ? parseTyped(lines[0] ?? "") : undefined
  return typed ?? (yield* notUnderstood(host, lines))
})

const parseTyped = (line: string): Typed | undefined => {
  const [tag, bytes = "", most = "", ...rest] = line.split(" ")
  switch (tag) {
    case "typed":
    case "pending":
    case "ended":
    case "absent":
    case "not-interactive":
    case "unreadable":
      return line === tag ? { _tag: tag } : undefined
    case "long-line":
      return rest.length === 0 && isCount(bytes) && isCount(most)
        ? { _tag: tag, bytes: Number(bytes), most: Number(most) }
        : undefined
    default:
      return undefined
  }
}

/** The watcher looks no longer at these tasks: their end is recorded. Their files stay. */
export const settle = Effect.fn("Runner.settle")(function* (host: HostConfig, taskIds: ReadonlyArray<string>) {
  yield* checkIds(host, taskIds)
  if (taskIds.length === 0) return
  const transport = yield* Transport
  const command = `a="$HOME/.signalbox/active"; while read -r id && [ "$id" != . ]; do rm -f "$a/$SIGNALBOX_LOG/$id" "$a/$id"; done`
  const ran = yield* transport.exec(host, command, { input: idLines(taskIds), timeoutMs: execTimeoutMs })
  if (ran.code !== 0)
    return yield* fail(host, "workspace", `${host.name} could not tidy its task list: ${lastWords(ran.err)}`)
})

/**
 * For /bin/sh on the host, in a terminal. An interactive task's session is its terminal. Any other writes into files, so its
 * session gets a window that shows them, made when somebody looks and gone with the task. Without -u wide characters become `_`: there is no locale over SSH.
 */
export const attachCommand = (taskId: string): string => {
  if (!isTaskId(taskId)) throw new Error(`"${taskId}" is not the id of a task`)
  return [
    `unset TMUX; tput -T "$TERM" longname >/dev/null 2>&1 || export TERM=xterm-256color`,
    `export TMUX_TMPDIR="$HOME/.signalbox/tmux"; d="$HOME/.signalbox/tasks/${taskId}"; r=`,
    `[ -f "$d/pid" ] && read -r p s b r <"$d/pid"`,
    `set --; for f in out err; do [ -f "$d/$f" ] && set -- "$@" "$d/$f"; done`,
    `[ -f "$d/interactive" ] || tmux -L sbx select-window -t "=${taskId}:output" 2>/dev/null || ` +
      `tmux -L sbx new-window -t "=${taskId}:" -n output -- tail -q \${r:+--pid="$r"} -n 1000 -f "$@" 2>/dev/null`,
    `exec tmux -u -L sbx attach -t "=${taskId}"`
  ].join("; ")
}

/** Days that the files of an ended task stay on its host: everything in them is stored by then. */
const keepDays = 14

/** Removes the files of tasks that ended long ago. A task that runs, however long, is left alone: it has no exit file. */
export const prune = Effect.fn("Runner.prune")(function* (host: HostConfig) {
  const transport = yield* Transport
  const command =
    `cd "$HOME/.signalbox/tasks" 2>/dev/null || exit 0; find . -mindepth 2 -maxdepth 2 -name exit -mtime +${keepDays} | ` +
    `while read -r e; do d=\${e#./}; d=\${d%%/*}; for l in "../active/$d" ../active/*/"$d"; do [ -L "$l" ] && continue 2; done; rm -rf "./$d"; done`
  yield* transport.exec(host, command, { timeoutMs: execTimeoutMs })
})

/** Bytes that the task has written on the host; 0 for a file that is not there. */
export const outputSizes = Effect.fn("Runner.outputSizes")(function* (host: HostConfig, taskId: string) {
  yield* checkIds(host, [taskId])
  const transport = yield* Transport
  const size = (file: string): string => `if [ -f "$d/${file}" ]; then wc -c <"$d/${file}"; else echo 0; fi`
  const command = `d="$HOME/.signalbox/tasks/${taskId}"; printf '\\n@signalbox\\n'; ${size("out")}; ${size("err")}; echo @end`
  const ran = yield* transport.exec(host, command, { timeoutMs: execTimeoutMs })
  const [out, err, ...more] = (framed(ran.out) ?? []).map((line) => line.trim())
  if (ran.code !== 0 || more.length > 0 || out === undefined || err === undefined || !isCount(out) || !isCount(err))
    return yield* fail(
      host,
      "answer",
      `${host.name} did not tell the size of the output of ${taskId}: ${lastWords(ran.err) || ended(ran)}`
    )
  return { out: Number(out), err: Number(err) }
})

/** Puts this version's scripts on the host. Harmless when they are there, also when two do it at once. */
export const install = Effect.fn("Runner.install")(function* (host: HostConfig) {
  const transport = yield* Transport
  const entries = Object.entries(scripts).map(([name, text]) => ({ name, bytes: Buffer.from(text) }))
  // Each file by rename, and the mark that all are there last.
  const command =
    `umask 077; d="$HOME/.signalbox/bin/${scriptsVersion}"; mkdir -p "$d" || exit 70; in=$d/in.$$; at=1; ` +
    `trap 'rm -f "$in"' EXIT; cat >"$in" || exit 70; set -- ${entries.map((one) => `${one.name} ${one.bytes.length}`).join(" ")}; ` +
    `while [ $# -gt 1 ]; do tail -c "+$at" "$in" | head -c "$2" >"$d/$1.$$" && [ "$(wc -c <"$d/$1.$$")" -eq "$2" ] && ` +
    `mv -f "$d/$1.$$" "$d/$1" || { rm -f "$d/$1.$$"; exit 71; }; at=$((at + $2)); shift 2; done; : >"$d/ok"`
  const ran = yield* transport.exec(host, command, {
    input: Buffer.concat(entries.map((one) => one.bytes)),
    timeoutMs: execTimeoutMs
  })
  if (ran.code !== 0)
    return yield* fail(
      host,
      "scripts",
      `${host.name} did not take Signalbox's scripts into ~/.signalbox (${lastWords(ran.err) || ended(ran)}): make room there or fix its rights`
    )
})

/** Run by /bin/sh: 78 when this version's scripts are not there. */
export const scriptCommand = (name: string, args: string, interpreter = "/bin/sh"): string =>
  `d="$HOME/.signalbox/bin/${scriptsVersion}"; [ -f "$d/ok" ] || exit 78; exec ${interpreter} "$d/${name}" ${args}`

/** One exec when the scripts are there; otherwise they are installed and it is asked again. */
const ask = <E = never>(
  host: HostConfig,
  name: string,
  args: string,
  input: string | Uint8Array,
  how: { readonly timeoutMs?: number; readonly beforeInput?: Effect.Effect<void, E> | undefined } = {}
): Effect.Effect<ReadonlyArray<string>, Failure | E, Transport> =>
  Effect.gen(function* () {
    const transport = yield* Transport
    const once = transport.exec<E>(host, scriptCommand(name, args), {
      input,
      timeoutMs: how.timeoutMs ?? execTimeoutMs,
      maxBytes: 16 * 1024 * 1024,
      ...(how.beforeInput === undefined ? {} : { beforeInput: how.beforeInput })
    })
    let ran = yield* once
    if (ran.code === 78) {
      yield* install(host)
      ran = yield* once
    }
    return yield* answerOf(host, name, ran)
  })

/** The lines that a script has answered, or why there are none. */
export const answerOf = (host: Named, name: string, ran: Ran): Effect.Effect<ReadonlyArray<string>, RunnerError> => {
  if (ran.code !== 0) return Effect.fail(explain(host, ran))
  const lines = framed(ran.out)
  return lines === undefined
    ? fail(host, "answer", `the answer of ${host.name} to ${name} was cut short: try again`)
    : Effect.succeed(lines)
}

const explain = (host: Named, ran: Ran): RunnerError => {
  const said = lastWords(ran.err)
  const more = said === "" ? "" : ` (${said})`
  switch (ran.code) {
    case 70:
      return problem(
        host,
        "workspace",
        `${host.name} could not write to ~/.signalbox${more}: make room there or fix its rights`
      )
    case 71:
      return problem(
        host,
        "input-cut",
        `what was sent to ${host.name} did not arrive whole, so nothing was started: try again`
      )
    case 72:
      return problem(
        host,
        "no-tmux",
        `${host.name} has no tmux, which keeps tasks alive: install it there (apt install tmux)`
      )
    case 73:
      return problem(host, "tmux", `tmux on ${host.name} did not start the task${more}`)
    case 74:
      return problem(host, "not-linux", `${host.name} does not run Linux (no /proc): tasks need it`)
    case 75:
      return problem(
        host,
        "no-perl",
        `${host.name} has no perl, which keeps the terminal of an interactive task: install it there (apt install perl-base)`
      )
    case 78:
      return problem(
        host,
        "scripts",
        `${host.name} does not keep Signalbox's scripts in ~/.signalbox/bin: is that directory cleaned?`
      )
    default:
      return problem(host, "answer", `${host.name} could not do what was asked: ${said || ended(ran)}`)
  }
}

const ended = (ran: Ran): string =>
  ran.code !== undefined
    ? `exit code ${ran.code}`
    : ran.signal !== undefined
      ? `signal ${ran.signal}`
      : "it ended without an exit code"

export const parseState = (line: string): { readonly id: string; readonly state: TaskState } | undefined => {
  const [id = "", tag, ...rest] = line.split(" ")
  if (!isTaskId(id)) return undefined
  const [first = "", second = ""] = rest
  switch (tag) {
    case "absent":
    case "prepared":
    case "starting":
    case "interrupted":
    case "lost":
      return rest.length === 0 ? { id, state: { _tag: tag } } : undefined
    case "running":
      return rest.length === 2 && isCount(first) && /^[0-9a-f-]{36}$/u.test(second)
        ? { id, state: { _tag: tag, pid: Number(first), bootId: second } }
        : undefined
    case "exited":
      return rest.length === 2 && isCount(first) && Number(first) <= 255 && isCount(second)
        ? { id, state: { _tag: tag, code: Number(first), at: Number(second) } }
        : undefined
    default:
      return undefined
  }
}

const isCount = (text: string): boolean => /^\d{1,12}$/u.test(text)

/** The files of a task, or what is wrong with them. */
const taskFiles = (files: TaskFiles): ReadonlyArray<{ readonly name: string; readonly bytes: Buffer }> | string => {
  const parts = [{ name: "command", bytes: Buffer.from(files.command) }]
  if (files.stdin !== undefined) parts.push({ name: "stdin", bytes: Buffer.from(files.stdin) })
  if (files.cwd !== undefined) {
    if (/[\0\n]/u.test(files.cwd) || files.cwd === "")
      return "the working directory is empty or has a line break in its name"
    parts.push({ name: "cwd", bytes: Buffer.from(files.cwd) })
  }
  if (files.env !== undefined) {
    const entries = Object.entries(files.env)
    const bad = entries.find(([key, value]) => !/^[A-Za-z_][A-Za-z0-9_]*$/u.test(key) || value.includes("\0"))
    if (bad !== undefined) return `"${bad[0]}" cannot be an environment variable`
    parts.push({
      name: "env",
      bytes: Buffer.from(entries.map(([key, value]) => `export ${key}='${value.replaceAll("'", `'\\''`)}'\n`).join(""))
    })
  }
  if (files.interactive === true) parts.push({ name: "interactive", bytes: Buffer.alloc(0) })
  if (files.merge === true) parts.push({ name: "merge", bytes: Buffer.alloc(0) })
  return parts
}

const idLines = (ids: ReadonlyArray<string>): string => [...ids, ".", ""].join("\n")

const checkIds = (host: Named, ids: ReadonlyArray<string>): Effect.Effect<void, RunnerError> => {
  const bad = ids.find((id) => !isTaskId(id))
  return bad === undefined ? Effect.void : fail(host, "task-id", `"${bad.slice(0, 60)}" is not the id of a task`)
}

const notUnderstood = (host: Named, lines: ReadonlyArray<string>): Effect.Effect<never, RunnerError> =>
  fail(
    host,
    "answer",
    `the answer of ${host.name} was not understood: ${JSON.stringify(lines.slice(0, 3).join("\n").slice(0, 200))}`
  )

const problem = (host: Named, kind: RunnerError["problem"], reason: string): RunnerError =>
  new RunnerError({ host: host.name, problem: kind, reason })

const fail = (host: Named, kind: RunnerError["problem"], reason: string): Effect.Effect<never, RunnerError> =>
  Effect.fail(problem(host, kind, reason))
