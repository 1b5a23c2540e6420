/** A host that goes down under a task: the task is `interrupted`, is never run again by itself, and can be retried. */
import { afterAll, beforeAll, expect, it } from "vitest"
import { type Home, dispose, makeHome, signalbox, start, startHub, until } from "../support/signalbox.ts"
import { showLogsOnFailure } from "../support/logs.ts"
import { type TestServer, startServer } from "../support/postgres-server.ts"
import { crash, hosts, powerOn, reboot, ssh } from "./support.ts"
import { Created, addHost, createTask, hasStatus, showTask } from "./tasks.ts"

let server: TestServer
let home: Home

beforeAll(async () => {
  server = await startServer()
  home = await makeHome({ database: server.url })
  await startHub(home)
  await start(home, "worker")
  for (const one of await hosts("boot", "power")) await addHost(home, one)
})
afterAll(async () => {
  await dispose(home)
  await server.stop()
})

it.each([
  { how: "a reboot", name: "boot", happens: () => reboot("boot") },
  { how: "a power cut", name: "power", happens: () => crash("power").then(() => powerOn("power")) }
])(
  "after $how a running task is interrupted within 30 s, not run again, and can be retried",
  async ({ name, happens }) => {
    showLogsOnFailure(home)
    const runs = async (): Promise<number> => Number((await ssh(name, "wc -l </root/runs")).trim())
    const bystander = await createTask(home, name, "shell", "echo done; exit 3")
    await hasStatus(home, bystander, "failed", 60_000)
    const taskId = await createTask(home, name, "shell", "echo started; echo run >>/root/runs; sync; exec sleep 600")
    await hasStatus(home, taskId, "running", 60_000)
    await until("the command has begun", 60_000, async () => ((await runs()) === 1 ? true : undefined))
    await until("its output is stored", 60_000, async () =>
      (await signalbox(home, "task", "logs", taskId)).stdout === "started\n" ? true : undefined
    )

    await happens()

    const { ms } = await hasStatus(home, taskId, "interrupted", 60_000)
    expect(ms).toBeLessThan(45_000) // with the time that a busy machine takes to look
    expect((await signalbox(home, "task", "wait", taskId)).code).toBe(1) // settled, and known not to have succeeded
    expect((await signalbox(home, "task", "logs", taskId)).stdout).toBe("started\n")
    expect(await runs()).toBe(1)
    expect(await showTask(home, bystander)).toMatchObject({ status: "failed", exitCode: 3 })

    const retried = (await signalbox(home, "task", "retry", taskId, "--json")).json(Created).taskId
    expect(retried).not.toBe(taskId)
    await hasStatus(home, retried, "running", 60_000)
    await until("the retry has begun", 60_000, async () => ((await runs()) === 2 ? true : undefined))
    expect((await showTask(home, taskId)).status).toBe("interrupted")
    expect((await signalbox(home, "task", "kill", retried)).code).toBe(0)
    await hasStatus(home, retried, "killed", 60_000)
    expect(await runs()).toBe(2)
  }
)
