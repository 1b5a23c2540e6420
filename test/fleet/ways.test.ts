/** Ways to a host: through another one, by a key that has changed, from several homes at once, and from a person's terminal. */
import { afterAll, beforeAll, expect, it } from "vitest"
import { fileURLToPath } from "node:url"
import { type Home, dispose, makeHome, signalbox, start, startHub, until } from "../support/signalbox.ts"
import { showLogsOnFailure } from "../support/logs.ts"
import { Pane } from "../support/pane.ts"
import { type TestServer, startServer } from "../support/postgres-server.ts"
import { addressHere, type FleetHost, host, hosts, inside, remove, ssh } from "./support.ts"
import { addHost, createTask, hasStatus, showTask } from "./tasks.ts"

const program = fileURLToPath(new URL("../../packages/cli/bin/signalbox.mjs", import.meta.url))

let server: TestServer
let gate: FleetHost
let inner: FleetHost
let home: Home

beforeAll(async () => {
  ;[server, [gate, inner]] = await Promise.all([startServer(), twoHosts()])
  home = await makeHome({ database: server.url })
  await startHub(home)
  await start(home, "worker")
  await addHost(home, gate)
})
afterAll(async () => {
  await dispose(home)
  await server.stop()
})

const twoHosts = async (): Promise<readonly [FleetHost, FleetHost]> => {
  const [one, two] = await hosts("gate", "inner")
  if (one === undefined || two === undefined) throw new Error("fleet did not start gate and inner")
  return [one, two]
}

it("a host that only another host reaches is worked on through it", async () => {
  showLogsOnFailure(home)
  // This machine is `hub` to the hosts: from here nothing gets in, from the gate everything does.
  const here = addressHere(gate)
  await inside(inner.name, `ip route add blackhole ${here}/32`)
  const direct = ["host", "add", "direct", "--address", inner.address, "--user", "root", "--key", inner.keyFile]
  expect((await signalbox(home, ...direct, "--accept-new")).code).toBe(0)
  const refused = await signalbox(home, "host", "check", "direct")
  expect(refused.code).toBe(1)

  await addHost(home, inner, "--jump", gate.name)
  const checked = await signalbox(home, "host", "check", inner.name)
  expect(checked.stdout + checked.stderr).toContain("ok")
  expect(checked.code).toBe(0)
  const taskId = await createTask(
    home,
    inner.name,
    "shell",
    'hostname; echo "$SSH_CONNECTION" >/dev/null; printf "%s" "žluť 🚂"'
  )
  await hasStatus(home, taskId, "succeeded", 60_000)
  expect((await signalbox(home, "task", "logs", taskId)).stdout).toBe("inner\nžluť 🚂")
  // The sign-ins that sshd saw on the inner host all came from the gate.
  const seen = await inside(
    inner.name,
    "journalctl -u ssh -o cat | grep -o 'Accepted publickey for root from [0-9.]*' | sort -u"
  )
  expect(
    seen
      .trim()
      .split("\n")
      .map((line) => line.split(" ").at(-1))
  ).toContain(gate.address)
})

it("looking at a host uses the connection that is there and breaks nothing on it", async () => {
  showLogsOnFailure(home)
  const taskId = await createTask(home, gate.name, "shell", "echo up; exec sleep 600")
  await hasStatus(home, taskId, "running", 60_000)
  const signIns = async (): Promise<number> =>
    Number(await inside(gate.name, "journalctl -u ssh -o cat | grep -c 'Accepted publickey'"))
  const before = await signIns()
  expect(before).toBeGreaterThan(0)
  for (let n = 0; n < 3; n++) expect((await signalbox(home, "host", "check", gate.name)).code).toBe(0)
  expect(await signIns()).toBe(before)
  expect((await signalbox(home, "task", "kill", taskId)).code).toBe(0)
  await hasStatus(home, taskId, "killed", 60_000)
})

it("a terminal attaches to a task on a host over SSH: it shows the output, takes keys, and leaves the task running", async () => {
  showLogsOnFailure(home)
  const taskId = await createTask(home, gate.name, "shell", "for i in $(seq 1 600); do echo tick $i; sleep 0.2; done")
  await hasStatus(home, taskId, "running", 60_000)
  const pane = new Pane("sbx-attach")
  try {
    await pane.start([process.execPath, program, "task", "attach", taskId], 90, 24, home.env)
    await pane.until(/tick \d+[\s\S]*tick \d+/)
    await pane.resize(70, 20)
    await pane.until(/tick \d+/)
    await until("tmux on the host has the new size", 60_000, async () =>
      (
        await ssh(
          gate.name,
          "TMUX_TMPDIR=/root/.signalbox/tmux tmux -L sbx list-clients -F '#{client_width}x#{client_height}'"
        )
      ).trim() === "70x20"
        ? true
        : undefined
    )
    await pane.keys("C-b", "d")
    expect(await pane.ended()).toBe(0)
    expect((await showTask(home, taskId)).status).toBe("running")
  } finally {
    await pane.stop()
  }
  expect((await signalbox(home, "task", "kill", taskId)).code).toBe(0)
  await hasStatus(home, taskId, "killed", 60_000)
  const ended = await signalbox(home, "task", "attach", taskId)
  expect(ended.code).toBe(2) // no terminal here
})

it("a host that was installed anew is refused until its new key is accepted", async () => {
  showLogsOnFailure(home)
  const before = await host("anew")
  await addHost(home, before)
  expect((await signalbox(home, "host", "check", "anew")).code).toBe(0)
  await remove("anew")
  const after = await host("anew")
  expect(after.hostKey).not.toBe(before.hostKey)
  if (after.address !== before.address)
    expect((await signalbox(home, "host", "edit", "anew", "--address", after.address)).code).toBe(0)

  const refused = await signalbox(home, "host", "check", "anew")
  expect(refused.code).toBe(1)
  expect(refused.stdout).toMatch(/another host key than the known one/)
  expect(refused.stdout).toMatch(/signalbox host (check|edit) anew --replace-key/)
  const failed = await createTask(home, "anew", "shell", "touch /root/ran")
  await hasStatus(home, failed, "failed", 60_000)
  expect((await showTask(home, failed)).message).toMatch(/another host key/)

  expect((await signalbox(home, "host", "edit", "anew", "--replace-key")).code).toBe(0)
  expect((await signalbox(home, "host", "check", "anew")).code).toBe(0)
  const taskId = await createTask(home, "anew", "shell", "ls /root/ran 2>&1 | wc -l; echo again")
  await hasStatus(home, taskId, "succeeded", 60_000)
  expect(await ssh("anew", "test -e /root/ran || echo never")).toBe("never\n")
})

it("an unknown key is accepted by the command that the refusal names", async () => {
  showLogsOnFailure(home)
  const args = ["--address", gate.address, "--user", "root", "--key", gate.keyFile]
  expect((await signalbox(home, "host", "add", "shy", ...args)).code).toBe(0)
  const refused = await signalbox(home, "host", "check", "shy")
  expect(refused.code).toBe(1)
  const named = /signalbox (host \w+ shy --accept-new)/.exec(refused.stdout)?.[1]
  expect(named).toBeDefined()
  expect((await signalbox(home, ...(named ?? "").split(" "))).code).toBe(0)
  expect((await signalbox(home, "host", "check", "shy")).code).toBe(0)
})

it("several homes work on one host and do not disturb each other", async () => {
  showLogsOnFailure(home)
  const second = await startServer()
  const other = await makeHome({ database: second.url })
  try {
    await startHub(other)
    const worker = await start(other, "worker")
    await addHost(other, gate)
    const text = (name: string): string =>
      `until [ -e /root/go ]; do sleep 0.1; done; for i in $(seq 1 40); do echo ${name} $i; sleep 0.1; done`
    const said = (name: string): string => Array.from({ length: 40 }, (_, n) => `${name} ${n + 1}\n`).join("")
    const [mine, theirs] = await Promise.all([
      createTask(home, gate.name, "shell", text("mine")),
      createTask(other, gate.name, "shell", text("theirs"))
    ])
    const doomed = await createTask(other, gate.name, "shell", "exec sleep 600")
    await hasStatus(other, doomed, "running", 60_000)
    await hasStatus(home, mine, "running", 60_000)
    await hasStatus(other, theirs, "running", 60_000)
    await worker.kill9() // nobody of the other home looks for a while
    await ssh(gate.name, "touch /root/go")
    await hasStatus(home, mine, "succeeded", 60_000)
    expect((await signalbox(home, "task", "logs", mine)).stdout).toBe(said("mine"))
    expect((await signalbox(home, "task", "show", theirs)).code).toBe(1)

    await start(other, "worker")
    await hasStatus(other, theirs, "succeeded", 60_000)
    expect((await signalbox(other, "task", "logs", theirs)).stdout).toBe(said("theirs"))
    expect((await signalbox(other, "task", "kill", doomed)).code).toBe(0)
    await hasStatus(other, doomed, "killed", 60_000)
  } finally {
    await dispose(other)
    await second.stop()
  }
})
