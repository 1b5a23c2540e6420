/**
 * How a worker touches a host: run a script, follow a stream, hand a terminal over. `local` and SSH look the same from here.
 *
 * Owns: the interface and its errors. Does not own: what is run (the task room), which hosts exist (core's host room).
 * Invariants: a missing exit status is unknown (`code` undefined), never 0; nothing a person wrote is ever part of `command`:
 * it travels in `input` or in files.
 */
import { Context, type Effect, Schema, type Scope, type Stream } from "effect"
import type { HostConfig } from "@signalbox/core/host/config.ts"
import type { Running } from "./process.ts"

/** No connection, or it broke. Nothing is known of what ran: ask again when the host is back. */
export class HostUnreachable extends Schema.TaggedError<HostUnreachable>()("HostUnreachable", {
  host: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.host} is not reachable: ${this.reason}`
  }
}
/** The host answered and will not have us (key, user, host key, agent, key file). Trying again alone does not help. `message` says the mend. */
export class HostRefused extends Schema.TaggedError<HostRefused>()("HostRefused", {
  host: Schema.String,
  problem: Schema.Literals([
    "authentication",
    "host-key-unknown",
    "host-key-changed",
    "host-key-revoked",
    "key-file",
    "config"
  ]),
  reason: Schema.String
}) {
  override get message(): string {
    return this.reason
  }
}
export type HostError = HostUnreachable | HostRefused

export interface Ran {
  readonly code: number | undefined
  readonly signal: string | undefined
  readonly out: Uint8Array
  readonly err: Uint8Array
  /** More came than `maxBytes`: the process was ended there, `out` and `err` hold the beginning, `code` is unknown. */
  readonly truncated?: true
}

export interface ExecOptions<E = never> {
  readonly input?: string | Uint8Array
  readonly maxBytes?: number
  readonly timeoutMs?: number
  readonly beforeInput?: Effect.Effect<void, E>
}

export class Transport extends Context.Service<
  Transport,
  {
    /**
     * Runs `command` by /bin/sh on the host with `input` on stdin and SIGNALBOX_LOG, the id of the log, in its environment. Output is limited to `maxBytes` (default 4 MiB) per stream.
     * `beforeInput` runs once the host has answered that the command starts, and before a byte of the input is sent.
     */
    readonly exec: <E = never>(
      host: HostConfig,
      command: string,
      options?: ExecOptions<E>
    ) => Effect.Effect<Ran, HostError | E>
    /** Stdout as it comes, until the process ends (end of stream) or the connection breaks (HostUnreachable). Interruption ends the remote process. */
    readonly stream: (
      host: HostConfig,
      command: string,
      options?: { readonly input?: string | Uint8Array }
    ) => Stream.Stream<Uint8Array, HostError>
    /** A process to talk with; it is stopped with the scope. */
    readonly open: (host: HostConfig, command: string) => Effect.Effect<Running, HostError, Scope.Scope>
    /** The host key's public line as it is offered now, without connecting any further (`key` is "type base64", as in `hostKeys`): for `host add` and `--accept-new`. */
    readonly offeredKey: (
      host: HostConfig
    ) => Effect.Effect<{ readonly type: string; readonly key: string; readonly fingerprint: string }, HostError>
    /** Somebody asks for the host now: the back-off after failures ends. A connection that lives is kept. */
    readonly retryNow: (hostName: string) => Effect.Effect<void>
    /** How the host is reached from now on (undefined: not at all): a connection that was made otherwise ends, with what runs over it. */
    readonly reconfigured: (hostName: string, now: HostConfig | undefined) => Effect.Effect<void>
  }
>()("@signalbox/worker/host/Transport") {}
