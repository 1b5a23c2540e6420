/**
 * Puts store, hub, session and screen together and runs them until a person leaves.
 *
 * Owns: start and end, the child of `attach`. Does not own: the decision whether there is a terminal (`main.tsx`).
 * Invariant: whatever ends it, the connection is closed and the terminal is as it was.
 */
import { spawn } from "node:child_process"
import { render } from "ink"
import { Redacted } from "effect"
import { connect } from "./Hub.ts"
import type { TuiOptions } from "./main.tsx"
import { edit } from "./conversation/editor.ts"
import { Screen } from "./Screen.tsx"
import { Session } from "./Session.ts"
import { Store } from "./store.ts"
import { firstColumn } from "./terminal.ts"

export const run = async (options: TuiOptions): Promise<number> => {
  const store = new Store({ place: options.place ?? placeOf(options.baseUrl) })
  const waiting: Array<string> = []
  let tell = (sentence: string): void => void waiting.push(sentence)
  const acts = connect({
    baseUrl: options.baseUrl,
    token: Redacted.make(options.token),
    fingerprint: options.fingerprint,
    store,
    tell: (sentence) => tell(sentence)
  })
  const session = new Session({ store, acts })
  tell = session.complain
  for (const sentence of waiting) session.complain(sentence)

  process.stdout.write(firstColumn)
  const app = render(<Screen session={session} attach={(taskId) => attach(options, taskId)} edit={edit} />, {
    alternateScreen: true,
    incrementalRendering: true,
    maxFps: 60,
    exitOnCtrlC: false,
    patchConsole: false,
    interactive: true,
    kittyKeyboard: { mode: "auto" }
  })
  try {
    await app.waitUntilExit()
    return 0
  } catch (error) {
    process.stderr.write(
      `The screen failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`
    )
    return 1
  } finally {
    session.stop()
    await acts.close()
    await options.onExit?.()
  }
}

/** The same program's own `task attach`, with the terminal in its hands until it ends. */
const attach = (options: TuiOptions, taskId: string): Promise<void> => {
  const own = [process.execPath, ...process.execArgv, process.argv[1] ?? "", "task", "attach", taskId]
  const [program = process.execPath, ...args] = options.attachCommand?.(taskId) ?? own
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit" })
    child.once("error", (error) => reject(new Error(`Attaching to ${taskId} could not start: ${error.message}`)))
    child.once("exit", (code, signal) => {
      if (code === 0) resolve()
      else reject(new Error(`Attaching to ${taskId} ended with ${signal ?? `code ${code}`}. Its log is under l.`))
    })
  })
}

const placeOf = (baseUrl: string): string => {
  const { hostname } = new URL(baseUrl)
  return hostname === "127.0.0.1" || hostname === "localhost" || hostname === "[::1]" ? "" : hostname
}
