/**
 * What is known of a host: how to reach it, and the limits and defaults of tasks on it.
 *
 * Owns: the schema of a host's configuration. Does not own: events (`events.ts`), connections (worker).
 * Invariant: secrets are references (a path, a setting's name), never values.
 */
import { Schema } from "effect"

/** Safe as a file name, a tmux session part and a word in a sentence. */
export const HostName = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/u, {
    expected: "a name of letters, digits, dots and dashes, at most 63 of them"
  })
)

export const TaskDefaults = Schema.Struct({
  /** Milliseconds; a task's own timeout wins. */
  timeoutMs: Schema.optionalKey(Schema.Int),
  idleTimeoutMs: Schema.optionalKey(Schema.Int),
  maxTasks: Schema.optionalKey(Schema.Int),
  cwd: Schema.optionalKey(Schema.String),
  env: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  /** Shell text sourced before the tool starts. */
  preCommand: Schema.optionalKey(Schema.String),
  /** Arguments put before the prompt of a tool. */
  args: Schema.optionalKey(Schema.Array(Schema.String))
})
export type TaskDefaults = typeof TaskDefaults.Type

export const HostConfig = Schema.Struct({
  name: HostName,
  displayName: Schema.optionalKey(Schema.String),
  kind: Schema.Literals(["local", "ssh"]),
  address: Schema.String,
  port: Schema.Int,
  user: Schema.optionalKey(Schema.String),
  /** Path on the worker's machine. */
  keyFile: Schema.optionalKey(Schema.String),
  /** Use the agent at SSH_AUTH_SOCK. */
  agent: Schema.optionalKey(Schema.Boolean),
  /** Name of an environment variable, or file:PATH, that holds the password. */
  passwordRef: Schema.optionalKey(Schema.String),
  /** Name of another host, or user@address[:port]. */
  jump: Schema.optionalKey(Schema.String),
  tags: Schema.Array(Schema.String),
  /** Pinned public keys, "type base64": only these connect. known_hosts is honoured beside them. */
  hostKeys: Schema.Array(Schema.String),
  defaults: TaskDefaults,
  /** Per tool on this host: wins over `defaults`. */
  tools: Schema.optionalKey(Schema.Record(Schema.String, TaskDefaults))
}).annotate({ identifier: "HostConfig" })
export type HostConfig = typeof HostConfig.Type
