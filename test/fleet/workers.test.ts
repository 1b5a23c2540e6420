/** Three workers share sixty tasks on three hosts: limits hold, a killed worker's watches go on elsewhere, nothing runs twice. */
import { randomUUID } from "node:crypto"
import { Schema } from "effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import { isSettled, TaskStatus } from "@signalbox/core/task/view.ts"
import {
  type Home,
  type Role,
  dispose,
  hubFetch,
  hubSays,
  makeHome,
  signalbox,
  start,
  startHub,
  until
} from "../support/signalbox.ts"
import { showLogsOnFailure } from "../support/logs.ts"
import { type TestServer, startServer } from "../support/postgres-server.ts"
import { hosts, ssh } from "./support.ts"
import { Created, HostShown, TaskList, addHost } from "./tasks.ts"

const names = ["one", "two", "three"]
const limit = 2
const perHost = 20

let server: TestServer
let home: Home
let workers: ReadonlyArray<Role>

beforeAll(async () => {
  server = await startServer()
  home = await makeHome({ database: server.url })
  await startHub(home)
  workers = await Promise.all([1, 2, 3].map(() => start(home, "worker")))
  for (const one of await hosts(...names)) await addHost(home, one, "--max-tasks", String(limit))
})
afterAll(async () => {
  await dispose(home)
  await server.stop()
})

/** The host itself is the witness: each run says that it began and how many are there at that moment. */
const witness = (n: number): string => `
mkdir -p /root/now; echo ${n} >>/root/began; touch /root/now/${n}; ls /root/now | wc -l >>/root/count
sleep 3; rm /root/now/${n}; echo ${n} >>/root/ended; echo "task ${n}"`

it("60 tasks on 3 hosts, at most 2 at once on each, one worker killed with -9: all finish once, taken over within 15 s", async () => {
  showLogsOnFailure(home)
  const ids = await Promise.all(
    names.flatMap((name, h) => Array.from({ length: perHost }, (_, n) => rush(name, witness(h * perHost + n))))
  )
  expect(new Set(ids).size).toBe(names.length * perHost)

  await until("a third of them have ended", 120_000, async () => ((await ended()) >= 20 ? true : undefined))
  const victim = await until("a worker that watches", 60_000, async () => {
    const watchers = await Promise.all(names.map(watcher))
    return workers.find((one) => watchers.some((name) => belongsTo(one, name)))
  })
  const orphans: Array<string> = []
  for (const name of names) if (belongsTo(victim.value, await watcher(name))) orphans.push(name)
  await victim.value.kill9()
  const { ms } = await until(`${orphans.join(" and ")} have another watcher`, 60_000, async () => {
    const watchers = await Promise.all(orphans.map(watcher))
    return watchers.every((name) => name !== null && !belongsTo(victim.value, name)) ? true : undefined
  })
  expect(ms).toBeLessThan(30_000) // with the time that a busy machine takes to look

  await until("all of them have ended", 180_000, async () => ((await ended()) === ids.length ? true : undefined))
  const { tasks } = (await signalbox(home, "task", "list", "--json")).json(TaskList)
  expect(tasks.filter((task) => task.status !== "succeeded")).toEqual([])
  for (const [h, name] of names.entries()) {
    const wanted = Array.from({ length: perHost }, (_, n) => h * perHost + n)
    expect(numbers(await ssh(name, "cat /root/began")).toSorted((a, b) => a - b)).toEqual(wanted)
    expect(numbers(await ssh(name, "cat /root/ended")).toSorted((a, b) => a - b)).toEqual(wanted)
    const counts = numbers(await ssh(name, "cat /root/count"))
    expect(Math.max(...counts), `at once on ${name}, run by run: ${counts.join(" ")}`).toBe(limit)
  }
  const sampled = ids.at(-1) ?? ""
  expect((await signalbox(home, "task", "logs", sampled)).stdout).toBe(`task ${ids.length - 1}\n`)
})

/** Over HTTP: sixty starts of the command line at once would be a test of how many cores this machine has to spare. */
const rush = async (host: string, command: string): Promise<string> => {
  const body = JSON.stringify({ host, tool: "shell", command, commandId: randomUUID() })
  const answer = await hubFetch(home, "/api/v1/tasks", { method: "POST", body })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`the hub answered ${answer.status}: ${text}`)
  return Schema.decodeUnknownSync(Created)(JSON.parse(text)).taskId
}

const Statuses = Schema.Struct({ tasks: Schema.Array(Schema.Struct({ status: TaskStatus })) })
const ended = async (): Promise<number> =>
  (await hubSays(home, "/api/v1/tasks?limit=100", Statuses)).tasks.filter((task) => isSettled(task.status)).length

const watcher = async (name: string): Promise<string | null> =>
  (await signalbox(home, "host", "show", name, "--json")).json(HostShown).watcher

/** Workers are named after their process: worker:host-pid. */
const belongsTo = (worker: Role, name: string | null): boolean => new RegExp(`\\b${worker.pid}\\b`).test(name ?? "")

const numbers = (text: string): ReadonlyArray<number> => text.trim().split(/\s+/).map(Number)
