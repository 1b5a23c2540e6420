import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { decideTask, type TaskCommand } from "./decider.ts"
import { makeTaskId, TaskEvent, type TaskEvent as Event, taskEvents, TaskId } from "./events.ts"
import { evolveTask, isSettled, TaskView } from "./view.ts"

const id = "task-20261120-143022-abc123"
const create = {
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
} satisfies TaskCommand
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

  it("can be killed by a person while it is unknown, and is what it was again when its process is seen", () => {
    const unknown: ReadonlyArray<TaskCommand> = [create, { _tag: "Dispatch" }, { _tag: "GiveUp", message: "?" }]
    assert.deepStrictEqual(decideTask(after(...unknown).view, kill("timeout")), Result.succeed([]))
    const killed = after(...unknown, kill("person"), { _tag: "RecordNeverStarted" })
    assert.deepStrictEqual(
      killed.events.slice(-2).map((event) => event._tag),
      ["TaskKillRequested", "TaskKilled"]
    )
    assert.strictEqual(killed.view?.status, "killed")
    const { view } = after(...unknown, launch)
    assert.deepStrictEqual([view?.status, view?.finishedAt, view?.message], ["running", null, null])
  })

  it("takes a message once it runs on a terminal, and says why where not", () => {
    const on = (...more: ReadonlyArray<TaskCommand>) =>
      after({ ...create, created: { ...create.created, params: { interactive: true } } }, ...more)
    const say = (continues = false): TaskCommand => ({ _tag: "SendMessage", text: "y", continues })
    const why = (task: TaskView | undefined, command: TaskCommand) =>
      Result.match(decideTask(task, command), { onFailure: (no) => no.message, onSuccess: () => "accepted" })
    const resume = `use task resume ${id} to continue its session`
    assert.strictEqual(why(undefined, say()), "There is no such task.")
    assert.strictEqual(why(on().view, say()), `${id} is queued; a message can be sent once it runs.`)
    assert.strictEqual(why(on(launch).view, say()), "accepted")
    assert.strictEqual(
      why(on(launch, kill("person")).view, say()),
      `${id} is being ended, so a message comes too late.`
    )
    assert.strictEqual(
      why(on(launch, exit(0)).view, say()),
      `${id} has already ended (succeeded), so nothing reads a message.`
    )
    assert.strictEqual(why(on(launch, exit(0)).view, say(true)), `${id} has already ended (succeeded); ${resume}.`)
    const none = `${id} has no terminal to type into: it was not made with the parameter interactive.`
    assert.strictEqual(why(after(create, launch).view, say()), none)
    assert.strictEqual(why(after(create, launch).view, say(true)), `${none} Once it has ended, ${resume}.`)
  })

  it("remembers the last messages, and why one was not typed, also after its end", () => {
    const interactive = { ...create, created: { ...create.created, params: { interactive: true } } }
    const say = (text: string): TaskCommand => ({ _tag: "SendMessage", text, continues: false })
    const undelivered: TaskCommand = { _tag: "RecordUndelivered", sent: 3, reason: "it ended" }
    const { view, events } = after(interactive, launch, say("one"), say("two"), exit(0), undelivered, undelivered)
    assert.deepStrictEqual(
      view?.messages?.map((one) => [one.version, one.text, one.problem]),
      [
        [3, "one", "it ended"],
        [4, "two", undefined]
      ]
    )
    assert.strictEqual(events.filter((one) => one._tag === "TaskMessageFailed").length, 1)
    assert.strictEqual(view?.status, "succeeded")
    const many = after(interactive, launch, ...Array.from({ length: 30 }, (_, n) => say(`${n}`))).view
    assert.deepStrictEqual([many?.messages?.length, many?.messages?.at(-1)?.text], [20, "29"])
    assert.isTrue(Schema.is(TaskView)(many))
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
