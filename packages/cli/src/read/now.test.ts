/** Both ways of a plain read, with a real hub: they say the same, byte for byte. */
import { createServer } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Schema } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { openHome } from "@signalbox/core/config/Home.ts"
import { writeHubFile } from "@signalbox/core/config/hub-file.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { HostStatus } from "@signalbox/core/api/contract.ts"
import { CliTest, signalbox, TestHome } from "../../../../test/support/cli.ts"
import { ended, started } from "../../../../test/support/task.ts"
import { isHost } from "../host/shape.ts"
import { readNow } from "./now.ts"

interface Said {
  readonly answered: boolean
  readonly code: number
  readonly out: string
  readonly err: string
}

/** `readNow` in this process, its streams and exit code caught. */
const now = (...args: ReadonlyArray<string>): Effect.Effect<Said> =>
  Effect.promise(async () => {
    const said = { out: "", err: "" }
    const [out, err, before] = [process.stdout.write, process.stderr.write, process.exitCode]
    const keep = (name: "out" | "err") => (chunk: unknown) => {
      said[name] += String(chunk)
      return true
    }
    process.stdout.write = keep("out")
    process.stderr.write = keep("err")
    process.exitCode = 0
    try {
      const answered = await readNow(args)
      return { answered, code: Number(process.exitCode), ...said }
    } finally {
      process.stdout.write = out
      process.stderr.write = err
      process.exitCode = before
    }
  })

const lines = [
  "task list",
  "task list --json",
  "list --status completed --json",
  "task list --host local --tool shell --since 1d --text hi --limit 1",
  "host list",
  "host list --json",
  "host list --tag eu",
  "servers --json",
  "host show local",
  "host show web1 --json",
  "status --json",
  "status web1",
  "status local --json",
  "events --json",
  "events --from 2 --json",
  "events --stream host/web1",
  "events --type Nothing",
  // what the hub or the command refuses
  "task list --limit 0",
  "task list --limit 1001",
  "task list --status sleeping",
  "task list --since x",
  "task show nonsense",
  "task show task-20200101-000000-aaaaaa",
  "host show nowhere",
  "status nowhere",
  "events --from 0"
]

describe("plain reads", () => {
  it.live("say the same at once as by way of the framework", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      yield* hub.hosts.add({
        payload: { name: "web1", address: "10.0.0.5", tags: ["eu"], defaults: { maxTasks: 2, env: { A: "1" } } }
      })
      const { taskId } = yield* hub.tasks.create({ payload: { host: "local", tool: "shell", command: "echo hi" } })
      yield* started(taskId)
      yield* ended(taskId, 0, { answer: "日本語 \u001b[31mred", costUsd: 0.5 })
      yield* hub.tasks.create({ payload: { host: "web1", tool: "shell", command: "true", after: [taskId] } })
      const differ: Array<unknown> = []
      for (const line of [...lines, `task show ${taskId}`, `task show ${taskId} --json`, `status ${taskId}`]) {
        const args = line.split(" ")
        const [fast, slow] = [yield* now(...args), yield* signalbox(...args)]
        const want = {
          answered: true,
          code: slow.code,
          out: slow.out === "" ? "" : `${slow.out}\n`,
          err: slow.err === "" ? "" : `${slow.err}\n`
        }
        if (JSON.stringify(timeless(fast)) !== JSON.stringify(timeless(want))) differ.push([line, fast, want])
        if (fast.out === "" && fast.err === "" && !line.endsWith("Nothing")) differ.push([line, "said nothing"])
      }
      assert.deepStrictEqual(differ, [])
    }).pipe(Effect.provide(CliTest))
  )

  it.live("print more than one page of the log, each event once", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const events = Array.from({ length: 901 }, (_, n) => ({ type: "HostNoted", data: { n } }))
      yield* log.append({
        stream: "host/noted",
        expected: "any",
        events,
        actor: "test",
        commandId: crypto.randomUUID()
      })
      const { out } = yield* now("events", "--json")
      const positions = out
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { position: number }).position)
      assert.deepStrictEqual(
        positions,
        events.map((_, at) => at + 1)
      )
    }).pipe(Effect.provide(CliTest))
  )

  it.live("leave a home without a hub to the framework, which says why", () =>
    Effect.gen(function* () {
      const { directory } = yield* TestHome
      process.env["SIGNALBOX_HOME"] = `${directory}-elsewhere`
      assert.deepStrictEqual(yield* now("task", "list"), { answered: false, code: 0, out: "", err: "" })
      const home = yield* openHome(directory)
      process.env["SIGNALBOX_HOME"] = directory
      const hub = { url: "http://127.0.0.1:1", pid: process.pid, startedAt: yield* DateTime.now, version: "1.2.3" }
      yield* writeHubFile(home, hub)
      const away = yield* now("task", "list")
      assert.deepStrictEqual([away.answered, away.code, away.out], [true, 2, ""])
      assert.match(
        away.err,
        /^error: The hub does not answer \(ECONNREFUSED\)\. Is it running\? signalbox up starts it\.\n$/
      )
      yield* writeHubFile(home, { ...hub, pid: 2 ** 22 + 1 })
      assert.deepStrictEqual(yield* now("task", "list"), { answered: false, code: 0, out: "", err: "" })
      assert.match((yield* signalbox("task", "list")).err, /has ended without a goodbye/)
    }).pipe(Effect.provide(CliTest))
  )

  it.live("refuse an answer that is not of the contract", () =>
    Effect.gen(function* () {
      const { directory } = yield* TestHome
      const home = yield* openHome(directory)
      let body = ""
      const server = yield* Effect.acquireRelease(
        Effect.callback<ReturnType<typeof createServer>>((resume) => {
          const one = createServer((_request, response) => void response.end(body))
          one.listen(0, "127.0.0.1", () => resume(Effect.succeed(one)))
        }),
        (one) => Effect.sync(() => one.close())
      )
      const address = server.address()
      const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
      yield* writeHubFile(home, { url, pid: process.pid, startedAt: yield* DateTime.now, version: "1.2.3" })
      const bodies = ["", "no json", "null", "[]", "{}", '{"tasks":{}}', '{"tasks":[null]}', '{"tasks":[{"taskId":1}]}']
      for (body of bodies) {
        const said = yield* now("task", "list", "--json")
        assert.deepStrictEqual([said.answered, said.code, said.out], [true, 2, ""], body)
        assert.match(said.err, /^error: The hub's answer to \/api\/v1\/tasks was not understood\./, body)
      }
    }).pipe(Effect.scoped, Effect.provide(CliTest))
  )

  it.effect("let every host pass that the contract lets pass", () =>
    Effect.sync(() => {
      const host = {
        name: "web1",
        kind: "ssh",
        address: "x",
        port: 22,
        tags: [],
        hostKeys: [],
        defaults: {},
        acceptNew: false,
        removed: false,
        report: { reachable: false, warnings: [] },
        checkedAt: null,
        fingerprint: null,
        keyProblem: null,
        version: 1,
        tasks: { queued: 0, active: 0, settled: 0 },
        watcher: null
      }
      const full = { ...host.report, tmux: null, tools: [{ name: "a", version: null }], load: [1], cpus: 2 }
      for (const one of [
        host,
        { ...host, report: null },
        { ...host, report: full, tools: { claude: { args: ["a"] } } }
      ])
        assert.deepStrictEqual([Schema.is(HostStatus)(one), isHost(one)], [true, true])
      for (const one of [
        { ...host, tasks: null },
        { ...host, kind: "x" },
        { ...host, report: { reachable: 1 } }
      ])
        assert.deepStrictEqual([Schema.is(HostStatus)(one), isHost(one)], [false, false])
    })
  )
})

/** Ages go on between the two. */
const timeless = (said: Said): Said => ({ ...said, out: said.out.replace(/\b\d+s\b/gu, "0s") })
