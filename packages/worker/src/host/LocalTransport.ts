/**
 * This machine as a host: child processes behind the `Transport` interface.
 *
 * Owns: starting /bin/sh and ending its process group; which of our own environment a task may see. Does not own: output
 * (`process.ts`).
 * Invariant: what the worker needs for itself (database, settings) is not in the environment of tasks.
 */
import { spawn } from "node:child_process"
import { homedir } from "node:os"
import { Effect, type Scope, Stream } from "effect"
import { type Ended, follow, type Running, runToEnd } from "./process.ts"
import { type HostError, HostRefused, HostUnreachable, type Transport } from "./Transport.ts"

export interface LocalOptions {
  /** Decides where `~/.signalbox` is. */
  readonly home?: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

export const makeLocalTransport = (options: LocalOptions): Transport["Service"] => {
  const home = options.home ?? homedir()
  const env = taskEnvironment(options.env ?? process.env, home)
  const start = (host: string, command: string): Effect.Effect<Running, HostError, Scope.Scope> =>
    Effect.acquireRelease(begin(host, command, home, env), (running) => Effect.sync(() => running.stop()))
  return {
    exec: (host, command, how) => runToEnd(host.name, start(host.name, command), how),
    stream: (host, command, how) => Stream.scoped(follow(host.name, start(host.name, command), how?.input)),
    open: (host, command) => start(host.name, command),
    offeredKey: (host) =>
      Effect.fail(
        new HostRefused({
          host: host.name,
          problem: "config",
          reason: `${host.name} is this machine and has no SSH host key`
        })
      ),
    retryNow: () => Effect.void,
    reconfigured: () => Effect.void
  }
}

/** What a child of ours may know: not the worker's database and settings, not the traces of npm. */
export const taskEnvironment = (
  env: Readonly<Record<string, string | undefined>>,
  home: string
): Record<string, string> => {
  const kept: Record<string, string> = {}
  for (const [key, value] of Object.entries(env))
    if (
      value !== undefined &&
      !/^(?:DATABASE_URL|PG[A-Z]+|SIGNALBOX_.*|npm_.*|NODE_OPTIONS|NODE_ENV|VITEST.*|TMUX.*)$/u.test(key)
    )
      kept[key] = value
  kept["HOME"] = home
  return kept
}

const graceMs = 1_000

const begin = (
  host: string,
  command: string,
  home: string,
  env: Record<string, string>
): Effect.Effect<Running, HostError> =>
  Effect.callback((resume) => {
    // A process group of its own, so that an end reaches everything that the command has started.
    const child = spawn("/bin/sh", ["-c", command], { detached: true, cwd: home, env, stdio: ["pipe", "pipe", "pipe"] })
    let ended: Ended | undefined
    let tell: ((end: Ended) => void) | undefined
    let stopping = false
    const finish = (end: Ended): void => {
      if (ended !== undefined) return
      ended = end
      tell?.(end)
    }
    const kill = (signal: NodeJS.Signals): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal)
      } catch {
        // ESRCH: the group has ended by itself.
      }
    }
    child
      .on("error", (error) =>
        resume(Effect.fail(new HostUnreachable({ host, reason: `/bin/sh did not start in ${home}: ${error.message}` })))
      )
      .on("close", (code, signal) =>
        finish({ code: code ?? undefined, signal: signal === null ? undefined : signal.replace(/^SIG/u, "") })
      )
      .on("spawn", () =>
        resume(
          Effect.succeed({
            stdin: child.stdin,
            stdout: child.stdout,
            stderr: child.stderr,
            onEnd: (listener: (end: Ended) => void) => {
              if (ended === undefined) tell = listener
              else listener(ended)
            },
            stop: () => {
              if (ended !== undefined || stopping) return
              stopping = true
              child.stdout.resume()
              child.stderr.resume()
              kill("SIGTERM")
              setTimeout(() => kill("SIGKILL"), graceMs).unref()
            }
          })
        )
      )
  })
