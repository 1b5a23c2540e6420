/**
 * Runs a plain read at once: no framework is loaded, so a script that asks a hundred times waits little.
 *
 * Owns: finding the hub of this home, printing. Does not own: what is in the way when it is not found, and every other command
 * line: `main.ts` is asked again from the start, because nothing has been done or said.
 */
import { join } from "node:path"
import { elsewhere } from "@signalbox/core/config/elsewhere.ts"
import { applyDotEnv, homeOf, homePaths, isRunning, readToken } from "@signalbox/core/config/find.ts"
import { readFileSync } from "node:fs"
import { askAt, type Where } from "./ask.ts"
import { ReadFailed } from "./definition.ts"
import { number, record, text } from "./shape.ts"
import { understand } from "./words.ts"

/** @returns false: these words, or what is in the way, are not for this file; nothing was said. */
export const readNow = async (args: ReadonlyArray<string>): Promise<boolean> => {
  const understood = understand(args)
  const where = understood === undefined ? undefined : found()
  if (understood === undefined || where === undefined) return false
  try {
    for await (const piece of understood.read.print(understood.given, askAt(where))) await write(`${piece}\n`)
  } catch (error) {
    if (!(error instanceof ReadFailed)) throw error
    process.stderr.write(`error: ${error.message}\n`)
    process.exitCode = error.code
  }
  return true
}

/** As slow as the reader is. */
const write = (said: string): Promise<void> =>
  new Promise((resolve) => {
    if (process.stdout.write(said)) resolve()
    else process.stdout.once("drain", resolve)
  })

const isHub = record({ url: text, pid: number, startedAt: text })

/** The hub of this home, when there is nothing in the way. */
export const found = (): Where | undefined => {
  try {
    applyDotEnv(join(process.cwd(), ".env"), process.env)
    const chosen = elsewhere(process.env)
    if ("problem" in chosen) return undefined
    const { url, token: given, fingerprint } = chosen
    if (url !== undefined && given !== undefined) return { url, token: given, fingerprint }
    const home = homePaths(homeOf(process.env["SIGNALBOX_HOME"], process.env["XDG_DATA_HOME"]))
    const hub: unknown = JSON.parse(readFileSync(home.hubFile, "utf8"))
    if (!isHub(hub) || !/^https?:\/\/[^\s]+$/u.test(hub.url) || !Number.isInteger(hub.pid) || hub.pid <= 0)
      return undefined
    if (!isRunning(hub.pid, Date.parse(hub.startedAt))) return undefined
    if (given !== undefined) return { url: hub.url, token: given }
    const token = readToken(join(home.credentials, "admin-token"))
    return "token" in token ? { url: hub.url, token: token.token } : undefined
  } catch {
    return undefined // whatever it is, main.ts meets it too and has the sentence
  }
}
