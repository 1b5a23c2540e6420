/** Files are changed whole or not at all, only where they may be, and can be put back: on a real disk, without services. */
import { randomUUID } from "node:crypto"
import { execFileSync } from "node:child_process"
import { chmod, link, mkdir, readdir, readFile, realpath, rm, stat, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it } from "vitest"
import type { ActionArgs } from "@signalbox/core/action/catalog.ts"
import type { Performed } from "../Performer.ts"
import { commanded, withConfiguration } from "../../../../../test/support/agent-hooks.ts"
import { performersFor } from "../performers.ts"
import type { Surroundings } from "../Surroundings.ts"
import { mark } from "../text/mask.ts"
import { afterCrash, afterGuard, recoverChanges, releaseGuard, restoreChange } from "./back.ts"
import { sha256 } from "./node.ts"
import { giveVerdict, hold, readRecord } from "./store.ts"

let root: string
let own: Surroundings

withConfiguration((directory, surroundings) => {
  root = directory
  own = surroundings
})

const at = (name: string) => join(root, "etc", name)
const write = (args: ActionArgs<"config.write">, with_ = own, commandId: string = randomUUID()): Promise<Performed> =>
  performersFor(with_)["config.write"](args, commanded(commandId))
const leftovers = async () =>
  (await readdir(join(root, "etc"), { recursive: true })).filter((name) => name.includes(".signalbox-"))
const snapshot = async (path: string) => {
  const { mode, uid, gid, mtimeMs } = await stat(path)
  return { text: await readFile(path, "utf8"), mode, uid, gid, mtimeMs }
}

it("a file is made, replaced with its mode kept, and put back with its mode and time", async () => {
  const path = at("app.env")
  expect(await write({ path, content: "A=1\n" })).toMatchObject({ outcome: "succeeded" })
  await chmod(path, 0o4750)
  const before = await snapshot(path)
  expect(await write({ path, content: "A=2\n", tag: sha256("A=1\n") })).toMatchObject({ outcome: "succeeded" })
  expect(await snapshot(path)).toMatchObject({ text: "A=2\n", mode: before.mode })
  const { backups } = (await performersFor(own)["config.backups"]({ path }, commanded())).data as {
    backups: ReadonlyArray<{ id: string }>
  } // as it is told
  expect(backups).toHaveLength(2)
  expect(await performersFor(own)["config.restore"]({ path }, commanded())).toMatchObject({ outcome: "succeeded" })
  expect(await snapshot(path)).toMatchObject({ text: before.text, mode: before.mode, uid: before.uid, gid: before.gid })
  expect(await performersFor(own)["config.restore"]({ path, backup: backups[1]?.id ?? "" }, commanded())).toMatchObject(
    {
      outcome: "succeeded"
    }
  )
  await expect(stat(path)).rejects.toThrow(/ENOENT/) // before the first change it was not there
  expect(await leftovers()).toEqual([])
})

it("a tag that is not the file's, a missing one, a masked text, the same command again: refused, and nothing is touched", async () => {
  const path = at("app.env")
  await writeFile(path, "SECRET_TOKEN=hunter2\n")
  const before = await snapshot(path)
  const tag = sha256(before.text)
  const read = await performersFor(own)["config.read"]({ path }, commanded())
  expect(read.data).toMatchObject({ sha256: tag, content: `SECRET_TOKEN=${mark}\n`, masked: true, exact: false })
  expect(await write({ path, content: "x" })).toMatchObject({ outcome: "refused" })
  expect(await write({ path, content: "x", tag: sha256("other") })).toMatchObject({ outcome: "refused" })
  expect(await write({ path, content: `SECRET_TOKEN=${mark}\n`, tag })).toMatchObject({ outcome: "refused" })
  expect(await snapshot(path)).toEqual(before)
  const id = randomUUID()
  expect(await write({ path, content: "y", tag }, own, id)).toMatchObject({ outcome: "succeeded" })
  expect(await write({ path, content: "z", tag: sha256("y") }, own, id)).toMatchObject({ outcome: "refused" })
  expect(await readFile(path, "utf8")).toBe("y")
})

it("links that lead out, FIFOs, directories of others, files of the agent: refused", async () => {
  await writeFile(join(root, "outside"), "x")
  await symlink(join(root, "outside"), at("out.conf"))
  await mkdir(join(root, "elsewhere"))
  await symlink(join(root, "elsewhere"), at("dir"))
  await symlink(at("nowhere"), at("dangling.conf"))
  execFileSync("mkfifo", [at("pipe.conf")])
  await mkdir(at("open"))
  await chmod(at("open"), 0o777)
  await mkdir(at("agent"))
  await writeFile(at("twice.conf"), "x")
  await link(at("twice.conf"), at("other.conf"))
  for (const path of [
    at("out.conf"),
    at("dir/new.conf"),
    at("dangling.conf"),
    at("pipe.conf"),
    at("open/x.conf"),
    at("twice.conf"),
    at("agent/key"),
    join(own.stateDirectory, "x"),
    "/etc/shadow",
    join(root, "outside")
  ]) {
    expect(await write({ path, content: "evil", tag: sha256("x") }), path).toMatchObject({ outcome: "refused" })
    expect(await write({ path, content: "evil" }), path).toMatchObject({ outcome: "refused" })
  }
  for (const path of [at("out.conf"), at("pipe.conf"), at("agent"), at("dir")])
    expect(await performersFor(own)["config.read"]({ path }, commanded()), path).toMatchObject({ outcome: "refused" })
  expect(await readFile(join(root, "outside"), "utf8")).toBe("x")
  expect(await readdir(join(root, "elsewhere"))).toEqual([])
})

it("a link inside leads to the file that is changed, and stays a link", async () => {
  await writeFile(at("real.env"), "A=1\n")
  await symlink("real.env", at("link.env"))
  expect(
    await performersFor(own)["config.set"]({ path: at("link.env"), key: "A", value: "2" }, commanded())
  ).toMatchObject({
    outcome: "succeeded"
  })
  expect(await readFile(at("real.env"), "utf8")).toBe("A=2\n")
  expect(await realpath(at("link.env"))).toBe(at("real.env"))
})

it.each(["beside", "check-file", "guard", "exchange-0", "check-all", "reload", "look", "verdict"])(
  "what fails at the step %s is taken back, byte for byte",
  async (failing) => {
    const path = at("app.env")
    await writeFile(path, "A=1\n")
    await chmod(path, 0o640)
    const before = await snapshot(path)
    const onStep = (step: string) => {
      if (step === failing) throw new Error("the disk is on fire")
    }
    const done = await write({ path, content: "A=2\n", tag: sha256("A=1\n") }, { ...own, onStep })
    expect(done).toMatchObject({ outcome: "rolled-back", proven: false })
    expect(done.summary).toMatch(/the disk is on fire.*as before/)
    expect(await snapshot(path)).toEqual(before)
    expect(await leftovers()).toEqual([])
    expect(await recoverChanges(own)).toEqual([])
  }
)

it("what fails after the verdict takes nothing back", async () => {
  const path = at("app.env")
  const id = randomUUID()
  const onStep = (step: string) => {
    if (step === "finish") throw new Error("the disk is full")
  }
  expect(await write({ path, content: "A=2\n" }, { ...own, onStep }, id)).toMatchObject({ outcome: "succeeded" })
  expect(await readFile(path, "utf8")).toBe("A=2\n")
  expect((await readRecord(own.stateDirectory, id)).finished?.as).toBe("kept")
})

it("what somebody else wrote meanwhile is never taken away by a restore", async () => {
  const path = at("app.env")
  await writeFile(path, "A=1\n")
  const id = randomUUID()
  const onStep = (step: string) => {
    if (step !== "look") return
    execFileSync("sh", ["-c", `echo B=3 >${path}`])
  }
  const done = await write({ path, content: "A=2\n", tag: sha256("A=1\n") }, { ...own, onStep }, id)
  expect(done).toMatchObject({ outcome: "rolled-back" })
  expect(done.summary).toMatch(/left alone/)
  expect(await readFile(path, "utf8")).toBe("B=3\n")
})

it("the first verdict stands, however many are given at once", async () => {
  const id = randomUUID()
  await write(
    { path: at("a.env"), content: "A=1\n" },
    {
      ...own,
      onStep: (step) => {
        if (step === "verdict") throw new Error("stop here")
      }
    },
    id
  )
  const record = join(own.stateDirectory, "config", id)
  for (let round = 0; round < 10; round++) {
    await rm(join(record, "verdict"), { force: true })
    const verdicts = await Promise.all(
      Array.from({ length: 20 }, (_, n) => giveVerdict(own.stateDirectory, id, (n + round) % 2 === 0 ? "keep" : "back"))
    )
    expect(new Set(verdicts).size).toBe(1)
    expect((await readRecord(own.stateDirectory, id)).verdict).toBe(verdicts[0])
  }
  expect(await releaseGuard(own, id)).toBe(false)
  expect(await afterCrash(own, id)).toMatchObject({ outcome: "rolled-back" })
  expect(await afterCrash(own, randomUUID())).toBeUndefined()
})

it("a held change: kept by the word, restored by the timer, recovered after another boot, and each only once", async () => {
  const path = at("app.env")
  const held = async (value: string, boot: string, until: number) => {
    const id = randomUUID()
    await rm(path, { force: true })
    // as a change leaves it that was made under a guard: exchanged, with no verdict
    await write(
      { path, content: value },
      {
        ...own,
        onStep: (step) => {
          if (step === "verdict") throw new Error("held")
        }
      },
      id
    )
    await rm(join(own.stateDirectory, "config", id, "verdict"))
    await rm(join(own.stateDirectory, "config", id, "finished.json"))
    await writeFile(path, value)
    await hold(own.stateDirectory, id, { until, bootId: boot })
    return id
  }
  const boot = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim()
  const later = Date.now() + 600_000

  const kept = await held("A=1\n", boot, later)
  expect(await recoverChanges(own)).toEqual([]) // its timer still runs
  expect(await afterCrash(own, kept)).toMatchObject({ outcome: "succeeded", data: { heldUntil: later } })
  expect(await releaseGuard(own, kept)).toBe(true)
  expect(await restoreChange(own, kept)).toMatchObject({ restored: false }) // the timer came too late
  expect(await readFile(path, "utf8")).toBe("A=1\n")
  expect(await afterGuard(own, kept)).toBeUndefined()

  const early = await held("A=3\n", boot, later)
  await rm(join(own.stateDirectory, "config", early, "held.json")) // as it is while the change is still being made
  expect(await releaseGuard(own, early)).toBe(false)
  expect(await restoreChange(own, early)).toMatchObject({ restored: true })
  await expect(stat(path)).rejects.toThrow(/ENOENT/)

  const restored = await held("A=2\n", boot, later)
  expect(await restoreChange(own, restored)).toMatchObject({ restored: true })
  expect(await restoreChange(own, restored)).toMatchObject({ restored: true })
  expect(await releaseGuard(own, restored)).toBe(false)
  expect(await afterGuard(own, restored)).toMatchObject({ outcome: "rolled-back" })
  await expect(stat(path)).rejects.toThrow(/ENOENT/)

  for (const [bootId, until] of [["another boot", later] as const, [boot, Date.now() - 1] as const]) {
    const id = await held("A=3\n", bootId, until)
    expect(await recoverChanges(own)).toMatchObject([{ id, restored: true }])
    expect(await recoverChanges(own)).toEqual([])
    expect((await readRecord(own.stateDirectory, id)).finished?.as).toBe("restored")
    await expect(stat(path)).rejects.toThrow(/ENOENT/)
  }
})

it("restored by several at once, the file is the one of before: never empty, never by halves", async () => {
  const path = at("app.env")
  const old = "A=1\n".repeat(2000)
  for (let round = 0; round < 12; round++) {
    const id = randomUUID()
    await writeFile(path, old)
    await write({ path, content: "A=2\n", tag: sha256(old) }, own, id)
    // as it is while the hub's word is awaited
    await rm(join(own.stateDirectory, "config", id, "verdict"))
    await rm(join(own.stateDirectory, "config", id, "finished.json"))
    await hold(own.stateDirectory, id, { until: Date.now() + 600_000, bootId: "this" })
    const backs = await Promise.allSettled(Array.from({ length: 4 }, () => restoreChange(own, id)))
    expect(backs.filter(({ status }) => status === "fulfilled")).not.toEqual([])
    expect(sha256(await readFile(path))).toBe(sha256(old))
    expect((await readRecord(own.stateDirectory, id)).finished?.as).toBe("restored")
    await restoreChange(own, id)
    expect(await leftovers()).toEqual([])
  }
})
