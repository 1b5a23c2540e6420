/**
 * What the benchmarks on real hosts share: a hub and a worker of their own, and hosts of the fleet. Needs root.
 * All clocks are one clock: the hosts are containers of this machine.
 */
import { execFile } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { promisify } from "node:util"
import { Schema } from "effect"
import type { FleetHost } from "../test/fleet/support.ts"
import { type Home, type Role, dispose, hubFetch, makeHome, start, startHub, until } from "../test/support/signalbox.ts"
import { freshDatabase } from "./support.ts"

export const withWorker = async <A>(use: (home: Home, worker: Role) => Promise<A>): Promise<A> => {
  if (process.getuid?.() !== 0) throw new Error("needs root: the fleet's hosts cannot be made")
  const fleet = await mkdtemp("/var/tmp/signalbox-fleet.")
  process.env["FLEET_DIR"] = fleet
  const home = await makeHome({ database: await freshDatabase() })
  try {
    await startHub(home)
    return await use(home, await start(home, "worker"))
  } finally {
    await dispose(home)
    await promisify(execFile)(new URL("../test/fleet/fleet", import.meta.url).pathname, ["down"])
    await rm(fleet, { recursive: true, force: true })
  }
}

export const add = async (home: Home, box: FleetHost, maxTasks: number): Promise<void> => {
  const added = await hubFetch(home, "/api/v1/hosts", {
    method: "POST",
    body: JSON.stringify({
      name: box.name,
      address: box.address,
      user: "root",
      keyFile: box.keyFile,
      hostKeys: [box.hostKey],
      defaults: { maxTasks }
    })
  })
  if (added.status !== 201) throw new Error(`host add: ${added.status} ${(await added.text()).slice(0, 300)}`)
  await until(`${box.name} is reachable`, 60_000, async () => {
    const checked = await hubFetch(home, `/api/v1/hosts/${box.name}/check`, { method: "POST", body: "{}" })
    return /"reachable":true/.test(await checked.text()) ? true : undefined
  })
}

const Created = Schema.Struct({ taskId: Schema.String })
export const create = async (home: Home, hostName: string, command: string): Promise<string> => {
  const body = JSON.stringify({ host: hostName, tool: "shell", command })
  const answer = await hubFetch(home, "/api/v1/tasks", { method: "POST", body })
  if (answer.status !== 201)
    throw new Error(`the hub answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`)
  return Schema.decodeUnknownSync(Created)(await answer.json()).taskId
}
