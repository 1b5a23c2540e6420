/**
 * Hosts as the hub answers them, as far as commands that read use them.
 *
 * Invariant: `HostStatus` is the contract; the last line does not compile when a shape here asks for more than it promises.
 */
import type { HostStatus } from "@signalbox/core/api/contract.ts"
import { flag, list, number, oneOf, orNull, record, type Shape, table, text } from "../read/shape.ts"

const isSettings = record(
  {},
  {
    timeoutMs: number,
    idleTimeoutMs: number,
    maxTasks: number,
    cwd: text,
    env: table(text),
    preCommand: text,
    args: list(text)
  }
)
export type ShownSettings = typeof isSettings extends Shape<infer A> ? A : never

const isReport = record(
  { reachable: flag, warnings: list(text) },
  {
    tmux: orNull(text),
    tools: list(record({ name: text, version: orNull(text) })),
    problem: text,
    os: text,
    kernel: text,
    user: text,
    load: list(number),
    cpus: number,
    memoryTotalBytes: number,
    memoryAvailableBytes: number,
    diskFreeBytes: number
  }
)

export const isHost = record(
  {
    name: text,
    kind: oneOf(["local", "ssh"]),
    address: text,
    port: number,
    tags: list(text),
    defaults: isSettings,
    report: orNull(isReport),
    checkedAt: orNull(text),
    fingerprint: orNull(text),
    keyProblem: orNull(text),
    tasks: record({ queued: number, active: number, settled: number }),
    watcher: orNull(text)
  },
  { displayName: text, user: text, jump: text, tools: table(isSettings) }
)
export type ShownHost = typeof isHost extends Shape<infer A> ? A : never

export const promised: (host: HostStatus) => ShownHost = (host) => host
