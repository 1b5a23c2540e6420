/** Agents on whole machines: installed over SSH as services, and carried through what happens to hubs, cables and keys. */
import { Schema } from "effect"
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
import { cut, heal, hosts, inside, reboot, ssh } from "./support.ts"
import { addHost } from "./tasks.ts"

const Agents = Schema.Struct({
  agents: Schema.Array(Schema.Struct({ name: Schema.String, online: Schema.Boolean, status: Schema.String }))
})
const Planned = Schema.Struct({
  planId: Schema.String,
  status: Schema.String,
  risk: Schema.optionalKey(Schema.NullOr(Schema.String)),
  hash: Schema.String
})

let server: TestServer
let home: Home
let hub: Role

beforeAll(async () => {
  server = await startServer()
  const machines = await hosts("aga", "agb")
  // as the hosts see this machine
  const address = machines[0]?.address.replace(/\d+$/u, "1") ?? ""
  home = await makeHome({ database: server.url, env: { SIGNALBOX_HTTP_HOST: address } })
  hub = await startHub(home)
  await start(home, "worker")
  for (const one of machines) await addHost(home, one, "--tag", "web")
})
afterAll(async () => {
  await dispose(home)
  await server.stop()
})

const online = (...names: ReadonlyArray<string>) =>
  until(`${names.join(" and ")} online`, 90_000, async () => {
    const { agents } = (await signalbox(home, "agent", "list", "--json")).json(Agents)
    return names.every((name) => agents.some((one) => one.name === name && one.online)) ? true : undefined
  })
const invocation = async (host: string): Promise<string> =>
  (await inside(host, "systemctl show -p InvocationID --value nginx.service")).trim()
const starts = async (host: string): Promise<number> =>
  Number((await inside(host, "journalctl -u nginx.service -o cat | grep -c '^Started nginx' || true")).trim())

/** Proposed, approved as the risk asks for, and then whatever comes. */
const agree = async (instruction: string, ...more: ReadonlyArray<string>): Promise<string> => {
  const proposed = await signalbox(home, "do", instruction, "--json")
  expect([proposed.code, proposed.stderr]).toEqual([2, ""])
  const { planId, hash } = Schema.decodeUnknownSync(Planned)(JSON.parse(proposed.stdout))
  const code = `${hash.slice(0, 4)}${hash.slice(-4)}`
  const approved = await signalbox(home, "plan", "approve", planId, "--code", code, ...more)
  expect([approved.code, approved.stderr]).toEqual([0, expect.stringContaining(planId)])
  return planId
}
const over = (planId: string, timeoutMs: number) =>
  until(`${planId} is over`, timeoutMs, async () => {
    const plan = (await signalbox(home, "plan", "show", planId, "--json")).json(Planned)
    return ["approved", "running", "proposed"].includes(plan.status) ? undefined : plan
  })

it("host prepare --agent makes hosts agents, with a Node of the hub's where they have none", async () => {
  showLogsOnFailure(home)
  for (const name of ["aga", "agb"]) {
    expect(await inside(name, "command -v node || echo none")).toBe("none\n")
    const prepared = await signalbox(home, "host", "prepare", name, "--agent")
    expect([prepared.code, prepared.stdout]).toEqual([0, expect.stringContaining("It runs.")])
  }
  await online("aga", "agb")
  expect(await inside("aga", "systemctl is-enabled signalbox-agent.service signalbox-agent-helper.socket")).toBe(
    "enabled\nenabled\n"
  )
  expect(await inside("aga", "stat -c '%U %a' /etc/signalbox-agent/agent.json /var/lib/signalbox-agent/key.pem")).toBe(
    "root 644\nsignalbox-agent 600\n"
  )
  const again = await signalbox(home, "host", "prepare", "aga", "--agent")
  expect([again.code, again.stdout]).toEqual([0, expect.stringContaining("It runs.")])
  await online("aga", "agb")
})

it("a read is answered, and a restart that was approved is seen by systemd on every host", async () => {
  showLogsOnFailure(home)
  const usage = await signalbox(home, "do", "what is the cpu usage of aga")
  expect([usage.code, usage.stdout]).toEqual([0, expect.stringContaining("CPU")])
  const before = [await invocation("aga"), await invocation("agb")]
  const planId = await agree("restart nginx on all hosts")
  const { value } = await over(planId, 60_000)
  expect(value.status).toBe("succeeded")
  const after = [await invocation("aga"), await invocation("agb")]
  expect(after[0]).not.toBe(before[0])
  expect(after[1]).not.toBe(before[1])
})

it("a hub that is killed while its agents act neither loses an outcome nor lets anything act twice", async () => {
  showLogsOnFailure(home)
  const before = [await starts("aga"), await starts("agb")]
  const planId = await agree("restart nginx on all hosts", "--no-wait")
  await hub.kill9()
  hub = await start(home, "hub")
  await ready(home, hub)
  const { value } = await over(planId, 90_000)
  expect(value.status).toBe("succeeded")
  expect([await starts("aga"), await starts("agb")]).toEqual(before.map((count) => count + 1))
  await online("aga", "agb")
})

it("what was dispatched while the cable was cut is done once when it is back", async () => {
  showLogsOnFailure(home)
  const before = await starts("aga")
  await cut("aga")
  const planId = await agree("restart nginx on aga", "--no-wait")
  const other = await signalbox(home, "do", "what is the cpu usage of agb")
  expect(other.code).toBe(0)
  await heal("aga")
  const { value } = await over(planId, 150_000)
  expect(value.status).toBe("succeeded")
  expect(await starts("aga")).toBe(before + 1)
})

it("an agent starts with its host", async () => {
  await reboot("agb")
  await online("agb")
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
  await online("aga", "agb")
  expect((await ssh("agb", "cat /etc/signalbox-agent/agent.json")).length).toBeGreaterThan(100)
})
