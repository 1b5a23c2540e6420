/** What others do at the same time, before and after a change: nothing of theirs is taken away, and nobody leads root elsewhere. */
import { randomUUID } from "node:crypto"
import { writeFileSync } from "node:fs"
import { chmod, chown, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it } from "vitest"
import { commanded, withConfiguration } from "../../../../../test/support/agent-hooks.ts"
import { performersFor } from "../performers.ts"
import type { Surroundings } from "../Surroundings.ts"
import { restoreChange } from "./back.ts"
import { sha256 } from "./node.ts"
import { allRecords, hold, prune, readRecord } from "./store.ts"
import { closedWay } from "./way.ts"

let root: string
let own: Surroundings

withConfiguration((directory, surroundings) => {
  root = directory
  own = surroundings
})

const at = (name: string) => join(root, "etc", name)
const text = (path: string) => readFile(path, "utf8")
const set = (path: string, value: string, with_ = own, id: string = randomUUID()) =>
  performersFor(with_)["config.set"]({ path, key: "A", value }, commanded(id))
const restore = (path: string, backup?: string) =>
  performersFor(own)["config.restore"]({ path, ...(backup === undefined ? {} : { backup }) }, commanded())
const failingAt = (failing: string): Surroundings => ({
  ...own,
  onStep: (step) => {
    if (step === failing) throw new Error("stop here")
  }
})
/** As a process leaves it that is killed there: its record is without an end, and so is the file. */
const unfinished = async (path: string, value: string): Promise<string> => {
  const id = randomUUID()
  const before = await text(path)
  await set(path, value, failingAt("verdict"), id)
  for (const name of ["verdict", "finished.json"]) await rm(join(own.stateDirectory, "config", id, name))
  await writeFile(path, before.replace(/^A=.*$/mu, `A=${value}`))
  return id
}
const boot = async () => (await text("/proc/sys/kernel/random/boot_id")).trim()

it("nothing is built upon a change that may still be taken back by itself", async () => {
  const path = at("app.env")
  await writeFile(path, "A=1\n")
  const id = await unfinished(path, "2")
  await hold(own.stateDirectory, id, { until: Date.now() + 600_000, bootId: await boot() })
  const done = await set(path, "3")
  expect(done).toMatchObject({ outcome: "refused" })
  expect(done.summary).toMatch(/still waits for the word/)
  expect(await set(at("app.env"), "2")).toMatchObject({ data: { changed: false } })
  expect(await restoreChange(own, id)).toMatchObject({ restored: true })
  expect(await text(path)).toBe("A=1\n")
  expect(await set(path, "3")).toMatchObject({ outcome: "succeeded" })
})

it("what an earlier change left unfinished is taken back first, and the plan that knew only its half is refused", async () => {
  const path = at("app.env")
  await writeFile(path, "A=1\nB=1\n")
  const id = await unfinished(path, "2")
  expect(await set(path, "3")).toMatchObject({ outcome: "refused" })
  expect(await text(path)).toBe("A=1\nB=1\n")
  expect((await readRecord(own.stateDirectory, id)).finished?.as).toBe("restored")
  expect(await set(path, "3")).toMatchObject({ outcome: "succeeded" })
})

it.each(["check-file", "exchange-0"])(
  "what somebody writes at the step %s is neither lost nor overwritten",
  async (when) => {
    const path = at("app.env")
    await writeFile(path, "A=1\n")
    const done = await set(path, "2", {
      ...own,
      onStep: (step) => {
        if (step === when) writeFileSync(path, "A=9 # mine\n")
      }
    })
    expect(["refused", "rolled-back"]).toContain(done.outcome)
    expect(done.summary).toMatch(/changed by somebody else/)
    expect(await text(path)).toBe("A=9 # mine\n")
    expect((await readdir(join(root, "etc"))).filter((name) => name.startsWith(".signalbox-"))).toEqual([])
  }
)

it("what was a file and became something else is left alone by a restore", async () => {
  const path = at("app.env")
  await writeFile(path, "A=1\n")
  const id = await unfinished(path, "2")
  await rm(path)
  await mkdir(path)
  expect((await restoreChange(own, id)).note).toMatch(/left alone/)
  expect((await stat(path)).isDirectory()).toBe(true)
})

it("rights that somebody gave the old file meanwhile stay", async () => {
  const path = at("app.env")
  await writeFile(path, "A=1\n")
  const id = await unfinished(path, "2")
  await writeFile(path, "A=1\n")
  await chmod(path, 0o600)
  await restoreChange(own, id)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

it("a restore without the name of a backup does not take away what somebody wrote since, one with it keeps that as a backup", async () => {
  const path = at("app.env")
  await writeFile(path, "A=1\n")
  const id = randomUUID()
  await set(path, "2", own, id)
  await writeFile(path, "A=2\nB=mine\n")
  const done = await restore(path)
  expect(done).toMatchObject({ outcome: "refused" })
  expect(done.summary).toMatch(new RegExp(`changed by somebody else.*${id}`, "u"))
  expect(await text(path)).toBe("A=2\nB=mine\n")
  expect(await restore(path, id)).toMatchObject({ outcome: "succeeded" })
  expect(await text(path)).toBe("A=1\n")
  expect(await restore(path)).toMatchObject({ outcome: "succeeded" })
  expect(await text(path)).toBe("A=2\nB=mine\n")
})

it("a backup that is not what was put there is put nowhere", async () => {
  const path = at("app.env")
  await writeFile(path, "A=1\n")
  const id = randomUUID()
  await set(path, "2", own, id)
  await writeFile(join(own.stateDirectory, "config", id, "before-0"), "A=0\n")
  expect(await restore(path)).toMatchObject({ outcome: "refused", summary: expect.stringMatching(/damaged/) })
  expect(await text(path)).toBe("A=2\n")
  const half = await unfinished(path, "3")
  await writeFile(join(own.stateDirectory, "config", half, "before-0"), "")
  await expect(restoreChange(own, half)).rejects.toThrow(/damaged/)
  expect(await text(path)).toBe("A=3\n")
})

it("where nothing can be kept for the way back nothing is changed, and that is what is said", async () => {
  const path = at("app.env")
  await writeFile(path, "A=1\n")
  await writeFile(join(root, "state"), "in the way")
  const done = await set(path, "2")
  expect(done).toMatchObject({ outcome: "refused", summary: expect.stringMatching(/Nothing was changed/) })
  expect(await text(path)).toBe("A=1\n")
})

it("attempts that fail push no backups out, and do not pile up", async () => {
  const path = at("app.env")
  await writeFile(path, "A=1\n")
  const id = randomUUID()
  await set(path, "2", own, id)
  const [kept] = await allRecords(own.stateDirectory)
  for (let n = 0; n < 25; n++) {
    const copy = join(own.stateDirectory, "config", `try-${n}`)
    await mkdir(copy)
    await writeFile(
      join(copy, "manifest.json"),
      JSON.stringify({ ...kept?.manifest, id: `try-${n}`, at: Date.now() + 1_000 + n })
    )
    await writeFile(join(copy, "finished.json"), JSON.stringify({ as: "restored", at: 1, note: "" }))
  }
  await prune(own.stateDirectory)
  const left = (await allRecords(own.stateDirectory)).map(({ manifest }) => manifest.id)
  expect(left).toHaveLength(21)
  expect(left).toContain(id)
})

it("nobody but root may lead the way, not by a link in the middle either", async () => {
  await mkdir(at("real"))
  await writeFile(at("real/app.env"), "A=1\n")
  await mkdir(at("open"))
  await symlink(at("real"), at("open/on"))
  await symlink(at("open/on"), at("led"))
  await symlink("real/../real", at("good"))
  await symlink("circle", at("circle"))
  await symlink("nothing", at("dangling"))
  await chmod(at("open"), 0o777)
  expect(await closedWay(at("good/app.env"))).toBe(at("real/app.env"))
  expect(await closedWay(at("good/new.env"))).toBe(at("real/new.env"))
  for (const [path, why] of [
    [at("led/app.env"), /Others than root/],
    [at("open/on/app.env"), /Others than root/],
    [at("circle"), /circle/],
    [at("dangling"), /leads nowhere/],
    [at("real/app.env/x"), /no directory/],
    [at("none/x"), /does not exist/]
  ] as const)
    await expect(closedWay(path), path).rejects.toThrow(why)
  await chmod(at("open"), 0o755)
  await chown(at("open"), 65_534, 65_534)
  await expect(closedWay(at("led/app.env"))).rejects.toThrow(/Others than root/)
  expect(await set(at("led/app.env"), "2")).toMatchObject({ outcome: "refused" })
  expect(await text(at("real/app.env"))).toBe("A=1\n")
})

it("results tell hashes, and no contents", async () => {
  const path = at("app.conf")
  await writeFile(path, "a secret line of before\n")
  const content = "another secret line\n"
  const done = await performersFor(own)["config.write"](
    { path, content, tag: sha256("a secret line of before\n") },
    commanded()
  )
  expect(done).toMatchObject({ outcome: "succeeded" })
  expect(JSON.stringify(done)).toContain(sha256(content))
  const back = await restore(path)
  expect(back).toMatchObject({ outcome: "succeeded" })
  expect(JSON.stringify([done, back, await performersFor(own)["config.backups"]({}, commanded())])).not.toMatch(
    /secret line/
  )
})

it("what runs the agent is not changed by the agent", async () => {
  const everywhere = { ...own, configRoots: ["/etc"] }
  for (const path of [
    "/etc/systemd/system/signalbox-agent.service",
    "/etc/systemd/system/signalbox-agent-helper.service.d/x.conf",
    "/etc/systemd/system/multi-user.target.wants/signalbox-agent.service",
    "/etc/signalbox-agent/agent.json"
  ])
    expect(await performersFor(everywhere)["config.write"]({ path, content: "x" }, commanded()), path).toMatchObject({
      outcome: "refused",
      summary: expect.stringMatching(/is not changed by an agent/)
    })
})

it("the way to a host is changed only with a restore by itself", async () => {
  const everywhere = { ...own, configRoots: ["/etc"] }
  const content = await text("/etc/hosts")
  const done = await performersFor(everywhere)["config.write"](
    { path: "/etc/hosts", content, tag: sha256(content) },
    commanded()
  )
  expect(done).toMatchObject({ outcome: "refused", summary: expect.stringMatching(/way to this host hangs/) })
})
