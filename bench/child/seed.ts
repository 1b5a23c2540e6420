/**
 * Fills a log with realistic events, fast: whole lives of tasks, many events per append. Shared by benchmarks and `test/million.ts`.
 *
 * Owns: what the events are. Invariant: everything goes through `EventLog.append`; ids are deterministic.
 */
import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { makeTaskId, type TaskEvent, taskEvents, taskStream } from "@signalbox/core/task/events.ts"

const hosts = ["local", "build-1", "build-2", "db-1", "web-1"]
const tools = ["claude", "codex", "gemini", "shell", "qwen"]

/** The ten events of one task; `n` alone decides them. */
const life = (n: number): { readonly stream: string; readonly events: ReadonlyArray<TaskEvent> } => {
  const bytes = Uint8Array.from({ length: 6 }, (_, i) => Math.floor(n / 36 ** i) % 36)
  const taskId = makeTaskId(Date.UTC(2026, 0, 1) + n * 1000, bytes)
  const report = (turn: number) => ({
    sessionId: `0b6ff2a7-3a3c-4b36-9f0e-${n.toString(16).padStart(12, "0")}`,
    model: "claude-opus-5",
    inputTokens: 1200 * turn,
    outputTokens: 85 * turn,
    turns: turn
  })
  return {
    stream: taskStream(taskId),
    events: [
      {
        _tag: "TaskCreated",
        taskId,
        host: hosts[n % hosts.length] ?? "local",
        tool: tools[n % tools.length] ?? "shell",
        command: `Fix the failing test number ${n} and explain the cause. žluťoučký 🚂`,
        params: { model: "opus" },
        priority: 0,
        after: [],
        sessionId: report(0).sessionId
      },
      { _tag: "TaskDispatched" },
      { _tag: "TaskLaunched", pid: 1000 + (n % 30000), bootId: "5b1a2f1e-7f2c-4d0b-9a57-3a1a3a9f1c11", adopted: false },
      ...[1, 2, 3, 4, 5, 6].map((turn): TaskEvent => ({
        _tag: "TaskObserved",
        status: "running",
        report: report(turn)
      })),
      {
        _tag: "TaskSucceeded",
        exitCode: 0,
        report: { ...report(7), answer: `Test ${n} was racing with the clock; it waits on the log now.` },
        output: {
          out: { bytes: 12_345 + n, sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" }
        }
      }
    ]
  }
}

/** @param events a multiple of ten */
export const seed = (events: number, from = 0): Effect.Effect<void, never, EventLog> =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const tasks = Array.from({ length: Math.ceil(events / 10) }, (_, i) => from + i)
    yield* Effect.forEach(
      tasks,
      (n) => {
        const { stream, events: list } = life(n)
        return log.append({
          stream,
          expected: "new",
          commandId: randomUUID(),
          actor: "bench",
          events: list.map(taskEvents.encode)
        })
      },
      { concurrency: 256, discard: true }
    )
  }).pipe(Effect.orDie)
