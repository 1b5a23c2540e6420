/**
 * The agent's two processes as they are, but for what they carry out: acts that leave a line in a journal, and end when a file is there.
 *
 * CHILD: role (run, helper), root (of the agent's files), journal (one line for each time that something was truly done), gates (directory:
 * an act waits until a file with its unit's name is there).
 */
import { appendFileSync, existsSync, watch } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { flushCompileCache } from "node:module"
import type { Aftermath } from "../../../packages/agent/src/desk.ts"
import { helper } from "../../../packages/agent/src/helper.ts"
import type { Performers } from "../../../packages/agent/src/perform/Performer.ts"
import { placesBelow } from "../../../packages/agent/src/places.ts"
import { run } from "../../../packages/agent/src/run.ts"

flushCompileCache() // of a child that is killed nothing is kept (`temporary.ts` says where)

interface Settings {
  readonly role: "run" | "helper"
  readonly root: string
  readonly journal: string
  readonly gates: string
}
const { role, root, journal, gates } = JSON.parse(process.env["CHILD"] ?? "{}") as Settings

const opened = (gate: string, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const watcher = watch(gates, () => look())
    const look = (): void => {
      if (!existsSync(join(gates, gate))) return
      watcher.close()
      resolve()
    }
    signal.addEventListener("abort", () => {
      watcher.close()
      reject(new Error("aborted"))
    })
    look()
  })

const performers: Partial<Performers> = {
  "system.info": () => {
    appendFileSync(journal, "read\n")
    return Promise.resolve({ outcome: "succeeded", summary: "read", data: { hostname: hostname() } })
  },
  "service.restart": async ({ unit }, { commandId, signal, guardMillis }) => {
    appendFileSync(journal, `${unit} begins ${commandId}${guardMillis === undefined ? "" : ` guard ${guardMillis}`}\n`)
    await opened(unit, signal)
    appendFileSync(journal, `${unit} ends ${commandId}\n`)
    return { outcome: "succeeded", summary: `${unit} was restarted`, data: { unit }, proven: true }
  },
  "shell.run": ({ command }) => Promise.resolve({ outcome: "succeeded", summary: "done", data: { command } })
}

const stop = new AbortController()
process.on("SIGTERM", () => stop.abort())
const places = placesBelow(root)
const aftermath: Aftermath = {
  release: (commandId) => {
    appendFileSync(journal, `released ${commandId}\n`)
    return Promise.resolve(true)
  },
  interrupted: () => Promise.resolve(undefined),
  since: (_, ended) => Promise.resolve(ended)
}
if (role === "helper") await helper({ places, performers, signal: stop.signal, aftermath })
else
  process.exitCode =
    (await run({ places, performers, signal: stop.signal, heartbeatMillis: 1_000 })) === "revoked" ? 3 : 0
