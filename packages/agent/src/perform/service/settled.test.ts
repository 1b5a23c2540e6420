/** The proof's short look after a start, told of real processes and of what systemd said. */
import { type ChildProcess, spawn } from "node:child_process"
import { afterEach, describe, expect, it } from "vitest"
import { startOf } from "../process/stat.ts"
import { settled, type Unit, unitOf } from "./unit.ts"

const hour = 3_600_000
const children: Array<ChildProcess> = []
afterEach(() => children.splice(0).forEach((child) => child.kill("SIGKILL")))

/** Systemd, were it asked, would know no such unit: whoever is steady here was seen in the process alone. */
const unitWith = async (type: string, activeAtMicros: number): Promise<Unit & { readonly child: ChildProcess }> => {
  const child = spawn("sleep", ["600"])
  children.push(child)
  const pid = child.pid ?? 0
  const text = `Id=signalbox-test-nobody.service\nType=${type}\nActiveState=active\nSubState=running\nResult=success\nInvocationID=aa\nMainPID=${pid}\nActiveEnterTimestampMonotonic=${activeAtMicros}\n`
  return { ...unitOf("signalbox-test-nobody.service", text, await startOf(pid)), child }
}
const ended = (child: ChildProcess) =>
  new Promise<void>((resolve) => {
    child.once("exit", () => resolve())
    child.kill("SIGKILL")
  })
const signal = () => AbortSignal.timeout(60_000)
const took = async (work: Promise<unknown>): Promise<number> => {
  const began = performance.now()
  await work
  return performance.now() - began
}

describe("since when a unit is what it is", () => {
  const shown = (active: string) =>
    unitOf(
      "a.service",
      `Id=a.service\nActiveState=${active}\nActiveEnterTimestamp=started\nActiveExitTimestamp=stopping\nInactiveEnterTimestamp=stopped\nInactiveExitTimestamp=starting\n`,
      null
    ).since

  it("is when it came into that state, not when it was last started", () => {
    expect(["active", "reloading", "inactive", "failed", "activating", "deactivating"].map(shown)).toEqual([
      "started",
      "started",
      "stopped",
      "stopped",
      "starting",
      "stopping"
    ])
  })
})

describe("a unit that has just become active", () => {
  it("is steady while its main process is the same, without asking systemd again", async () => {
    const unit = await unitWith("simple", 1_000_000)
    expect(await settled(unit, signal())).toEqual({ unit, steady: true })
  })

  it("is waited for from the moment at which it became active", async () => {
    const now = hour
    const fresh = await unitWith("simple", now * 1_000)
    expect(await took(settled(fresh, signal(), now))).toBeGreaterThanOrEqual(249)
    const said = await unitWith("forking", now * 1_000)
    expect(await took(settled(said, signal(), now))).toBeGreaterThanOrEqual(99)
    const unknown = await unitWith("simple", 0)
    expect(await took(settled(unknown, signal(), now))).toBeGreaterThanOrEqual(249)
    const ahead = await unitWith("simple", 2 * now * 1_000)
    expect(await took(settled(ahead, signal(), now))).toBeGreaterThanOrEqual(249)
  })

  it("is not steady when its main process ends within that moment", async () => {
    const unit = await unitWith("simple", hour * 1_000)
    const look = settled(unit, signal(), hour)
    await ended(unit.child)
    expect((await look).steady).toBe(false)
  })

  it("is not steady when it is not active", async () => {
    const unit = { ...(await unitWith("simple", 1_000_000)), active: "failed", result: "exit-code" }
    expect(await settled(unit, signal())).toEqual({ unit, steady: false })
  })
})
