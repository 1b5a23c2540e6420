/** Programs of the host: bounded, ended with all that they started, and given nothing of our environment. */
import { randomInt, randomUUID } from "node:crypto"
import { readdir, readFile } from "node:fs/promises"
import { createServer } from "node:net"
import { spawn } from "node:child_process"
import { describe, expect, it } from "vitest"
import { programPath, run } from "./child.ts"
import type { Performing } from "./Performer.ts"
import { http } from "./network/http.ts"
import { dns } from "./network/dns.ts"
import { port } from "./network/port.ts"
import { answering } from "./outcome.ts"
import { listProcesses } from "./process/list.ts"
import { signalProcess } from "./process/signal.ts"
import { readStat, startOf } from "./process/stat.ts"
import { runShell } from "./shell.ts"

const signal = () => AbortSignal.timeout(20_000)
const of = (): Performing => ({ commandId: randomUUID(), signal: signal() })

const gone = async (pid: number): Promise<void> => {
  const until = Date.now() + 10_000
  while ((await startOf(pid)) !== null) {
    if (Date.now() > until) throw new Error(`${pid} still runs`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Waits until no process has it in its command line. */
const noneHas = async (marker: string): Promise<void> => {
  const until = Date.now() + 10_000
  for (;;) {
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/u.test(name))
    const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")))
    if (!lines.some((line) => line.includes(marker))) return
    if (Date.now() > until) throw new Error(`a process with ${marker} still runs`)
  }
}

describe("run", () => {
  it("a fixed environment, whatever ours is", async () => {
    process.env["SIGNALBOX_TEST_SECRET"] = "hunter2"
    const ran = await run("env", [], { signal: signal() })
    expect(ran.stdout).toMatch(/^LC_ALL=C$/m)
    expect(ran.stdout).not.toMatch(/SIGNALBOX|hunter2/)
  })
  it("output beyond the limit is read and dropped, so that the program comes to its end", async () => {
    const ran = await run("head", ["-c", "5000000", "/dev/zero"], { signal: signal(), maxBytes: 1000 })
    expect(ran).toMatchObject({ code: 0, truncated: true, ended: "by itself" })
    expect(ran.stdout).toHaveLength(1000)
  })
  it.each(["time limit", "abort"] as const)("at the %s it is ended with all that it started", async (why) => {
    const abort = new AbortController()
    const marker = `1000.${randomInt(2 ** 40)}`
    const ran = run("sh", ["-c", `trap '' TERM; sleep ${marker} & echo begun; wait`], {
      signal: abort.signal,
      graceMs: 100,
      ...(why === "time limit" ? { timeoutMs: 1_000 } : {}),
      onChunk: () => {
        if (why === "abort") abort.abort()
        return true
      }
    })
    expect(await ran).toMatchObject({ code: null, ended: why })
    await noneHas(marker)
  })
  it("a daemon that it leaves behind with its pipes is not waited for", async () => {
    const ran = await run("sh", ["-c", "sleep 1000 & echo $!"], { signal: signal() })
    expect(ran.code).toBe(0)
    process.kill(Number(ran.stdout), "SIGKILL")
  })
  it("no program outside the fixed directories, whatever it is called", async () => {
    for (const name of ["../bin/sh", "/bin/sh", "", "sh ", "-x", "no-such-program"])
      expect(await programPath(name), name).toBeUndefined()
    await expect(run("no-such-program", [], { signal: signal() })).rejects.toThrow(/has no no-such-program/)
  })
})

describe("processes", () => {
  it("one is ended by number and start time, and by nothing less", async () => {
    const child = spawn("sleep", ["1000"], { stdio: "ignore" })
    const pid = child.pid ?? 0
    const started = (await startOf(pid)) ?? 0
    const end = answering(signalProcess)
    expect(await end({ pid, started: started + 1, signal: "KILL" }, of())).toMatchObject({ outcome: "refused" })
    expect(await startOf(pid)).toBe(started)
    expect(await end({ pid, started, signal: "HUP" }, of())).toMatchObject({ outcome: "succeeded", proven: false })
    await gone(pid)
    expect(await end({ pid, started, signal: "TERM" }, of())).toMatchObject({ outcome: "refused" })
    const own = await readStat(process.pid)
    expect(await end({ pid: process.pid, started: own?.started ?? 0, signal: "TERM" }, of())).toMatchObject({
      outcome: "refused"
    })
  })
  it("TERM is proven by the end of the process", async () => {
    const child = spawn("sleep", ["1000"], { stdio: "ignore" })
    const started = (await startOf(child.pid ?? 0)) ?? 0
    expect(await signalProcess({ pid: child.pid ?? 0, started, signal: "TERM" }, of())).toMatchObject({
      outcome: "succeeded",
      proven: true
    })
  })
  it("are listed with their start times, their command lines masked", async () => {
    const child = spawn("sleep", ["1000"], { argv0: "needle-in-hay --password=hunter2", stdio: "ignore" })
    const found = await listProcesses({ text: "needle-in-hay", count: 5 }, of())
    child.kill("SIGKILL")
    expect(found.data).toMatchObject({
      processes: [{ pid: child.pid, command: "needle-in-hay --password=[masked] 1000" }]
    })
  })
  it("a shell command leaves nothing in its background", async () => {
    const marker = `1000.${randomInt(2 ** 40)}`
    expect(await runShell({ command: `sleep ${marker} & echo begun` }, of())).toMatchObject({ outcome: "succeeded" })
    await noneHas(marker)
  })
  it("a thread is not taken for a process, nor a thread of this agent for another", async () => {
    const threads = (await readdir("/proc/self/task")).map(Number).filter((id) => id !== process.pid)
    const [thread] = threads
    const started = thread === undefined ? 0 : ((await startOf(thread)) ?? 0)
    expect(await answering(signalProcess)({ pid: thread ?? 0, started, signal: "KILL" }, of())).toMatchObject({
      outcome: "refused",
      summary: expect.stringMatching(/is a thread/)
    })
  })
  it("a shell command: code, output, time limit", async () => {
    expect(await runShell({ command: "echo out; echo err >&2; exit 3" }, of())).toMatchObject({
      outcome: "failed",
      data: { exitCode: 3, stdout: "out\n", stderr: "err\n" }
    })
    expect(
      await answering(runShell)({ command: "sleep 1000" }, { ...of(), signal: AbortSignal.timeout(200) })
    ).toMatchObject({
      outcome: "failed"
    })
  })
})

describe("network", () => {
  it("a port that is open, one that is closed, a page", async () => {
    const server = createServer((socket) => {
      socket.resume()

      socket.end("HTTP/1.1 418 x\r\nServer: \u001b[31mevil\r\nContent-Length: 0\r\n\r\n").on("error", () => undefined)
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    const number = typeof address === "object" && address !== null ? address.port : 0
    expect(await port({ address: "127.0.0.1", port: number }, of())).toMatchObject({ data: { open: true } })
    const page = await http({ url: `http://127.0.0.1:${number}/x` }, of())
    expect(JSON.stringify(page)).not.toMatch(/\\u001b/)
    await new Promise((resolve) => server.close(resolve))
    expect(await port({ address: "127.0.0.1", port: number }, of())).toMatchObject({
      outcome: "succeeded",
      data: { open: false, why: "is closed" }
    })
    expect(await http({ url: `http://127.0.0.1:${number}/x` }, of())).toMatchObject({
      data: { status: null, error: "the connection was refused" }
    })
    expect(await answering(http)({ url: "http://u:p@127.0.0.1/" }, of())).toMatchObject({ outcome: "refused" })
  })
  it("names, as the host resolves them", async () => {
    expect(await dns({ name: "localhost" }, of())).toMatchObject({ outcome: "succeeded", data: { error: null } })
    expect((await dns({ name: "localhost" }, of())).summary).toMatch(/127\.0\.0\.1|::1/)
  })
})
