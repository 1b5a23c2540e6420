/** The database that a command means while a hub runs: real processes, each with a real database. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { freshDatabase } from "../../../test/support/database.ts"
import {
  dispose,
  type Home,
  makeHome,
  type Role,
  signalbox,
  signalboxWith,
  startHub
} from "../../../test/support/signalbox.ts"

let home: Home
let bare: Home
let hub: Role
let database: string
beforeAll(async () => {
  database = await freshDatabase()
  home = await makeHome({ database })
  const { DATABASE_URL: _url, ...env } = home.env
  bare = { ...home, env }
  hub = await startHub(home)
})
afterAll(() => dispose(home))

const shown = (url: string): string => new URL(url).host + new URL(url).pathname

describe("a command about the database, while the hub of its home uses another than the built-in one", () => {
  it("is refused without DATABASE_URL, by a sentence that names both, and starts nothing", async () => {
    for (const args of [
      ["audit", "verify"],
      ["db", "status"],
      ["db", "migrate"],
      ["db", "url"],
      ["db", "psql"],
      ["worker"]
    ]) {
      const ran = await signalbox(bare, ...args)
      expect([args, ran.code, ran.stdout]).toEqual([args, 2, ""])
      expect(ran.stderr).toBe(
        `error: The running hub of this home uses the database ${shown(database)}, not the built-in one. ` +
          "Set DATABASE_URL as it was set for the hub, or stop the hub first.\n"
      )
    }
    expect(existsSync(join(home.path, "home", "postgres"))).toBe(false)
  })

  it("goes on with the DATABASE_URL it is given, and says when that is another one", async () => {
    const same = await signalbox(home, "audit", "verify")
    expect([same.code, same.stderr]).toEqual([0, ""])
    const other = await signalboxWith(bare, { env: { DATABASE_URL: await freshDatabase() } }, "audit", "verify")
    expect(other.code).toBe(0)
    expect(other.stderr).toBe(
      `note: the running hub of this home uses another database than this one: ${shown(database)}\n`
    )
  })

  it("means the built-in one again when the hub has ended", async () => {
    await hub.stop()
    const ran = await signalbox(bare, "db", "url")
    expect([ran.code, ran.stderr]).toEqual([2, "error: The built-in database is not running. Start it: signalbox up\n"])
  })
})
