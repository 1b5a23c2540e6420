/**
 * The ways in which people talk, as they have them: the screen in tmux, and the line protocol over TLS.
 *
 * Owns: opening them. Does not own: processes (`signalbox.ts`), keys (`pane.ts`).
 */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type LineClient, lineClient } from "../support/line-client.ts"
import { Pane } from "../support/pane.ts"
import type { Home } from "../support/signalbox.ts"

const program = fileURLToPath(new URL("../../packages/cli/bin/signalbox.mjs", import.meta.url))

/** Any command in a terminal. */
export const inTerminal = async (home: Home, name: string, ...args: ReadonlyArray<string>): Promise<Pane> => {
  const pane = new Pane(name)
  await pane.start([process.execPath, program, ...args], 120, 40, { ...home.env, TERM: "xterm-256color" })
  return pane
}

/** The screen with its newest conversation open and ready to write. */
export const openNewest = async (home: Home, name: string, title: RegExp): Promise<Pane> => {
  const pane = await inTerminal(home, name, "tui")
  await pane.until(/1 Tasks/u)
  await pane.keys("2")
  await pane.until(title)
  await pane.keys("Enter")
  await pane.until(/enter send/u)
  return pane
}

/** A signed-in client on the bridge of a home, over TLS. */
export const onBridge = async (home: Home): Promise<LineClient> => {
  const client = await lineClient(Number(home.env["SIGNALBOX_BRIDGE_PORT"]), { tls: true })
  await client.until("\n> ")
  const token = (await readFile(join(home.path, "home", "credentials", "admin-token"), "utf8")).trim()
  client.send(`AUTH ${token}\n`)
  await client.until(/signed in as[^\n]*\n> /u)
  return client
}
