/** Workers are replaced one after the other while tasks run and wait: nothing is lost, no attempt is burned, watches change hands. */
import { afterAll, beforeAll, expect, it } from "vitest"
import postgres from "postgres"
import { isSettled } from "@signalbox/core/task/view.ts"
import {
  type Home,
  type Role,
  dispose,
  makeHome,
  signalbox,
  startHub,
  startWorker,
  until
} from "../support/signalbox.ts"
import { showLogsOnFailure } from "../support/logs.ts"
import { type TestServer, startServer } from "../support/postgres-server.ts"
import { type FleetHost, host, ssh } from "./support.ts"
import { HostShown, TaskList, addHost, createTask } from "./tasks.ts"

let server: TestServer
let home: Home
let box: FleetHost

beforeAll(async () => {
  ;[server, box] = await Promise.all([startServer(), host("rolling")])
  home = await makeHome({ database: server.url })
  await startHub(home)
})
afterAll(async () => {
  await dispose(home)
  await server.stop()
})

const count = 18
const atOnce = 6

it("SIGTERM to each worker in turn loses nothing, runs nothing twice and hands its watch over", async () => {
  showLogsOnFailure(home)
  let [watching, other] = await Promise.all([startWorker(home), startWorker(home)])
  await addHost(home, box, "--max-tasks", String(atOnce))
  // The first ones end and make room while hands change; the next ones stay until that is over, so that there is something to watch.
  const command = (n: number): string =>
    `echo ${n} >>/root/began; for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 0.5; done` +
    (n < atOnce ? "" : "; until [ -e /root/go ]; do sleep 0.2; done")
  const ids: Array<string> = []
  for (let n = 0; n < count; n++) ids.push(await createTask(home, box.name, "shell", command(n)))
  await until("somebody watches", 60_000, async () => ((await watcher()) === null ? undefined : true))
  if (isNamedIn(other, await watcher())) [watching, other] = [other, watching]

  for (let round = 0; round < 2; round++) {
    await watching.stop()
    expect(await watching.ended).not.toBeNull() // it went by itself: nobody had to kill it
    expect(await holdersThatWouldHaveToExpire()).not.toMatch(new RegExp(`\\b${watching.pid}\\b`))
    await until("the other worker watches", 60_000, async () => (isNamedIn(other, await watcher()) ? true : undefined))
    ;[watching, other] = [other, await startWorker(home)]
  }

  await ssh(box.name, "touch /root/go")

  const { value: tasks } = await until("all have ended", 120_000, async () => {
    const all = (await signalbox(home, "task", "list", "--json")).json(TaskList).tasks
    return all.length === count && all.every((task) => isSettled(task.status)) ? all : undefined
  })
  expect(tasks.filter((task) => task.status !== "succeeded")).toEqual([])
  const said = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `line ${n}\n`).join("")
  for (const id of ids) expect((await signalbox(home, "task", "logs", id)).stdout).toBe(said)
  const runs = (await ssh(box.name, "sort -n /root/began")).trim().split("\n").map(Number)
  expect(runs).toEqual(Array.from({ length: count }, (_, n) => n))
  const burned = await asked(
    (sql) => sql`select name, retry_count, output from pgboss.job where retry_count > 0 or state = 'failed'`
  )
  expect([...burned]).toEqual([])
})

const asked = async <A>(question: (sql: postgres.Sql) => Promise<A>): Promise<A> => {
  const sql = postgres(server.url, { max: 1, onnotice: () => {} })
  return question(sql).finally(() => sql.end())
}

/** Whoever gives a watch back leaves it free at once; that of the dead is waited for. */
const holdersThatWouldHaveToExpire = async (): Promise<string> => {
  const rows = await asked(
    (sql) => sql`select holder from queue.lease where name like 'watch/%' and expires_at > now()`
  )
  return rows.map((row) => String(row["holder"])).join(" ")
}

const watcher = async (): Promise<string | null> =>
  (await signalbox(home, "host", "show", box.name, "--json")).json(HostShown).watcher

const isNamedIn = (worker: Role, name: string | null): boolean => new RegExp(`\\b${worker.pid}\\b`).test(name ?? "")
