/**
 * A tool: an AI command-line program (or `shell`) as data, from which the command on the host, the resume command, the output
 * parser, the docs and the validation of parameters derive.
 *
 * Owns: the shape. Does not own: the table (`tools.ts`), the parsers (`parser/*.ts`), running anything.
 * Invariant: what a person wrote reaches the tool as a file on stdin or as one shell-quoted word that this room quotes; it is
 * never shell text, except for `shell`, whose command is shell text by definition.
 */
import { Schema } from "effect"
import type { TaskDefaults } from "../host/config.ts"

export const OutputFormat = Schema.Literals(["claude", "codex", "gemini", "qwen", "opencode", "text"])
export type OutputFormat = typeof OutputFormat.Type

/** What a task asks of a tool. */
export interface Invocation {
  /** The person's command or prompt, verbatim. */
  readonly command: string
  /** Extra context, verbatim: put before the prompt. */
  readonly context?: string
  /** Validated against the tool's parameter schema. */
  readonly params: Readonly<Record<string, Schema.Json>>
  /** Arguments of host and tool configuration, put before the prompt. */
  readonly args: ReadonlyArray<string>
  /** UUID to use as the agent's session id where the tool lets us choose. */
  readonly sessionId: string
  /** Set for a follow-up: the agent's own session to continue. */
  readonly resume?: string
  /** The remote user is root (some agents refuse, or want a mark). */
  readonly root?: boolean
}

/** What is written to the host: `script` is run by /bin/sh with `stdin` as its input. */
export interface Launch {
  /** Shell text made by us; people's text appears only single-quoted. For `shell` it is the command itself. */
  readonly script: string
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string>>
  /** stdout and stderr in one file, in order (plain-text tools). */
  readonly merge: boolean
  /** On a terminal of its own; there is no stdin then. */
  readonly interactive?: boolean
}

export interface Tool {
  readonly name: string
  readonly title: string
  /** Program looked for by `host check`, and how it tells its version. Null for `shell`. */
  readonly binary: string | null
  readonly versionArgs: ReadonlyArray<string>
  readonly format: OutputFormat
  /** JSON schema (draft 2020-12) of `params`; every property documents one flag. */
  readonly params: Schema.JsonObject
  readonly sessionId: "chosen" | "reported" | "none"
  /** Exit codes with a meaning of their own. */
  readonly exitCodes: Readonly<Record<number, string>>
  /** Pure and total; ask `refusal` first: what it refuses has no useful launch. */
  readonly launch: (invocation: Invocation) => Launch
  /** One sentence why this invocation cannot work, known before anything is started; undefined: go ahead. */
  readonly refusal: (invocation: Invocation) => string | undefined
  /** False: `task resume` is refused with a clear sentence. */
  readonly canResume: boolean
  /** What a reader of the docs should know: permissions, traps. */
  readonly notes: ReadonlyArray<string>
  /** Time-outs, limits and the like that a user-defined tool brings; a host's and a task's own win. */
  readonly defaults?: TaskDefaults
}

/** What a parser has learnt so far; JSON, so that it can be stored beside the output's offset and continued after a crash. */
export const ToolReport = Schema.Struct({
  sessionId: Schema.optionalKey(Schema.String),
  model: Schema.optionalKey(Schema.String),
  /** The final answer. */
  answer: Schema.optionalKey(Schema.String),
  /** All that the models read, cached or not, whatever the vendor counts as input. */
  inputTokens: Schema.optionalKey(Schema.Int),
  outputTokens: Schema.optionalKey(Schema.Int),
  /** The part of `inputTokens` that came from the vendor's cache. */
  cachedTokens: Schema.optionalKey(Schema.Int),
  /** US dollars as the tool told them; absent when it did not. */
  costUsd: Schema.optionalKey(Schema.Finite),
  turns: Schema.optionalKey(Schema.Int),
  toolUses: Schema.optionalKey(Schema.Int),
  /** The tool itself says it failed, whatever its exit code. */
  error: Schema.optionalKey(Schema.String),
  /** A question that waits for a person; absent when none does. */
  waiting: Schema.optionalKey(Schema.String),
  /** The parser's own memory between lines (an unfinished message, the usage of the message at hand). Not for readers. */
  scratch: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json))
}).annotate({ identifier: "ToolReport" })
export type ToolReport = typeof ToolReport.Type

/** One line for the screen, made from structured output. */
export interface Shown {
  readonly kind: "message" | "tool" | "result" | "question" | "error" | "note"
  readonly text: string
}

/** A pure fold over whole lines of stdout. */
export interface OutputParser {
  readonly initial: ToolReport
  /** One line without its newline. Never throws: a line that is not of the format changes nothing and is shown as a note. */
  readonly line: (
    report: ToolReport,
    line: string
  ) => { readonly report: ToolReport; readonly shown: ReadonlyArray<Shown> }
  /** The last, unfinished line: plain-text tools ask "Proceed? (y/n) " without a newline. */
  readonly partial: (report: ToolReport, text: string) => ToolReport
}
