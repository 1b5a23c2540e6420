import { readFileSync } from "node:fs"
import { expect, it } from "vitest"

const text = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8")

it("every variable that is read is in docs/settings.md, and no other", () => {
  const named = (from: string, pattern: RegExp) => new Set(Array.from(from.matchAll(pattern), ([, name = ""]) => name))
  const read = named(text("./Settings.ts"), /"([A-Z]+(?:_[A-Z]+)+)"/gu)
  const documented = named(text("../../../../docs/settings.md"), /`([A-Z]+(?:_[A-Z]+)+)`/gu)
  const elsewhere = ["SIGNALBOX_HOME", "SIGNALBOX_TOKEN", "SIGNALBOX_HUB_URL", "SIGNALBOX_HUB_FINGERPRINT", "NO_COLOR"]
  expect(read.size).toBeGreaterThan(20)
  expect([...documented].toSorted()).toEqual([...new Set([...read, ...elsewhere])].toSorted())
})
