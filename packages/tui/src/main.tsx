/**
 * The entry of the terminal UI: `signalbox tui`, and `signalbox up` on a terminal.
 *
 * Owns: refusing what is not a terminal, and what must be settled before Ink and React are loaded. Does not own: the rest (`run.tsx`).
 * Invariant: nothing here imports Ink or React, for they read the environment when they are loaded.
 */
import { pinnedFetch, WrongCertificate } from "@signalbox/core/api/pin.ts"
import { settleEnvironment } from "./theme.ts"

export interface TuiOptions {
  /** http://127.0.0.1:49152 */
  readonly baseUrl: string
  readonly token: string
  readonly version: string
  /** Name shown at the top left; the hub's host name by default. */
  readonly place?: string
  /** How to open a task's own terminal; this program's `task attach ID` by default. */
  readonly attachCommand?: (taskId: string) => ReadonlyArray<string>
  /** SHA-256 of the hub's certificate, lower case, without colons; undefined: a public authority says who it is. */
  readonly fingerprint?: string | undefined
  readonly onExit?: () => Promise<void> | void
}

/** Runs until the person leaves. 0: left; 1: the screen failed, or the hub is not the one that was meant; 2: there is no terminal. */
export const runTui = async (options: TuiOptions): Promise<number> => {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    process.stderr.write(
      "The full-screen view needs a terminal on stdin and stdout. Use signalbox task list, or signalbox up --headless.\n"
    )
    return 2
  }
  settleEnvironment(process.env)
  const wrong = options.fingerprint === undefined ? undefined : await imposter(options.baseUrl, options.fingerprint)
  if (wrong !== undefined) {
    process.stderr.write(`error: ${options.baseUrl} is not the hub that was meant: ${wrong}. Nothing was sent to it.\n`)
    return 1
  }
  const { run } = await import("./run.tsx")
  return run(options)
}

/** Says before the screen opens what it could only repeat. A hub that does not answer is none: the screen waits for it. */
const imposter = (baseUrl: string, fingerprint: string): Promise<string | undefined> =>
  pinnedFetch(fingerprint)(new URL("/ready", baseUrl), { signal: AbortSignal.timeout(patience) }).then(
    async (response) => void (await response.body?.cancel()),
    (error: unknown) => (error instanceof WrongCertificate ? error.message : undefined)
  )
const patience = 10_000
