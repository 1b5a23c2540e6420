/** Agents on whole machines: installed over SSH as services, and carried through what happens to hubs, cables and keys. */
import { afterAll, beforeAll, expect, it } from "vitest"
import { showLogsOnFailure } from "../support/logs.ts"
import { startServer, type TestServer } from "../support/postgres-server.ts"
import {
  dispose,
  type Home,
  makeHome,
  ready,
  type Role,
  signalbox,
  start,
  startHub,
  until
} from "../support/signalbox.ts"
import { approve, online, over, propose } from "./plans.ts"
import { addressHere, cut, heal, hosts, inside, invocation, reboot, ssh } from "./support.ts"
import { addHost } from "./tasks.ts"

let server: TestServer
let home: Home
let hub: Role

beforeAll(async () => {
  server = await startServer()
  const machines = await hosts("aga", "agb")
  home = await makeHome({ database: server.url, env: { SIGNALBOX_HTTP_HOST: addressHere(...machines) } })
  hub = await startHub(home)
  await start(home, "worker")
  for (const one of machines) await addHost(home, one, "--tag", "web")
})
afterAll(async () => {
  await dispose(home)
  await server.stop()
})

const starts = async (host: string): Promise<number> =>
  Number((await inside(host, "journalctl -u nginx.service -o cat | grep -c '^Started nginx' || true")).trim())

const agree = async (instruction: string): Promise<string> => approve(home, await propose(home, instruction))

it("host prepare --agent makes hosts agents, with a Node of the hub's where they have none", async () => {
  showLogsOnFailure(home)
  for (const name of ["aga", "agb"]) {
    expect(await inside(name, "command -v node || echo none")).toBe("none\n")
    const prepared = await signalbox(home, "host", "prepare", name, "--agent")
    expect([prepared.code, prepared.stdout]).toEqual([0, expect.stringContaining("It runs.")])
  }
  await online(home, "aga", "agb")
  const { stdout: agents } = await signalbox(home, "report", "agents", "--format", "csv")
  expect(agents).toContain(",local-admin,") // who asked for it, not the worker that did it
  expect(agents).not.toContain(",worker,")
  expect(await inside("aga", "systemctl is-enabled signalbox-agent.service signalbox-agent-helper.socket")).toBe(
    "enabled\nenabled\n"
  )
  expect(await inside("aga", "stat -c '%U %a' /etc/signalbox-agent/agent.json /var/lib/signalbox-agent/key.pem")).toBe(
    "root 644\nsignalbox-agent 600\n"
  )
  const again = await signalbox(home, "host", "prepare", "aga", "--agent")
  expect([again.code, again.stdout]).toEqual([0, expect.stringContaining("It runs.")])
  await online(home, "aga", "agb")
})

it("a read is answered, and a restart that was approved is seen by systemd on every host", async () => {
  showLogsOnFailure(home)
  const usage = await signalbox(home, "do", "what is the cpu usage of aga")
  expect([usage.code, usage.stdout]).toEqual([0, expect.stringContaining("CPU")])
  const before = [await invocation("aga"), await invocation("agb")]
  const plan = await over(home, await agree("restart nginx on all hosts"))
  expect(plan.status).toBe("succeeded")
  const after = [await invocation("aga"), await invocation("agb")]
  expect(after[0]).not.toBe(before[0])
  expect(after[1]).not.toBe(before[1])
})

it("a hub that is killed while its agents act neither loses an outcome nor lets anything act twice", async () => {
  showLogsOnFailure(home)
  const before = [await starts("aga"), await starts("agb")]
  const planId = await agree("restart nginx on all hosts")
  await hub.kill9()
  hub = await start(home, "hub")
  await ready(home, hub)
  expect((await over(home, planId)).status).toBe("succeeded")
  expect([await starts("aga"), await starts("agb")]).toEqual(before.map((count) => count + 1))
  await online(home, "aga", "agb")
})

it("what was dispatched while the cable was cut is done once when it is back", async () => {
  showLogsOnFailure(home)
  const before = await starts("aga")
  await cut("aga")
  const planId = await agree("restart nginx on aga")
  const other = await signalbox(home, "do", "what is the cpu usage of agb")
  expect(other.code).toBe(0)
  await heal("aga")
  expect((await over(home, planId, 150_000)).status).toBe("succeeded")
  expect(await starts("aga")).toBe(before + 1)
})

it("an agent starts with its host", async () => {
  await reboot("agb")
  await online(home, "agb")
})

it("a revoked agent is cut off at once and stays away", async () => {
  showLogsOnFailure(home)
  const revoked = await signalbox(home, "agent", "revoke", "agb", "--reason", "the test is over")
  expect(revoked.code).toBe(0)
  await until("its service has ended for good", 60_000, async () =>
    (await inside("agb", "systemctl show -p ActiveState -p ExecMainStatus --value signalbox-agent.service")).match(
      /failed|3/u
    )
      ? true
      : undefined
  )
  const asked = await signalbox(home, "do", "what is the cpu usage of agb")
  expect(asked.code).not.toBe(0)
  const anew = await signalbox(home, "host", "prepare", "agb", "--agent", "--replace")
  expect([anew.code, anew.stdout]).toEqual([0, expect.stringContaining("It runs.")])
  await online(home, "aga", "agb")
  expect((await ssh("agb", "cat /etc/signalbox-agent/agent.json")).length).toBeGreaterThan(100)
})
