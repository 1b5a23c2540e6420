/** The agent as systemd services of whole machines: what it may, what it survives, what it tells. */
import { mkdtemp, copyFile, chmod, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { build } from "esbuild"
import { makeCertificate, type Certificate } from "@signalbox/core/config/certificate.ts"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { agentBundle } from "../../scripts/agent-bundle.mjs"
import { AgentHub, inviteToken } from "../support/agent-hub.ts"
import { eventually } from "../support/eventually.ts"
import { diskOf } from "./agent/driven.ts"
import { addressHere, cut, heal, host, ssh } from "./support.ts"

const name = "agentbox"
let hub: AgentHub
let certificate: Certificate
let directory = ""

const property = async (unit: string, property: string): Promise<string> =>
  (await ssh(name, `systemctl show --value -p ${property} ${unit}`)).trim()
const restartNginx = () => hub.request("service.restart", { unit: "nginx.service" })

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "fleet-agent-"))
  const here = addressHere(await host(name))
  await build({ ...agentBundle, outdir: directory })
  certificate = await Effect.runPromise(
    makeCertificate({ tls: join(directory, "tls") }, { names: [here], days: 2, replace: false }, Date.now())
  )
  hub = new AgentHub(certificate)
  await hub.listen(0, here)
  const node = fileURLToPath(new URL("../../node_modules/node/bin/node", import.meta.url))
  await copyFile(node, diskOf(name, "usr/local/bin/node"))
  await chmod(diskOf(name, "usr/local/bin/node"), 0o755)
  await copyFile(join(directory, "signalbox-agent.cjs"), diskOf(name, "root/signalbox-agent.cjs"))
})
afterAll(async () => {
  await hub.close()
  await rm(directory, { recursive: true, force: true })
})

describe("the agent as services", () => {
  it("is installed in one go, and the process with the network has no rights", async () => {
    const said = await ssh(
      name,
      `HUB_URL=${hub.url} TOKEN=${inviteToken} HUB_FINGERPRINT=${certificate.fingerprint} node /root/signalbox-agent.cjs install`
    )
    expect(said).toMatch(/This host is web1[^]*It runs\./)
    await hub.connection()
    const status = await ssh(name, `cat /proc/$(systemctl show --value -p MainPID signalbox-agent)/status`)
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m)
    expect(status).toMatch(/^CapEff:\s+0+$/m)
    expect(status).toMatch(/^CapBnd:\s+0+$/m)
    expect(status).not.toMatch(/^Uid:\s+0\s/m)
    expect(await ssh(name, "stat -c '%U %G %a' /run/signalbox-agent/helper.sock")).toBe("root signalbox-agent 660\n")
    expect(await ssh(name, "stat -c '%U %a' /var/lib/signalbox-agent/key.pem")).toBe("signalbox-agent 600\n")
    expect(await ssh(name, "stat -c '%U %a' /var/lib/signalbox-agent-helper /etc/signalbox-agent/agent.json")).toBe(
      "root 700\nroot 644\n"
    )
    process.stderr.write(`resident: ${/^VmRSS:\s+(.+)$/m.exec(status)?.[1]}\n`)
  })

  it("reads everything that there is to read without arguments, and more", async () => {
    const reads = [
      ["system.info", {}],
      ["system.usage", {}],
      ["process.list", { by: "memory", count: 5 }],
      ["service.list", {}],
      ["service.status", { unit: "nginx.service" }],
      ["network.routes", {}],
      ["network.listening", {}],
      ["network.ping", { address: "127.0.0.1", count: 1 }],
      ["network.port", { address: "127.0.0.1", port: 80 }],
      ["network.http", { url: "http://127.0.0.1/" }],
      ["package.list", { text: "nginx" }],
      ["log.query", { unit: "ssh.service", lines: 5 }],
      ["file.list", { path: "/etc/nginx" }],
      ["file.read", { path: "/etc/hostname" }],
      ["file.disk-usage", { path: "/var/log" }],
      ["config.read", { path: "/etc/nginx/nginx.conf" }],
      ["config.validate", { path: "/etc/nginx/nginx.conf" }],
      ["config.backups", {}]
    ] as const
    const ends = await Promise.all(
      reads.map(async ([action, args]) => {
        const { outcome, summary } = await hub.ask(action, args)
        return outcome === "succeeded" ? `${action} succeeded` : `${action} ${outcome}: ${summary}`
      })
    )
    expect(ends).toEqual(reads.map(([action]) => `${action} succeeded`))
  })

  it("restarts a service with proof, and refuses what this host does not allow", async () => {
    const before = await property("nginx.service", "InvocationID")
    const done = await hub.ask("service.restart", { unit: "nginx.service" })
    expect(done).toMatchObject({ outcome: "succeeded", proven: true })
    expect(await property("nginx.service", "InvocationID")).not.toBe(before)
    expect(await hub.ask("shell.run", { command: "id" })).toMatchObject({
      outcome: "refused",
      data: { reason: "not-allowed" }
    })
    expect(await hub.ask("file.read", { path: "/var/lib/signalbox-agent-helper/receipts.jsonl" })).toMatchObject({
      outcome: "refused"
    })
  })

  it("lets nobody else in at the helper: not another user, not the agent's own without a grant", async () => {
    const message = JSON.stringify({ ...restartNginx(), signature: "A".repeat(88) })
    const script = `
import socket, base64
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
try:
    s.connect("/run/signalbox-agent/helper.sock")
except PermissionError:
    print("no way in")
else:
    s.sendall(base64.b64decode("${Buffer.from(`${message}\n`).toString("base64")}"))
    print(s.makefile().readline())
`
    const send = (user: string) =>
      ssh(name, `echo ${Buffer.from(script).toString("base64")} | base64 -d | runuser -u ${user} -- python3 -`)
    expect(await send("ana")).toBe("no way in\n")
    expect(await send("signalbox-agent")).toMatch(/"refused".*"not-signed"/)
    expect((await hub.ask("service.restart", { unit: "nginx.service" })).outcome).toBe("succeeded") // the link is back
  })

  it("comes back when it is killed, and tells what ended meanwhile", async () => {
    const count = hub.sockets.length
    const asked = restartNginx()
    hub.send(asked)
    await eventually("accepted", () =>
      hub.messages.some((one) => one._tag === "command_accepted" && one.commandId === asked.commandId)
    )
    await ssh(name, "kill -9 $(systemctl show --value -p MainPID signalbox-agent)")
    await hub.connection(count + 1)
    expect(await hub.result(asked.commandId)).toMatchObject({ outcome: "succeeded", proven: true })
  })

  it("killed in root's part in the middle of an act, nobody knows, and it is not done again", async () => {
    const asked = restartNginx()
    hub.send(asked)
    await eventually("it began", async () =>
      (await ssh(name, "cat /var/lib/signalbox-agent-helper/receipts.jsonl")).includes(asked.commandId)
    )
    await ssh(name, "kill -9 $(systemctl show --value -p MainPID signalbox-agent-helper.service)")
    const result = await hub.result(asked.commandId)
    // the kill may come a moment after the end: then it is told as it was
    expect(["unknown", "succeeded"]).toContain(result.outcome)
    const invocation = await property("nginx.service", "InvocationID")
    hub.send(asked)
    await eventually("the same again", () => hub.resultsOf(asked.commandId).length >= 2)
    expect(hub.resultsOf(asked.commandId).at(-1)).toEqual(result)
    expect(await property("nginx.service", "InvocationID")).toBe(invocation)
  })

  it("with its cable cut finishes what it began, and the hub hears it when the cable is back", async () => {
    const count = hub.sockets.length
    const asked = restartNginx()
    hub.send(asked)
    await eventually("accepted", () =>
      hub.messages.some((one) => one._tag === "command_accepted" && one.commandId === asked.commandId)
    )
    await cut(name)
    hub.cut()
    expect(hub.resultsOf(asked.commandId)).toEqual([])
    await heal(name)
    await hub.connection(count + 1)
    expect(await hub.result(asked.commandId)).toMatchObject({ outcome: "succeeded", proven: true })
  }, 180_000)

  it("has no process of root's while there is nothing to do, and one again when there is", async () => {
    await eventually(
      "the helper has ended",
      async () => (await property("signalbox-agent-helper.service", "ActiveState")) === "inactive",
      120_000
    )
    expect(await property("signalbox-agent-helper.service", "Result")).toBe("success")
    const began = performance.now()
    expect(await hub.ask("service.restart", { unit: "nginx.service" })).toMatchObject({
      outcome: "succeeded",
      proven: true
    })
    process.stderr.write(
      `restarted with a helper that had to be started: ${Math.round(performance.now() - began)} ms\n`
    )
  }, 180_000)

  it("reboots the host and proves it with the boot id", async () => {
    const count = hub.sockets.length
    const before = (await ssh(name, "cat /proc/sys/kernel/random/boot_id")).trim()
    const asked = hub.request("system.reboot", {}, { after: { timeoutMs: 600_000 } })
    hub.send(asked)
    const result = await hub.result(asked.commandId, 120_000)
    expect(result).toMatchObject({ outcome: "succeeded", proven: true, data: { before } })
    expect(hub.sockets.length).toBeGreaterThan(count)
  }, 180_000)

  it("ends for good when it is revoked, and is gone when it is taken away", async () => {
    hub.revoked = true
    hub.cut()
    await eventually(
      "it has ended",
      async () => (await property("signalbox-agent.service", "ActiveState")) !== "active",
      90_000
    )
    expect(await property("signalbox-agent.service", "ExecMainStatus")).toBe("3")
    await ssh(name, "node /root/signalbox-agent.cjs uninstall")
    expect(
      await ssh(
        name,
        "ls -d /etc/signalbox-agent /var/lib/signalbox-agent* /etc/systemd/system/signalbox-agent* 2>/dev/null; true"
      )
    ).toBe("")
  }, 120_000)
})
