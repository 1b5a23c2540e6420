import { assert, describe, it } from "@effect/vitest"
import { cpuPercent, cpuTimes, loadOfMinute, memory, osName, percent, uptimeSeconds } from "./proc.ts"

const stat = (line: string) => `${line}\ncpu0 1 1 1 1 1 1 1 1 1 1\nintr 5\n`

describe("the kernel's files", () => {
  it("give processor time in use between two looks, guests counted once", () => {
    const before = cpuTimes(stat("cpu  100 0 50 800 50 0 0 0 40 0"))
    const after = cpuTimes(stat("cpu  150 0 75 860 65 0 0 0 90 0"))
    assert.deepStrictEqual(before, { busy: 150, total: 1000 })
    assert.strictEqual(cpuPercent(before, after), 50)
    assert.strictEqual(cpuPercent(after, after), 0)
    assert.deepStrictEqual(cpuTimes(""), { busy: 0, total: 0 })
  })
  it("give memory by what is available, not by what is free", () => {
    const { totalBytes, availableBytes, swapTotalBytes, swapFreeBytes } = memory(
      "MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     750 kB\nSwapTotal:       10 kB\nSwapFree:        4 kB\n"
    )
    assert.deepStrictEqual(
      [totalBytes, availableBytes, swapTotalBytes, swapFreeBytes],
      [1_024_000, 768_000, 10_240, 4_096]
    )
  })
  it("give load and uptime", () => {
    assert.strictEqual(loadOfMinute("0.52 0.58 0.59 1/497 12345\n"), 0.52)
    assert.strictEqual(uptimeSeconds("35123.45 12345.67\n"), 35_123.45)
  })
  it.each([
    ['PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\n', "Debian GNU/Linux 12 (bookworm)"],
    ["NAME=Alpine\n", "Alpine"],
    ["", "Linux"]
  ])("name the system: %j", (text, name) => {
    assert.strictEqual(osName(text), name)
  })
  it("stay within 0 and 100 percent", () => {
    assert.deepStrictEqual([percent(5, 0), percent(-1, 10), percent(11, 10), percent(1, 3)], [0, 0, 100, 33.3])
  })
})
