/**
 * Programs of the host, run for performers.
 *
 * Owns: where programs are looked for, their environment, limits of time and output, their end. Does not own: what they are told.
 * Invariants: the absolute path comes from a fixed list of directories, arguments are an array, no shell is in between; a child leads
 * a process group of its own, which ends with the abort or the time limit; output beyond the limit is read and dropped.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { access, constants } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { NotDone } from "./outcome.ts"

const directories = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]

export const environment: Readonly<Record<string, string>> = {
  LC_ALL: "C",
  PATH: directories.join(":"),
  HOME: "/",
  TERM: "dumb",
  SYSTEMD_COLORS: "0",
  SYSTEMD_URLIFY: "0",
  SYSTEMD_PAGER: "cat"
}

export interface RunOptions {
  readonly signal: AbortSignal
  readonly timeoutMs?: number
  /** Of stdout. */
  readonly maxBytes?: number
  readonly env?: Readonly<Record<string, string>>
  /** Between TERM and KILL when it must end. */
  readonly graceMs?: number
  /** Takes stdout piece by piece instead of keeping it; `false` means enough, and ends the child. */
  readonly onChunk?: (chunk: Buffer) => boolean
  /** When it has ended by itself, what it left in its process group is ended, too. */
  readonly leavesNothing?: true
  /** Takes what it writes to descriptor 3, which it has only then. */
  readonly onNote?: (chunk: Buffer) => void
  /** Told when it has ended and before its pipes have. */
  readonly onExit?: () => void
}

export interface Ran {
  /** Null: it was ended by a signal. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly truncated: boolean
  readonly ended: "by itself" | "enough" | "time limit" | "abort"
}

const minute = 60_000
const stderrLimit = 64 * 1024

/** The program's absolute path, or undefined where the host does not have it. */
export const programPath = async (program: string): Promise<string | undefined> => {
  if (!/^[a-z0-9][a-z0-9.+_-]{0,63}$/iu.test(program)) return undefined
  for (const directory of directories) {
    const path = join(directory, program)
    const there = await access(path, constants.X_OK).then(
      () => true,
      () => false
    )
    if (there) return path
  }
  return undefined
}

/** @throws NotDone when the host does not have the program, or it could not be started */
export const run = async (program: string, args: ReadonlyArray<string>, options: RunOptions): Promise<Ran> => {
  const path = await programPath(program)
  if (path === undefined) throw new NotDone({ why: `This host has no ${program} in ${directories.join(", ")}.` })
  if (options.signal.aborted) throw new NotDone({ why: `${program} was not started: the time for it was over.` })
  return collect(
    program,
    spawn(path, [...args], {
      cwd: "/",
      detached: true,
      env: { ...environment, ...options.env },
      stdio: ["ignore", "pipe", "pipe", ...(options.onNote === undefined ? [] : ["pipe" as const])]
    }),
    options
  )
}

const collect = (program: string, child: ChildProcess, options: RunOptions): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const { signal, timeoutMs = minute, maxBytes = 1024 * 1024, graceMs = 2_000, onChunk } = options
    const out = bounded(maxBytes)
    const err = bounded(stderrLimit)
    let ended: Ran["ended"] = "by itself"
    let killer: NodeJS.Timeout | undefined
    const end = (why: Ran["ended"]) => {
      if (ended !== "by itself") return
      ended = why
      endGroup(child, why === "enough" ? "SIGKILL" : "SIGTERM")
      killer = setTimeout(() => endGroup(child, "SIGKILL"), graceMs)
    }
    const onAbort = () => end("abort")
    const limit = setTimeout(() => end("time limit"), timeoutMs)
    signal.addEventListener("abort", onAbort, { once: true })
    const settled = () => {
      clearTimeout(limit)
      clearTimeout(killer)
      signal.removeEventListener("abort", onAbort)
    }
    let reads = 0
    child.stdout?.on("data", (chunk: Buffer) => {
      reads += 1
      if (onChunk === undefined) out.add(chunk)
      else if (ended === "by itself" && !onChunk(chunk)) end("enough")
    })
    child.stderr?.on("data", err.add)
    const note = child.stdio[3]
    if (note instanceof Readable && options.onNote !== undefined) note.on("data", options.onNote)
    child.once("error", (cause) => {
      settled()
      reject(new NotDone({ why: `${program} could not be started: ${cause.message}` }))
    })
    // A daemon that the program left behind may keep the pipes open: they are left when half a second brought nothing more. Asked
    // after the loop has polled once more, so that a busy machine is not mistaken for silence.
    const leave = (seen: number): void => {
      setTimeout(() => {
        setImmediate(() => {
          if (reads !== seen) return leave(reads)
          child.stdout?.destroy()
          child.stderr?.destroy()
          note?.destroy()
        })
      }, 500).unref()
    }
    child.once("exit", () => {
      if (options.leavesNothing) endGroup(child, "SIGKILL")
      options.onExit?.()
      leave(reads)
    })
    child.once("close", (code) => {
      settled()
      resolve({ code, stdout: out.text(), stderr: err.text(), truncated: out.over(), ended })
    })
  })

const endGroup = (child: ChildProcess, signal: NodeJS.Signals): void => {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // it has ended by itself
  }
}

const bounded = (limit: number) => {
  const chunks: Array<Buffer> = []
  let bytes = 0
  let over = false
  return {
    add: (chunk: Buffer) => {
      const room = limit - bytes
      if (chunk.length > room) over = true
      if (room <= 0) return
      chunks.push(chunk.subarray(0, room))
      bytes += Math.min(room, chunk.length)
    },
    text: () => Buffer.concat(chunks).toString("utf8"),
    over: () => over
  }
}
