/**
 * Joins this terminal to a task's tmux session until it ends or is detached.
 *
 * Owns: raw mode, sizes, bytes both ways, giving the terminal back. Does not own: what is drawn there, hiding a screen of ours.
 * Invariants: needs only a host's configuration (no database); the terminal is given back whatever happens; an end without an
 * exit code is `undefined`.
 */
import { spawn } from "node:child_process"
import { homedir } from "node:os"
import type { HostConfig } from "@signalbox/core/host/config.ts"
import { Effect } from "effect"
import type { ClientChannel } from "ssh2"
import { forAnyLoginShell } from "./channel.ts"
import { type LocalOptions, taskEnvironment } from "./LocalTransport.ts"
import { attachCommand } from "./Runner.ts"
import { dialOnce, type SshOptions } from "./SshTransport.ts"
import { type HostError, HostRefused, HostUnreachable } from "./Transport.ts"

/** What of `process.stdin` and `process.stdout` is used. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean; readonly setRawMode?: (raw: boolean) => unknown }
  readonly stdout: NodeJS.WritableStream & { readonly columns?: number; readonly rows?: number }
  /** TERM of this terminal. */
  readonly term?: string
}

export interface AttachOptions {
  readonly ssh: SshOptions
  readonly local?: LocalOptions
}

export const attach = (
  host: HostConfig,
  taskId: string,
  terminal: Terminal,
  options: AttachOptions
): Effect.Effect<number | undefined, HostError> =>
  host.kind === "local"
    ? attachLocal(host, taskId, terminal, options.local ?? {})
    : attachSsh(host, taskId, terminal, options.ssh)

/** tmux gets the very terminal of this process: it sets modes and sizes itself. */
const attachLocal = (
  host: HostConfig,
  taskId: string,
  terminal: Terminal,
  options: LocalOptions
): Effect.Effect<number | undefined, HostError> =>
  terminal.stdin.isTTY !== true
    ? Effect.fail(
        new HostRefused({ host: host.name, problem: "config", reason: "attaching needs a terminal: run it in one" })
      )
    : Effect.callback((resume) => {
        const home = options.home ?? homedir()
        const env = { ...taskEnvironment(options.env ?? process.env, home), TERM: terminal.term ?? "xterm-256color" }
        terminal.stdin.pause()
        const child = spawn("/bin/sh", ["-c", attachCommand(taskId)], { cwd: home, env, stdio: "inherit" })
        child.on("error", (error) =>
          resume(Effect.fail(new HostUnreachable({ host: host.name, reason: error.message })))
        )
        child.on("close", (code) => resume(Effect.succeed(code ?? undefined)))
        return Effect.sync(() => void child.kill("SIGTERM"))
      })

const attachSsh = (
  host: HostConfig,
  taskId: string,
  terminal: Terminal,
  options: SshOptions
): Effect.Effect<number | undefined, HostError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* dialOnce(host, options)
      const lost = (reason: string): HostUnreachable => new HostUnreachable({ host: host.name, reason })
      const channel = yield* Effect.callback<ClientChannel, HostError>((resume) => {
        const pty = { term: terminal.term ?? "xterm-256color", ...sizeOf(terminal), width: 0, height: 0 }
        connection.client.exec(forAnyLoginShell(attachCommand(taskId)), { pty }, (error, made) =>
          resume(error === undefined ? Effect.succeed(made) : Effect.fail(lost(error.message)))
        )
      })
      yield* Effect.acquireRelease(
        Effect.sync(() => join(terminal, channel)),
        (leave) => Effect.sync(leave)
      )
      return yield* Effect.callback<number | undefined, HostError>((resume) => {
        let code: number | undefined
        channel.on("exit", (status: number | null) => {
          code = status ?? undefined
        })
        channel.on("close", () => resume(Effect.succeed(code)))
        const forget = connection.onLost((reason) => resume(Effect.fail(lost(reason))))
        return Effect.sync(forget)
      })
    })
  )

/** Answers how to take the terminal back. */
const join = (terminal: Terminal, channel: ClientChannel): (() => void) => {
  const keys = (part: Buffer | string): void => void channel.write(part)
  const shown = (part: Buffer): void => {
    if (terminal.stdout.write(part)) return
    // A slow terminal slows tmux, which then leaves frames out, instead of filling our memory.
    channel.pause()
    terminal.stdout.once("drain", () => channel.resume())
  }
  const sized = (): void => {
    const { cols, rows } = sizeOf(terminal)
    channel.setWindow(rows, cols, 0, 0)
  }
  terminal.stdin.setRawMode?.(true)
  terminal.stdin.on("data", keys)
  terminal.stdin.resume()
  terminal.stdout.on("resize", sized)
  channel.on("data", shown)
  channel.stderr.resume()
  return () => {
    terminal.stdin.off("data", keys)
    terminal.stdin.pause()
    terminal.stdin.setRawMode?.(false)
    terminal.stdout.off("resize", sized)
    channel.off("data", shown)
    channel.resume()
  }
}

const sizeOf = (terminal: Terminal): { readonly cols: number; readonly rows: number } => ({
  cols: terminal.stdout.columns ?? 80,
  rows: terminal.stdout.rows ?? 24
})
