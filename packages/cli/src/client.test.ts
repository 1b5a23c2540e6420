import { chmod, mkdtemp, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { randomBytes } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { TaskOutput } from "@signalbox/core/task/output.ts"
import { CliTest, signalbox, TestHome } from "../../../test/support/cli.ts"
import { ended, record, started } from "../../../test/support/task.ts"
import { until } from "../../../test/support/until.ts"

const json = (...args: ReadonlyArray<string>) =>
  Effect.map(signalbox(...args, "--json"), (ran) => {
    assert.strictEqual(ran.err, "", args.join(" "))
    return { code: ran.code, value: JSON.parse(ran.out) as Record<string, unknown> }
  })

const newTask = (...more: ReadonlyArray<string>) =>
  Effect.map(json("task", "create", "--host", "local", "--tool", "shell", "--command", "echo hi", ...more), (made) => {
    assert.deepStrictEqual([made.code, Object.keys(made.value)], [0, ["taskId"]])
    return String(made.value["taskId"])
  })

const temporary = (name: string, text: string, mode = 0o600) =>
  Effect.promise(async () => {
    const path = join(await mkdtemp(join(tmpdir(), "signalbox-file-")), name)
    await writeFile(path, text)
    await chmod(path, mode)
    return path
  })

const task = ["taskId", "host", "tool", "command", "status", "createdAt", "startedAt", "finishedAt", "exitCode"]

describe("the client commands", () => {
  it.live("answer in the shapes that scripts rely on", () =>
    Effect.gen(function* () {
      const id = yield* newTask(
        "--env",
        "A=1",
        "--env",
        "B=two words",
        "--timeout",
        "10m",
        "--priority",
        "5",
        "--notify",
        "env:HOOK"
      )
      const list = yield* json("task", "list", "--server", "local", "--status", "queued,running")
      const [row] = list.value["tasks"] as ReadonlyArray<Record<string, unknown>>
      assert.deepStrictEqual(Object.keys(row ?? {}), task)
      assert.deepStrictEqual([row?.["taskId"], row?.["status"], row?.["exitCode"]], [id, "queued", null])
      const shown = (yield* json("task", "show", id)).value
      assert.deepStrictEqual(shown["env"], { A: "1", B: "two words" })
      assert.deepStrictEqual([shown["timeoutMs"], shown["priority"], shown["actor"]], [600_000, 5, "local-admin"])
      assert.deepStrictEqual(shown["notify"], ["env:HOOK"])
      assert.deepStrictEqual(Object.keys((yield* json("kill", id)).value), ["taskId", "position"])
      const done = yield* json("list", "--status", "completed")
      assert.deepStrictEqual(done.value, { tasks: [] })
      const added = yield* json(
        "host",
        "add",
        "web1",
        "--address",
        "10.0.0.5",
        "--user",
        "ana",
        "--tag",
        "web",
        "--tag",
        "eu"
      )
      assert.deepStrictEqual([added.code, added.value["host"]], [0, "web1"])
      yield* json("host", "edit", "web1", "--port", "2222", "--max-tasks", "2", "--clear", "user")
      yield* json(
        "host",
        "edit",
        "web1",
        "--for-tool",
        "claude",
        "--max-tasks",
        "1",
        "--arg=--verbose",
        "--cwd",
        "/srv"
      )
      yield* json("host", "edit", "web1", "--timeout", "2h", "--env", "A=1", "--pre-command", ". ./env")
      yield* json("host", "edit", "web1", "--clear", "timeout", "--clear", "env", "--clear", "pre-command")
      yield* json("host", "edit", "web1", "--for-tool", "claude", "--clear", "cwd")
      const web = (yield* json("host", "show", "web1")).value
      assert.deepStrictEqual(
        [web["port"], web["user"], web["tags"], web["defaults"], web["tools"]],
        [2222, undefined, ["web", "eu"], { maxTasks: 2 }, { claude: { maxTasks: 1, args: ["--verbose"] } }]
      )
      const told = yield* signalbox("host", "show", "web1")
      assert.match(told.out, /^settings {4}at most 2 at once$/m)
      assert.match(told.out, /^for claude {2}at most 1 at once\n {12}arguments --verbose$/m)
      const hosts = (yield* json("servers")).value["hosts"] as ReadonlyArray<{ name: string }>
      assert.deepStrictEqual(
        hosts.map((host) => host.name),
        ["local", "web1"]
      )
      const tool = { name: "count", title: "Words", binary: "wc", argv: ["-w"], prompt: "stdin", format: "text" }
      const file = yield* temporary("tool.json", JSON.stringify(tool))
      assert.strictEqual((yield* json("tool", "add", file)).value["tool"], "count")
      const tools = (yield* json("tool", "list")).value["tools"] as ReadonlyArray<{ name: string; builtIn: boolean }>
      assert.isTrue(tools.some((one) => one.name === "shell" && one.builtIn))
      assert.isTrue(tools.some((one) => one.name === "count" && !one.builtIn))
      yield* json("task", "create", "--host", "local", "--tool", "count", "--command", "a b c")
      yield* json(
        "schedule",
        "add",
        "nightly",
        "--cron",
        "0 3 * * *",
        "--timezone",
        "Europe/Berlin",
        "--host",
        "web1",
        "--tool",
        "shell",
        "--command",
        "true"
      )
      yield* json("schedule", "pause", "nightly")
      yield* json("schedule", "resume", "nightly")
      const [nightly] = (yield* json("schedule", "list")).value["schedules"] as ReadonlyArray<Record<string, unknown>>
      assert.match(String(nightly?.["nextAt"]), /T0[12]:00:00.000Z$/)
      yield* json("schedule", "remove", "nightly")
      assert.deepStrictEqual((yield* json("schedule", "list")).value, { schedules: [] })
      yield* json("tool", "remove", "count")
      yield* json("host", "remove", "web1")
      const status = (yield* json("status")).value
      assert.deepStrictEqual(status["tasks"], { queued: 1, active: 0, settled: 1 })
    }).pipe(Effect.provide(CliTest))
  )

  it.live("print the log, one event per line, and follow it", () =>
    Effect.gen(function* () {
      const id = yield* newTask()
      yield* newTask()
      const ran = yield* signalbox("events", "--stream", `task/${id}`, "--json")
      const { hash, ...event } = JSON.parse(ran.out) as Record<string, unknown>
      assert.deepStrictEqual(Object.keys({ ...event, hash }), [
        "position",
        "stream",
        "version",
        "type",
        "at",
        "actor",
        "data",
        "hash"
      ])
      assert.deepStrictEqual([event["position"], event["type"]], [1, "TaskCreated"])
      assert.strictEqual((yield* signalbox("events", "--json")).out.split("\n").length, 2)
      assert.strictEqual((yield* signalbox("events", "--from", "2", "--json")).out.split("\n").length, 1)
      assert.strictEqual((yield* signalbox("events", "--type", "HostAdded")).out, "")
    }).pipe(Effect.provide(CliTest))
  )

  it.live("wait with an exit code that tells how it ended", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const cases = [
        [(id: string) => ended(id, 0), 0, "succeeded"],
        [(id: string) => ended(id, 7), 1, "failed"],
        [(id: string) => record(id, { _tag: "RecordLost", message: "gone", output: {} }), 2, "lost"],
        [(id: string) => record(id, { _tag: "GiveUp", message: "the host never came back" }), 2, "unknown"]
      ] as const
      for (const [end, code, status] of cases) {
        const id = yield* newTask()
        const waiting = yield* Effect.forkChild(signalbox("task", "wait", id, "--json"))
        yield* started(id)
        yield* end(id)
        const ran = yield* Fiber.join(waiting)
        assert.strictEqual(ran.code, code, status)
        assert.strictEqual((JSON.parse(ran.out) as { status: string }).status, status)
        assert.strictEqual((yield* signalbox("task", "wait", id)).code, code, "when it has ended already")
      }
      const id = yield* newTask()
      const late = yield* signalbox("task", "wait", id, "--timeout", "50ms")
      assert.deepStrictEqual([late.code, late.out], [2, ""])
      assert.strictEqual((yield* signalbox("task", "wait", "task-20200101-000000-aaaaaa")).code, 2)
      const before = yield* log.head
      const made = yield* Effect.forkChild(
        signalbox("create", "--host", "local", "--tool", "shell", "--command", "false", "--wait", "--json")
      )
      const [event] = yield* log.read({ from: before + 1, limit: 1 }).pipe(
        Effect.flatMap((page) => (page.length === 1 ? Effect.succeed(page) : Effect.fail("not yet"))),
        Effect.retry(Schedule.spaced("20 millis")),
        Effect.timeout("60 seconds")
      )
      const own = event?.stream.slice("task/".length) ?? ""
      yield* started(own)
      yield* ended(own, 1)
      const ran = yield* Fiber.join(made)
      assert.deepStrictEqual([ran.code, JSON.parse(ran.out)], [1, { taskId: own, status: "failed", exitCode: 1 }])
    }).pipe(Effect.provide(CliTest))
  )

  it.live("write a task's output byte for byte, whole, in part and as it comes", () =>
    Effect.gen(function* () {
      const output = yield* TaskOutput
      const id = yield* newTask()
      yield* started(id)
      const body = Buffer.concat([randomBytes(200_000), Buffer.from("\nlast line\n")])
      yield* output.append(id, "out", 0, body.subarray(0, 100_000))
      const following = yield* Effect.forkChild(signalbox("logs", id, "-f"))
      yield* output.append(id, "out", 100_000, body.subarray(100_000))
      yield* ended(id, 0)
      const followed = yield* Fiber.join(following)
      assert.strictEqual(followed.code, 0)
      assert.isTrue(followed.bytes.equals(body))
      assert.isTrue((yield* signalbox("task", "logs", id)).bytes.equals(body))
      assert.isTrue(
        (yield* signalbox("task", "logs", id, "--from-byte", "199000")).bytes.equals(body.subarray(199_000))
      )
      assert.strictEqual((yield* signalbox("task", "logs", id, "--tail", "1")).bytes.toString(), "last line\n")
      const told = (yield* json("task", "logs", id, "--tail", "1")).value
      assert.deepStrictEqual(told, {
        taskId: id,
        stream: "out",
        status: "succeeded",
        fromByte: body.length - 10,
        nextByte: body.length,
        text: "last line\n"
      })
      const lines = (yield* signalbox("logs", id, "-f", "--tail", "1", "--json")).out.split("\n")
      assert.deepStrictEqual(
        lines.map((line) => JSON.parse(line) as unknown),
        [
          { fromByte: body.length - 10, nextByte: body.length, text: "last line\n" },
          { status: "succeeded", exitCode: 0 }
        ]
      )
    }).pipe(Effect.provide(CliTest))
  )

  it.live("show what a read model could not apply, and apply it once more", () =>
    Effect.gen(function* () {
      const [db, log] = [yield* Db, yield* EventLog]
      yield* until(
        "the read models have begun",
        Effect.map(signalbox("db", "parked"), ({ out }) => /task +up to date *\n[^]*Nothing is parked\.$/.test(out))
      )
      // A table that refuses one task, and a moment later does not.
      yield* db.query("break the read model", (sql) =>
        sql.unsafe("alter table read.task add constraint broken check (tool <> 'shell') not valid")
      )
      const id = yield* newTask()
      const parked = yield* json("db", "parked").pipe(
        Effect.map(({ value }) => value["parked"] as ReadonlyArray<Record<string, unknown>>),
        Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: (rows) => rows.length > 0 }),
        Effect.timeout("60 seconds")
      )
      assert.deepStrictEqual(
        parked.map((one) => [one["projection"], one["stream"], one["position"]]),
        [["task", `task/${id}`, yield* log.head]]
      )
      const shown = (yield* signalbox("db", "parked")).out
      assert.match(shown, /task .*1 parked/)
      assert.match(shown, new RegExp(`task +task/${id} .*broken`))
      const still = yield* signalbox("db", "retry", "task", `task/${id}`)
      assert.strictEqual(still.code, 1)
      assert.match(still.err, /broken/)
      yield* db.query("mend the read model", (sql) => sql.unsafe("alter table read.task drop constraint broken"))
      const mended = (yield* json("db", "retry", "task", `task/${id}`)).value
      assert.deepStrictEqual(mended, { projection: "task", stream: `task/${id}`, retried: 1 })
      assert.match((yield* signalbox("db", "parked")).out, /Nothing is parked\.$/)
      assert.strictEqual((yield* json("task", "show", id)).value["status"], "queued")
      assert.match((yield* signalbox("db", "retry", "task", `task/${id}`)).out, /^Nothing of/)
    }).pipe(Effect.provide(CliTest))
  )

  it.live("retry and resume where that makes sense, and say why where not", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const shell = yield* newTask()
      const early = yield* signalbox("task", "retry", shell)
      assert.deepStrictEqual(
        [early.code, early.err],
        [1, `error: ${shell} is queued; it can be tried again once it has ended.`]
      )
      yield* started(shell)
      yield* ended(shell, 1)
      const again = String((yield* json("task", "retry", shell)).value["taskId"])
      const { task: retried } = yield* hub.tasks.get({ params: { taskId: again } })
      assert.deepStrictEqual([retried.retryOf, retried.command], [shell, "echo hi"])
      const no = yield* signalbox("task", "resume", shell, "go on")
      assert.strictEqual(no.code, 2)
      assert.match(no.err, /shell cannot continue a session/)
      const claude = yield* json("task", "create", "--host", "local", "--tool", "claude", "--command", "Fix it")
      const id = String(claude.value["taskId"])
      yield* started(id)
      yield* ended(id, 0, { sessionId: "5f0c1b8e-1111-4222-8333-444455556666" })
      const followUp = String((yield* json("task", "resume", id, "Now a test")).value["taskId"])
      const { task: resumed } = yield* hub.tasks.get({ params: { taskId: followUp } })
      assert.deepStrictEqual(
        [resumed.resumeOf, resumed.resumeSession, resumed.command],
        [id, "5f0c1b8e-1111-4222-8333-444455556666", "Now a test"]
      )
    }).pipe(Effect.provide(CliTest))
  )

  it.live("say something to a running interactive task, once, and say why where nobody listens", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const hub = yield* HubClient
      const id = yield* newTask("--params", '{"interactive":true}')
      const early = yield* signalbox("task", "message", id, "y")
      assert.deepStrictEqual(
        [early.code, early.err],
        [1, `error: ${id} is queued; a message can be sent once it runs.`]
      )
      yield* started(id)
      const told = yield* json("task", "message", id, "y")
      assert.deepStrictEqual([told.code, Object.keys(told.value)], [0, ["taskId", "position"]])
      const [event] = yield* log.read({ from: Number(told.value["position"]), limit: 1 })
      assert.deepInclude(event, { type: "TaskMessageSent", data: { text: "y" }, actor: "local-admin" })
      assert.match((yield* signalbox("task", "message", id, "--", "-n")).out, /is being told/u)
      yield* record(id, { _tag: "RecordUndelivered", sent: event?.version ?? 0, reason: "it ended before" })
      const shown = (yield* json("task", "show", id)).value["messages"] as ReadonlyArray<Record<string, unknown>>
      assert.deepStrictEqual(
        shown.map((one) => [one["text"], one["problem"]]),
        [
          ["y", "it ended before"],
          ["-n", undefined]
        ]
      )
      const key = yield* signalbox("task", "message", id, "a\x1b[200~")
      assert.deepStrictEqual(
        [key.code, key.err],
        [
          2,
          "error: The message holds the control character U+001B, which is a key and no text. Press such keys with task attach."
        ]
      )
      const long = yield* signalbox("task", "message", id, "x".repeat(65_537))
      assert.match(long.err, /is 65537 bytes; at most 65536 are typed/u)
      const commandId = crypto.randomUUID()
      const once = { params: { taskId: id }, payload: { commandId, text: "once" } }
      const first = yield* hub.tasks.message(once)
      assert.deepStrictEqual(yield* hub.tasks.message(once), first)
      yield* ended(id, 0)
      assert.deepStrictEqual(yield* hub.tasks.message(once), first)
      const late = yield* signalbox("task", "message", id, "y")
      assert.strictEqual(late.err, `error: ${id} has already ended (succeeded), so nothing reads a message.`)
      const plain = yield* newTask()
      yield* started(plain)
      assert.match((yield* signalbox("task", "message", plain, "y")).err, /has no terminal to type into/u)
      const none = yield* signalbox("task", "message", "task-20261120-143022-zzzzzz", "y")
      assert.match(none.err, /There is no task/u)
      const events = yield* log.read({ type: "TaskMessageSent" })
      assert.strictEqual(events.length, 3)
    }).pipe(Effect.provide(CliTest))
  )

  it.live("meet bad input with one sentence, the right exit code, and nothing done", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const { directory } = yield* TestHome
      const open = yield* temporary("id_open", "key", 0o644)
      const notJson = yield* temporary("tool.json", "{")
      const badTool = yield* temporary("bad.json", '{"name":"Bad Name"}')
      const create = ["task", "create", "--host", "local", "--tool", "shell", "--command", "true"]
      const without = (name: string) => create.filter((word, at) => word !== name && create[at - 1] !== name)
      const withFlag = (name: string, value: string) => [...without(name), name, value]
      const table: ReadonlyArray<readonly [ReadonlyArray<string>, number, RegExp]> = [
        [["task", "creat"], 2, /creat/],
        [[...create, "--nonsense"], 2, /nonsense/],
        [without("--host"), 2, /host/],
        [withFlag("--host", "nowhere"), 2, /There is no host nowhere\./],
        [withFlag("--tool", "clod"), 2, /There is no tool clod\. There are .*claude/],
        [withFlag("--command", ""), 2, /command is empty/],
        [[...create, "--params", "{"], 2, /--params must be a JSON object/],
        [[...create, "--params", "[1]"], 2, /--params must be a JSON object/],
        [[...create, "--params", '{"model":"x"}'], 2, /shell has no parameter 'model'/],
        [[...create, "--timeout", "soon"], 2, /not a duration/],
        [[...create, "--timeout", "0"], 2, /between 1 ms and 30 days/],
        [[...create, "--at", "tomorrow"], 2, /not a time/],
        [[...create, "--after", "nonsense"], 2, /after/],
        [[...create, "--after", "task-20200101-000000-aaaaaa"], 2, /There is no task task-2020/],
        [[...create, "--env", "1BAD=x"], 2, /env/],
        [[...create, "--priority", "9999"], 2, /between -1000 and 1000/],
        [withFlag("--command", "x".repeat(1_100_000)), 2, /at most 1000000/],
        [["task", "show", "nonsense"], 2, /taskId/],
        [["task", "show", "task-20200101-000000-aaaaaa"], 1, /There is no task/],
        [["task", "list", "--status", "sleeping"], 2, /"sleeping" is not a status/],
        [["task", "list", "--since", "x"], 2, /not a time/],
        [["task", "list", "--limit", "0"], 2, /between 1 and 1000/],
        [["task", "logs", "task-20200101-000000-aaaaaa"], 1, /There is no task/],
        [["task", "logs", "x", "--tail", "1", "--from-byte", "1"], 2, /not both/],
        [["task", "logs", "x", "--stream", "both"], 2, /stream/],
        [["task", "attach", "task-20200101-000000-aaaaaa"], 2, /needs a terminal/],
        [["host", "add", "web", "--address", "ana@web:22"], 2, /is not an address/],
        [["host", "add", "local", "--address", "x"], 1, /belongs to this machine/],
        [["host", "add", "we b", "--address", "x"], 2, /name/],
        [["host", "add", "web", "--address", "x", "--port", "99999"], 2, /port/],
        [["host", "add", "web", "--address", "x", "--key", "/nowhere/id"], 2, /There is no key file \/nowhere\/id/],
        [["host", "add", "web", "--address", "x", "--key", open], 2, /can be read by others/],
        [["host", "show", "nowhere"], 1, /There is no host nowhere/],
        [["host", "edit", "local"], 2, /Nothing to change/],
        [["host", "edit", "local", "--address", "x"], 2, /local is this machine/],
        [["host", "edit", "local", "--for-tool", "clod", "--max-tasks", "1"], 2, /There is no tool clod/],
        [["host", "edit", "local", "--max-tasks", "0"], 2, /between 1 and 1000/],
        [[...create, "--notify", "ftp://x"], 2, /an http\(s\) URL, or env:NAME/],
        [["db", "retry", "nope", "task/x"], 1, /no projection nope/],
        [["host", "remove", "local"], 1, /cannot be removed/],
        [["host", "import", "--file", "/nowhere/config"], 1, /does not exist/],
        [["tool", "add", "/nowhere.json"], 2, /There is no file/],
        [["tool", "add", notJson], 2, /does not hold JSON/],
        [["tool", "add", badTool], 2, /Bad Name/],
        [["tool", "remove", "shell"], 2, /built in/],
        [["tool", "remove", "nothing"], 1, /There is no tool nothing/],
        [["schedule", "add", "s", "--cron", "often", ...create.slice(2)], 2, /not a cron expression/],
        [
          ["schedule", "add", "s", "--cron", "* * * * *", "--timezone", "Mars", ...create.slice(2)],
          2,
          /not a time zone/
        ],
        [["schedule", "remove", "s"], 1, /There is no schedule s/],
        [["events", "--from", "0"], 2, /Positions begin at 1/],
        [["events", "--from", "x"], 2, /from/]
      ]
      const wrong: Array<string> = []
      for (const [args, code, sentence] of table) {
        const ran = yield* signalbox(...args)
        const plain = sentence.test(ran.err) && !/node_modules|\.ts:\d|RegExp|\n {2}at /.test(ran.err)
        if (ran.code !== code || !plain || ran.out !== "" || ran.bytes.length > 0)
          wrong.push(`${args.join(" ").slice(0, 120)} → exit ${ran.code}: ${ran.out}${ran.err}`)
      }
      assert.deepStrictEqual(wrong, [])
      assert.strictEqual(yield* log.head, 0)
      process.env["SIGNALBOX_HOME"] = `${directory}-elsewhere`
      const alone = yield* signalbox("task", "list")
      assert.strictEqual(alone.code, 2)
      assert.match(alone.err, /^error: No hub is running for .*elsewhere.* signalbox up/)
    }).pipe(Effect.provide(CliTest))
  )
})
