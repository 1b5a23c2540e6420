/** What counts as falling over after the answer, told of real processes and of what systemd says. */
import { spawn } from "node:child_process"
import { describe, expect, it } from "vitest"
import { startOf } from "../process/stat.ts"
import { fellOver, lasting } from "./lasting.ts"
import { unitOf } from "./unit.ts"

const running =
  "Id=web.service\nType=simple\nActiveState=active\nSubState=running\nResult=success\nNRestarts=1\nInvocationID=aa\n"
const unit = (text: string, started: number | null = null) => unitOf("web.service", text, started)

describe("a unit after its act was answered", () => {
  it.each([
    ["it failed", "ActiveState=failed\nSubState=failed\nResult=exit-code\nNRestarts=1", true],
    ["systemd is about to start it anew", "ActiveState=activating\nSubState=auto-restart\nNRestarts=1", true],
    ["systemd has started it anew", "ActiveState=active\nSubState=running\nNRestarts=2\nInvocationID=bb", true],
    ["it ended by a signal", "ActiveState=inactive\nSubState=dead\nResult=signal\nNRestarts=1", true],
    ["somebody stopped it", "ActiveState=inactive\nSubState=dead\nResult=success\nNRestarts=1", false],
    ["somebody is stopping it", "ActiveState=deactivating\nSubState=stop-sigterm\nNRestarts=1", false],
    ["somebody restarted it", "ActiveState=active\nSubState=running\nNRestarts=0\nInvocationID=bb", false]
  ])("%s: %j", (_, text, fell) => {
    expect(fellOver(unit(running), unit(text))).toBe(fell)
  })

  it("is left alone as long as its process lives, however long that is looked at", async () => {
    const child = spawn("sleep", ["60"])
    const pid = child.pid ?? 0
    try {
      const seen = unit(`${running}MainPID=${pid}`, await startOf(pid))
      // systemd, were it asked, would know no such unit
      expect(await lasting(seen, "restarted", 600)(AbortSignal.timeout(60_000))).toBeUndefined()
    } finally {
      child.kill()
    }
  })

  it("of a unit that does its work and ends nothing is expected", async () => {
    const oneshot = unit(running.replace("simple", "oneshot"))
    expect(await lasting(oneshot, "started")(AbortSignal.timeout(60_000))).toBeUndefined()
  })
})
