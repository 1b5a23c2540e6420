import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { decideTask, type TaskCommand } from "./decider.ts"
import { makeTaskId, TaskEvent, type TaskEvent as Event, taskEvents, TaskId } from "./events.ts"
import { evolveTask, isSettled, TaskView } from "./view.ts"

const id = "task-20261120-143022-abc123"
const create: TaskCommand = {
  _tag: "Create",
  created: {
    taskId: id,
    host: "local",
    tool: "shell",
    command: "true",
    params: {},
    priority: 0,
    after: [],
    sessionId: "s"
  }
}
const launch: TaskCommand = { _tag: "RecordLaunch", pid: 7, bootId: "b", adopted: false }
const kill = (reason: "person" | "timeout"): TaskCommand => ({ _tag: "RequestKill", reason, graceMs: 5000 })
const exit = (exitCode: number, report = {}): TaskCommand => ({ _tag: "RecordExit", exitCode, report, output: {} })

/** Runs commands in order; every one must be accepted. */
const after = (
  ...commands: ReadonlyArray<TaskCommand>
): { view: TaskView | undefined; events: ReadonlyArray<Event> } => {
  let view: TaskView | undefined
  const events: Array<Event> = []
  for (const command of commands) {
    const decided = Result.getOrThrow(decideTask(view, command))
    for (const event of decided) {
      events.push(event)
      view = evolveTask(view, event, { at: "2026-11-20T14:30:22.000000Z", actor: "test", version: events.length })
    }
  }
  return { view, events }
}

describe("a task", () => {
  const lives: ReadonlyArray<readonly [string, ReadonlyArray<TaskCommand>, string]> = [
    ["waits in the queue", [create], "queued"],
    ["starts when it has a slot", [create, { _tag: "Dispatch" }], "starting"],
    ["runs when its process was seen", [create, { _tag: "Dispatch" }, launch], "running"],
    [
      "waits when its tool asks",
      [create, { _tag: "Dispatch" }, launch, { _tag: "Observe", report: { waiting: "ok?" } }],
      "waiting"
    ],
    [
      "goes on when it was answered",
      [create, launch, { _tag: "Observe", report: { waiting: "ok?" } }, { _tag: "Observe", report: {} }],
      "running"
    ],
    ["succeeds with code 0", [create, launch, exit(0)], "succeeded"],
    ["fails with another code", [create, launch, exit(3)], "failed"],
    ["fails when the tool says so, whatever the code", [create, launch, exit(0, { error: "quota" })], "failed"],
    ["is killed in the queue", [create, kill("person")], "killed"],
    ["is killed while it runs", [create, launch, kill("person"), exit(143)], "killed"],
    [
      "is killed before its process was there",
      [create, { _tag: "Dispatch" }, kill("person"), { _tag: "RecordNeverStarted" }],
      "killed"
    ],
    ["times out", [create, launch, kill("timeout"), exit(137)], "timed_out"],
    ["is interrupted by a reboot", [create, launch, { _tag: "RecordInterrupted", output: {} }], "interrupted"],
    ["is lost without a trace", [create, launch, { _tag: "RecordLost", message: "gone", output: {} }], "lost"],
    [
      "fails when it cannot be launched",
      [create, { _tag: "Dispatch" }, { _tag: "FailLaunch", message: "no tmux" }],
      "failed"
    ],
    ["fails when what it waits for failed", [create, { _tag: "FailDependency", message: "x failed" }], "failed"],
    ["is unknown when nobody can tell", [create, { _tag: "GiveUp", message: "?" }], "unknown"],
    ["gives unknown up for evidence", [create, launch, { _tag: "GiveUp", message: "?" }, exit(0)], "succeeded"]
  ]
  it.each(lives)("%s", (_name, commands, status) => {
    const { view } = after(...commands)
    assert.strictEqual(view?.status, status)
    assert.isTrue(Schema.is(TaskView)(view))
  })

  it("that has ended accepts evidence that comes late or twice, without an event", () => {
    const settled = after(create, launch, exit(0)).view
    for (const command of [
      launch,
      exit(1),
      { _tag: "Dispatch" },
      { _tag: "RecordLost", message: "x", output: {} }
    ] as const)
      assert.deepStrictEqual(decideTask(settled, command), Result.succeed([]))
  })

  it("rejects a person's kill when it has ended, and says how", () => {
    const rejected = decideTask(after(create, launch, exit(0)).view, kill("person"))
    assert.isTrue(Result.isFailure(rejected))
    if (Result.isFailure(rejected)) assert.strictEqual(rejected.failure.message, `${id} has already ended (succeeded).`)
  })

  it("is asked to die once, however often it is asked", () => {
    assert.strictEqual(after(create, launch, kill("person"), kill("person"), kill("timeout")).events.length, 3)
  })

  it("drops the open question when its process has ended", () => {
    const { view } = after(create, launch, { _tag: "Observe", report: { waiting: "ok?" } }, exit(1, { waiting: "ok?" }))
    assert.isUndefined(view?.report.waiting)
  })

  it("tells what the tool's exit code means", () => {
    const { view } = after(create, launch, {
      _tag: "RecordExit",
      exitCode: 41,
      report: {},
      output: {},
      meaning: "not signed in"
    })
    assert.strictEqual(view?.message, "exit 41: not signed in")
  })

  it.effect.prop("has events that survive the log's JSON unchanged", [TaskEvent], ([event]) =>
    Effect.sync(() => {
      const encoded = taskEvents.encode(event)
      const stored = JSON.stringify(encoded) // what the log keeps; -0 has no JSON of its own
      const decoded = Result.getOrThrow(taskEvents.decode({ position: 1, ...(JSON.parse(stored) as typeof encoded) }))
      assert.isDefined(decoded)
      if (decoded !== undefined) assert.strictEqual(JSON.stringify(taskEvents.encode(decoded)), stored)
    })
  )

  it.effect.prop(
    "never moves once it is settled, whatever order commands come in",
    [Schema.Array(Schema.Int)],
    ([picks]) =>
      Effect.sync(() => {
        const pool: ReadonlyArray<TaskCommand> = [
          { _tag: "Dispatch" },
          launch,
          kill("timeout"),
          exit(0),
          exit(1),
          { _tag: "RecordNeverStarted" },
          { _tag: "RecordInterrupted", output: {} },
          { _tag: "RecordLost", message: "m", output: {} },
          { _tag: "FailLaunch", message: "m" }
        ]
        let view = after(create).view
        for (const pick of picks) {
          const command = pool[Math.abs(pick) % pool.length]
          if (command === undefined || view === undefined) continue
          const before: TaskView = view
          for (const event of Result.getOrThrow(decideTask(view, command)))
            view = evolveTask(view, event, { at: "t", actor: "a", version: (view?.version ?? 0) + 1 })
          if (isSettled(before.status)) assert.deepStrictEqual(view, before)
        }
      })
  )

  it("has an id that sorts by time and is safe as a file name", () => {
    const made = makeTaskId(Date.UTC(2026, 10, 20, 14, 30, 22), new Uint8Array([0, 35, 36, 255, 1, 2]))
    assert.strictEqual(made, "task-20261120-143022-0z0312")
    assert.isTrue(Schema.is(TaskId)(made))
  })
})
