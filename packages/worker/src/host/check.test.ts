import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { release } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { localHost as local } from "@signalbox/core/host/view.ts"
import { Effect } from "effect"
import { afterAll, beforeAll } from "vitest"
import { freePort } from "../../../../test/support/free-port.ts"
import { type Sshd, startSshd, testLog } from "../../../../test/support/sshd.ts"
import { check, type ToolProbe } from "./check.ts"
import { transportLayer } from "./TransportLive.ts"

let sshd: Sshd
beforeAll(async () => {
  sshd = await startSshd()
  const bin = join(sshd.home, ".local", "bin")
  mkdirSync(bin, { recursive: true })
  const tool = (name: string, body: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  tool("good", 'echo "Good Tool"; echo "good 1.2.3 ($*)"')
  tool("hung", "exec sleep 60")
  tool("silent", "exit 1")
})
afterAll(() => sshd.dispose())

const using = () =>
  Effect.provide(
    transportLayer({
      log: testLog,
      ssh: { resolve: () => Effect.succeed(undefined), home: sshd.home, env: {}, knownHosts: [sshd.knownHosts] },
      local: { home: sshd.home, env: process.env }
    })
  )
const tools: ReadonlyArray<ToolProbe> = [
  { name: "Good", binary: "good", versionArgs: ["--version", "it's $(id)"] },
  { name: "Hung", binary: "hung", versionArgs: [] },
  { name: "Silent", binary: "silent", versionArgs: [] },
  { name: "None", binary: "no such; touch ~/pwned", versionArgs: [] }
]

describe("a look at a host", () => {
  for (const kind of ["local", "ssh"] as const)
    it.live(`by ${kind} tells what is there, and a tool that hangs does not hold it up`, () =>
      Effect.gen(function* () {
        const report = yield* check(kind === "local" ? local : sshd.host("web"), tools)
        assert.isTrue(report.reachable, report.problem)
        assert.deepEqual(report.tools, [
          { name: "Good", version: "good 1.2.3 (--version it's $(id))" },
          { name: "Hung", version: "version unknown" },
          { name: "Silent", version: "version unknown" },
          { name: "None", version: null }
        ])
        assert.strictEqual(report.bootId, readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim())
        assert.strictEqual(report.root, process.getuid?.() === 0)
        assert.strictEqual(report.kernel, `Linux ${release()}`)
        assert.strictEqual(report.load?.length, 3)
        assert.match(report.tmux ?? "", /^\d+\.\d/u)
        for (const value of [
          report.cpus,
          report.memoryTotalBytes,
          report.memoryAvailableBytes,
          report.diskFreeBytes,
          report.uptimeSeconds
        ])
          assert.isAbove(value ?? 0, 0)
        assert.strictEqual(report.sessions, 0)
        assert.isBelow(report.latencyMs ?? Infinity, 5_000) // that long the hung one is waited for
      }).pipe(using())
    )
  it.live("that is not there is a report with the reason", () =>
    Effect.gen(function* () {
      const port = yield* Effect.promise(freePort)
      const report = yield* check(sshd.host("gone", { port }), tools)
      assert.isFalse(report.reachable)
      assert.match(report.problem ?? "", /^gone is not reachable: nothing listens at 127\.0\.0\.1:/u)
    }).pipe(using())
  )
})
