/**
 * Eight hosts that are commanded in plain language, with a real hub, a real worker and real agents: what is done is proven, what goes
 * wrong is told, and whatever dies in the middle, nothing is done twice. How often something was done is counted on the hosts.
 */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { Schema } from "effect"
import { privateKeyFrom } from "@signalbox/core/agent/grant.ts"
import { requestOf } from "@signalbox/hub/agent/commands.ts"
import { PlanEvent } from "@signalbox/core/plan/events.ts"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
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
import { fingerprintOf } from "./agent/driven.ts"
import { approve, draft, enroll, online, over, propose, resultsOf, show, trailOf } from "./plans.ts"
import { addressHere, cut, heal, hosts, inside, invocation } from "./support.ts"

const names = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `web${n}`)
const nginxConf = "/etc/nginx/nginx.conf"
const sshdConfig = "/etc/ssh/sshd_config"
const cable = "/etc/systemd/network/10-host0.network"

let server: TestServer
let home: Home
let hub: Role

/**
 * `slow` takes seconds to start, so that something can die in the middle, and writes down each time that it is begun; `weak` is well when
 * it is looked at and falls over later. sshd takes its time, too.
 */
const units = [
  "mkdir -p /var/lib/acts /etc/systemd/system/ssh.service.d",
  "echo 4 >/var/lib/acts/takes",
  `printf '[Unit]\\nStartLimitIntervalSec=0\\n[Service]\\nExecStartPre=/bin/sh -c "echo begun >>/var/lib/acts/slow; sleep $(cat /var/lib/acts/takes)"\\nExecStart=/bin/sleep infinity\\n' >/etc/systemd/system/slow.service`,
  `printf '[Service]\\nExecStart=/bin/sh -c "sleep 2; exit 7"\\n' >/etc/systemd/system/weak.service`,
  `printf '[Service]\\nExecStartPre=/bin/sleep 12\\nExecReload=\\nExecReload=/bin/sleep 12\\nExecReload=/bin/kill -HUP $MAINPID\\n' >/etc/systemd/system/ssh.service.d/slow.conf`,
  "systemctl daemon-reload"
].join(" && ")

beforeAll(async () => {
  server = await startServer()
  const machines = await hosts(...names)
  home = await makeHome({ database: server.url, env: { SIGNALBOX_HTTP_HOST: addressHere(...machines) } })
  hub = await startHub(home)
  await start(home, "worker")
  await enroll(home, machines, "web")
  await Promise.all(names.map((name) => inside(name, units)))
})
afterAll(async () => {
  await dispose(home)
  await server.stop()
})

const everywhere = <A>(ask: (name: string) => Promise<A>): Promise<ReadonlyArray<A>> => Promise.all(names.map(ask))
const acts = async (host: string): Promise<number> =>
  Number(await inside(host, "cat /var/lib/acts/slow 2>/dev/null | wc -l"))
const fingerprint = (host: string, path: string): Promise<string> => inside(host, fingerprintOf(path))

/** What comes right after the host's root has begun the act: without a moment in between, however busy the machine is. */
const onceBegun = (host: string, commandId: string, then: string): Promise<string> =>
  inside(
    host,
    `for n in $(seq 1200); do if grep -q '"began".*${commandId}' /var/lib/signalbox-agent-helper/receipts.jsonl 2>/dev/null; then ${then}; exit; fi; sleep 0.05; done; exit 1`
  )
const killed = (unit: string): string => `kill -9 $(systemctl show -p MainPID --value ${unit})`
const commandIds = async (planId: string): Promise<ReadonlyMap<string, string>> => {
  const { value } = await until(`${planId} is dispatched`, 60_000, async () => {
    const results = resultsOf(await show(home, planId))
    return results.every((one) => one.commandId !== undefined) ? results : undefined
  })
  return new Map(value.map((one) => [one.host, one.commandId ?? ""]))
}
const commandOn = async (planId: string, host: string): Promise<string> => (await commandIds(planId)).get(host) ?? ""

describe("eight hosts", () => {
  it("restart nginx on all web servers: on all of them another run, with proof", async () => {
    showLogsOnFailure(home)
    const before = await everywhere((name) => invocation(name))
    const plan = await propose(home, "restart nginx on all web servers")
    expect(plan.risk).toBe("high") // eight of eight
    const approved = await signalbox(home, "plan", "approve", plan.planId)
    expect([approved.code, approved.stderr]).toEqual([0, expect.stringContaining("8 succeeded")])
    expect(names.filter((name) => !approved.stdout.includes(`✓ ${name} `))).toEqual([])
    const after = await everywhere((name) => invocation(name))
    expect(after.filter((one, nth) => one === before[nth])).toEqual([])
    expect(resultsOf(await show(home, plan.planId))).toEqual(
      names.map((host) => expect.objectContaining({ host, state: "succeeded", proven: true }))
    )
  })

  it("a hub that is killed while all of them act loses no outcome, and none of them acts twice", async () => {
    showLogsOnFailure(home)
    const before = await everywhere(acts)
    const planId = await approve(home, await propose(home, "restart slow on all web servers"))
    const commands = await commandIds(planId)
    await everywhere((name) => onceBegun(name, commands.get(name) ?? "", "true"))
    await hub.kill9()
    hub = await start(home, "hub")
    await ready(home, hub)
    const plan = await over(home, planId)
    expect(resultsOf(plan).map((one) => one.state)).toEqual(names.map(() => "succeeded"))
    expect(await everywhere(acts)).toEqual(before.map((count) => count + 1))
    await online(home, ...names)
  })

  it.concurrent(
    "a broken value: the checker refuses, the file is as it was, and all of it can be read in the log",
    async () => {
      showLogsOnFailure(home)
      const [before, run] = [await fingerprint("web1", nginxConf), await invocation("web1")]
      const set = await propose(home, "set worker_processes to many in the nginx config on web1")
      const plan = await over(home, await approve(home, set))
      expect(plan.status).toBe("failed")
      expect(resultsOf(plan)).toEqual([
        expect.objectContaining({
          state: "rolled-back",
          proven: false,
          summary: expect.stringMatching(/nginx -t.*worker_processes.*is as before/u)
        })
      ])
      expect([await fingerprint("web1", nginxConf), await invocation("web1")]).toEqual([before, run])
      expect(await inside("web1", "find /etc -name '.signalbox-*'")).toBe("")
      const trail = await trailOf(home, plan.planId)
      expect(trail.filter((type) => type !== "StepDispatched" && type !== "StepSucceeded")).toEqual([
        "InstructionGiven",
        "PlanProposed",
        "PlanApproved",
        "StepAccepted",
        "StepRolledBack",
        "PlanFinished"
      ])
    }
  )

  it.concurrent("what is well and falls over a moment later is told, although its plan is over", async () => {
    showLogsOnFailure(home)
    const planId = await approve(home, await propose(home, "restart weak on web1"))
    await over(home, planId)
    const { value } = await until("the relapse is told", 60_000, async () => {
      const [one] = resultsOf(await show(home, planId))
      return one?.state === "failed" ? one : undefined
    })
    expect(value).toMatchObject({ proven: false, summary: expect.stringMatching(/fell over .* later.*exit code 7/u) })
    expect((await trailOf(home, planId)).at(-1)).toBe("StepRelapsed")
    expect((await show(home, planId)).status).toBe("failed")
  })

  it.concurrent(
    "an agent killed -9 in the middle of an act: never done again, and what can be known is told",
    async () => {
      showLogsOnFailure(home)
      const before = await acts("web3")
      await inside("web3", "echo 25 >/var/lib/acts/takes")
      const planId = await approve(home, await propose(home, "restart slow on web3"))
      const command = await commandOn(planId, "web3")
      await onceBegun("web3", command, killed("signalbox-agent-helper.service"))
      const plan = await over(home, planId)
      expect(resultsOf(plan).map((one) => one.state)).toEqual(["unknown"])
      // it is told again to whoever connects anew, and still not done
      await inside("web3", "systemctl restart signalbox-agent.service")
      await online(home, "web3")
      const next = await over(home, await approve(home, await propose(home, "restart nginx on web3")))
      expect(next.status).toBe("succeeded")
      expect(await acts("web3")).toBeLessThanOrEqual(before + 1)
      expect((await show(home, planId)).status).toBe("unknown")

      const between = await acts("web3")
      await inside("web3", "echo 10 >/var/lib/acts/takes")
      const second = await approve(home, await propose(home, "restart slow on web3"))
      const again = await commandOn(second, "web3")
      await onceBegun("web3", again, killed("signalbox-agent.service"))
      expect((await over(home, second)).status).toBe("succeeded")
      expect(await acts("web3")).toBe(between + 1)
    }
  )

  it.concurrent("a cable cut for a minute, before an act and in the middle of one: done once, and told", async () => {
    showLogsOnFailure(home)
    const before = [await acts("web5"), await acts("web6")]
    await inside("web5", "echo 25 >/var/lib/acts/takes")
    const plan = await propose(home, "restart slow on web5 and web6")
    await cut("web6")
    const since = Date.now()
    const planId = await approve(home, plan)
    await onceBegun("web5", await commandOn(planId, "web5"), "true")
    await cut("web5")
    await until("a minute has passed", 90_000, async () => (Date.now() - since > 60_000 ? true : undefined))
    const meanwhile = resultsOf(await show(home, planId)).map((one) => one.state)
    expect(
      meanwhile.every((state) => ["dispatched", "accepted"].includes(state)),
      meanwhile.join()
    ).toBe(true)
    await Promise.all([heal("web5"), heal("web6")])
    const done = await over(home, planId, 180_000)
    expect(resultsOf(done).map((one) => one.state)).toEqual(["succeeded", "succeeded"])
    expect([await acts("web5"), await acts("web6")]).toEqual(before.map((count) => count + 1))
  })

  it.concurrent(
    "a change of sshd whose host is cut off meanwhile is restored by itself, and the hub hears it",
    async () => {
      showLogsOnFailure(home)
      const before = await fingerprint("web7", sshdConfig)
      const planId = await approve(home, await propose(home, "set LoginGraceTime to 77 in the sshd config on web7"))
      await onceBegun("web7", await commandOn(planId, "web7"), "true")
      await cut("web7")
      await until("the new value holds", 60_000, async () =>
        (await inside("web7", "sshd -T")).includes("logingracetime 77") ? true : undefined
      )
      await until("it was restored", 150_000, async () =>
        (await fingerprint("web7", sshdConfig)) === before ? true : undefined
      )
      await heal("web7")
      const [result] = resultsOf(await over(home, planId, 180_000))
      expect(result).toMatchObject({ state: "rolled-back", proven: false })
      expect(await inside("web7", "systemctl is-active ssh.service")).toBe("active\n")
    }
  )

  it.concurrent("a change that cuts its own host off is restored by itself, and the hub hears it", async () => {
    showLogsOnFailure(home)
    const before = await fingerprint("web8", cable)
    const args = { path: cable, section: "Network", key: "Address", value: "198.18.250.250/24" }
    const planId = await approve(home, await draft(home, "web8", "config.set", args))
    await until("it is cut off", 60_000, async () =>
      (await inside("web8", "ip -4 -o addr show host0")).includes("198.18.250.250") ? true : undefined
    )
    const [result] = resultsOf(await over(home, planId, 240_000))
    expect(result).toMatchObject({ state: "rolled-back", proven: false })
    expect(await fingerprint("web8", cable)).toBe(before)
    await online(home, "web8")
  })

  it.concurrent("a stolen grant does nothing at another host, with other arguments, or later", async () => {
    showLogsOnFailure(home)
    const reading = await signalbox(home, "do", "show the last 5 lines of the nginx log on web2")
    expect(reading.code, reading.stderr).toBe(0)
    const read = await stolen(/p-\d{8}-\w{6}/u.exec(reading.stderr)?.[0] ?? "")
    const planId = await approve(home, await propose(home, "restart slow on web2"))
    expect((await over(home, planId)).status).toBe("succeeded")
    const act = await stolen(planId)
    const before = [await acts("web2"), await acts("web4")]

    expect(await replayed("web4", act)).toMatchObject({ outcome: "refused", data: { reason: "other-agent" } })
    const other = { ...act, args: { unit: "ssh.service" } }
    expect(await replayed("web2", other)).toMatchObject({ outcome: "refused", data: { reason: "other-arguments" } })
    // the very same is answered as it was, and not done again
    expect(await replayed("web2", act)).toMatchObject({ outcome: "succeeded" })
    await until("the read's grant is over", 60_000, async () =>
      Date.now() > read.grant.expiresAt + 1_000 ? true : undefined
    )
    expect(await replayed("web2", read)).toMatchObject({ outcome: "expired" })
    expect([await acts("web2"), await acts("web4")]).toEqual(before)
  })
})

const { _tag: _, ...dispatched } = PlanEvent.cases.StepDispatched.fields
const Printed = Schema.Struct({ at: Schema.String, data: Schema.Struct(dispatched) })
const decodeEvent = Schema.decodeUnknownSync(Schema.fromJsonString(Printed))

/** The command as it went over the wire: a grant that is made twice is the same, byte for byte. */
const stolen = async (planId: string) => {
  const key = privateKeyFrom(await readFile(join(home.path, "home", "keys", "grant-key.pem"), "utf8"))
  const printed = await signalbox(home, "events", "--stream", `plan/${planId}`, "--type", "StepDispatched", "--json")
  for (const line of printed.stdout.trim().split("\n")) {
    const { at, data } = decodeEvent(line)
    if (data.purpose === "act" && data.args !== undefined && key !== undefined)
      return requestOf(planId, { _tag: "StepDispatched", ...data }, data.args, Math.floor(Date.parse(at)), key)
  }
  throw new Error(`nothing was dispatched by ${planId}: ${printed.stdout.slice(0, 500)}`)
}

const Replayed = Schema.Struct({ commandId: Schema.String, outcome: Schema.String, data: Schema.Json })
const decodeAnswer = Schema.decodeUnknownSync(Schema.fromJsonString(Replayed))

/** Handed to root's part by whoever has taken over the process with the network. */
const replayed = async (host: string, request: { readonly commandId: string }) => {
  const message = Buffer.from(`${JSON.stringify(request)}\n`).toString("base64")
  const script = `
import socket, base64
s = socket.socket(socket.AF_UNIX)
s.settimeout(30)
s.connect("/run/signalbox-agent/helper.sock")
s.sendall(base64.b64decode("${message}"))
for line in s.makefile():
    if "command_result" in line and "${request.commandId}" in line:
        print(line)
        break
`
  const encoded = Buffer.from(script).toString("base64")
  return decodeAnswer(await inside(host, `echo ${encoded} | base64 -d | runuser -u signalbox-agent -- python3 -`))
}
