/**
 * One temporary directory for a whole test run (vitest globalSetup, before every other): nothing of a run outlives it.
 *
 * Owns: TMPDIR of the run, what its processes have compiled, and the end of everything in it. Does not own: who makes what there.
 * Invariants: only processes that name this run's own directory are ended; what had to be ended is said, by name.
 */
import { chmod, mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

export default async function setup(): Promise<() => Promise<void>> {
  const before = process.env["TMPDIR"]
  const directory = await mkdtemp(join(tmpdir(), "sbx-run-")) // short: sockets below it have paths of 107 bytes at most
  await chmod(directory, 0o755) // tests change users
  process.env["TMPDIR"] = directory
  // Compiling what it imports is two thirds of a child's start: a second of a core, two hundred times a run.
  process.env["NODE_COMPILE_CACHE"] = join(directory, "compiled")
  return async () => {
    delete process.env["NODE_COMPILE_CACHE"]
    if (before === undefined) delete process.env["TMPDIR"]
    else process.env["TMPDIR"] = before
    for (const { pid, command } of await processesOf(directory)) {
      process.stderr.write(`left behind, ended now: ${pid} ${command}\n`)
      try {
        process.kill(pid, "SIGKILL")
      } catch {
        // it has just ended by itself
      }
    }
    await rm(directory, { recursive: true, force: true, maxRetries: 20 })
  }
}

/** Linux only; elsewhere nothing is found. */
const processesOf = async (
  directory: string
): Promise<ReadonlyArray<{ readonly pid: number; readonly command: string }>> => {
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [command, cwd] = await Promise.all([
        readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""),
        readlink(`/proc/${pid}/cwd`).catch(() => "")
      ])
      return { pid: Number(pid), command: command.replaceAll("\0", " ").trim(), cwd }
    })
  )
  return found.filter(
    ({ pid, command, cwd }) =>
      pid !== process.pid && (`${cwd}/`.startsWith(`${directory}/`) || command.includes(`${directory}/`))
  )
}
