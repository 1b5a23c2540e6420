/** Starts a TypeScript file of `children/` as a process of its own; it is killed when the scope ends. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Effect, type Scope } from "effect"

export interface Child {
  readonly pid: number
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Signal or exit code, and what it said on stderr. */
  readonly ended: Effect.Effect<{ readonly how: string; readonly said: string }>
}

export const startChild = (
  file: string,
  settings: Readonly<Record<string, unknown>>
): Effect.Effect<Child, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn(process.execPath, [fileURLToPath(new URL(`children/${file}`, import.meta.url))], {
          env: { ...process.env, CHILD: JSON.stringify(settings), NODE_NO_WARNINGS: "1" },
          stdio: ["ignore", "ignore", "pipe"]
        })
        let said = ""
        child.stderr.on("data", (bytes: Buffer) => (said += bytes.toString()))
        const ended = new Promise<{ how: string; said: string }>((resolve) =>
          child.once("close", (code, signal) => resolve({ how: signal ?? String(code), said }))
        )
        return { child, ended }
      }),
      ({ child, ended }) =>
        Effect.promise(() => {
          child.kill("SIGKILL")
          return ended
        })
    ),
    ({ child, ended }) => ({
      pid: child.pid ?? 0,
      kill: (signal) => Effect.asVoid(Effect.sync(() => child.kill(signal))),
      ended: Effect.promise(() => ended)
    })
  )
