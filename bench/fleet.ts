/**
 * One instruction on eight hosts against ansible's ad-hoc command on the same eight: a read, and a restart with proof. Needs root
 * (the fleet), and ansible-core.
 *
 * Both sides are the command that a person types, from the start of its process to its end with all eight results on the screen. Their
 * connections are warm: ours are the agents' own, ansible's are ControlMaster's, and it is told how many hosts at once and which Python.
 * Everything, the eight hosts too, shares the cores of this machine.
 */
import { execFile } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { enroll, resultsOf, show } from "../test/fleet/plans.ts"
import { type FleetHost, hosts, ssh } from "../test/fleet/support.ts"
import { dispose, type Home, makeHome, signalbox, start, startHub } from "../test/support/signalbox.ts"
import { freshDatabase, median, millis, quantile, type Row } from "./support.ts"

const run = promisify(execFile)
const rounds = 9
/** Hub, worker and agents run for weeks; ansible begins anew each time, warm or not. */
const warmUps = 6
const names = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `web${n}`)
const read = "uptime of all servers"
const restart = "restart nginx on all web servers"

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  if (process.getuid?.() !== 0) throw new Error("needs root: the fleet's hosts cannot be made")
  const version = await run("ansible", ["--version"]).catch(() => undefined)
  if (version === undefined)
    throw new Error("ansible is not installed; apt-get install --no-install-recommends ansible-core")
  const fleet = await mkdtemp("/var/tmp/signalbox-fleet.")
  process.env["FLEET_DIR"] = fleet
  process.env["FLEET_INCLUDE"] = "python3" // what ansible runs on the hosts
  try {
    const machines = await hosts(...names)
    const home = await makeHome({
      database: await freshDatabase(),
      env: { SIGNALBOX_HTTP_HOST: machines[0]?.address.replace(/\d+$/u, "1") ?? "" } // as the hosts see this machine
    })
    try {
      await startHub(home)
      await start(home, "worker")
      await enroll(home, machines, "web")
      await Promise.all(names.map(restartsAsOftenAsAsked))
      return await measured(home, machines)
    } finally {
      await dispose(home)
    }
  } finally {
    await run(new URL("../test/fleet/fleet", import.meta.url).pathname, ["down"])
    await rm(fleet, { recursive: true, force: true })
  }
}

/** By default systemd starts a unit five times in ten seconds and then no more. */
export const restartsAsOftenAsAsked = (host: string): Promise<string> =>
  ssh(
    host,
    "mkdir -p /etc/systemd/system/nginx.service.d && printf '[Unit]\\nStartLimitIntervalSec=0\\n' >/etc/systemd/system/nginx.service.d/often.conf && systemctl daemon-reload"
  )

interface Times {
  readonly read: Array<number>
  readonly restart: Array<number>
}
const noTimes = (): Times => ({ read: [], restart: [] })

export const measured = async (home: Home, machines: ReadonlyArray<FleetHost>): Promise<ReadonlyArray<Row>> => {
  const directory = await mkdtemp(join(tmpdir(), "bench-ansible-"))
  try {
    const inventory = join(directory, "hosts")
    await writeFile(inventory, machines.map(inventoryLine).join("\n"))
    const [ours, whole, plain, pipelined] = [noTimes(), Array<number>(), noTimes(), noTimes()]
    for (let n = 0; n < rounds + warmUps; n++) {
      const one = await instructed(home)
      const two = await ansible(directory, inventory, false)
      const three = await ansible(directory, inventory, true)
      if (n < warmUps) continue
      for (const [times, { read, restart }] of [
        [ours, one] as const,
        [plain, two] as const,
        [pipelined, three] as const
      ]) {
        times.read.push(read)
        times.restart.push(restart)
      }
      whole.push(one.whole)
    }
    return [
      ...against(
        `\`do "${read}"\` on 8 hosts`,
        "-m command -a uptime",
        ours.read,
        [plain.read, pipelined.read],
        1 / 10
      ),
      ...against(
        `\`plan approve\`: nginx restarted with proof on 8 hosts`,
        "-m service state=restarted",
        ours.restart,
        [plain.restart, pipelined.restart],
        1 / 5
      ),
      ...against(
        `the same with \`do "${restart}"\` before it`,
        "-m service state=restarted",
        whole,
        [plain.restart, pipelined.restart],
        1 / 5
      )
    ]
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const against = (
  what: string,
  module: string,
  ours: ReadonlyArray<number>,
  [plain, pipelined]: readonly [ReadonlyArray<number>, ReadonlyArray<number>],
  target: number
): ReadonlyArray<Row> =>
  [[plain, `\`ansible ${module}\``] as const, [pipelined, `\`ansible ${module}\` with pipelining`] as const].map(
    ([theirs, name]) => {
      const ratio = median(ours) / median(theirs)
      return {
        what: `${what}, against ${name}`,
        ours: shown(ours),
        against: shown(theirs),
        ratio,
        target: `≤ ${target.toFixed(2)}×`,
        ok: ratio <= target
      }
    }
  )
const shown = (times: ReadonlyArray<number>): string =>
  `p50 ${millis(median(times))}, p90 ${millis(quantile(times, 0.9))}`

const timed = async <A>(work: () => Promise<A>): Promise<{ readonly ms: number; readonly made: A }> => {
  const began = performance.now()
  const made = await work()
  return { ms: performance.now() - began, made }
}

const instructed = async (home: Home) => {
  const reading = await timed(() => signalbox(home, "do", read))
  everywhere(`do "${read}"`, reading.made.stdout, reading.made.code)
  const proposed = await timed(() => signalbox(home, "do", restart))
  const planId = /^It waits for approval: signalbox plan approve (\S+)$/mu.exec(proposed.made.stderr)?.[1]
  if (planId === undefined) throw new Error(`do "${restart}" → ${proposed.made.code}: ${proposed.made.stderr}`)
  const approved = await timed(() => signalbox(home, "plan", "approve", planId))
  everywhere("plan approve", approved.made.stdout, approved.made.code)
  const unproven = resultsOf(await show(home, planId)).filter((one) => one.proven !== true)
  if (unproven.length > 0) throw new Error(`not proven: ${JSON.stringify(unproven).slice(0, 500)}`)
  return { read: reading.ms, restart: approved.ms, whole: proposed.ms + approved.ms }
}

const everywhere = (what: string, printed: string, code: number | null): void => {
  if (code !== 0 || !names.every((name) => printed.includes(`✓ ${name} `)))
    throw new Error(`${what} → ${code}: ${printed.slice(0, 500)}`)
}

const inventoryLine = ({ name, address, keyFile }: FleetHost): string =>
  `${name} ansible_host=${address} ansible_user=root ansible_ssh_private_key_file=${keyFile} ansible_python_interpreter=/usr/bin/python3`

const ansible = async (directory: string, inventory: string, pipelining: boolean) => {
  const ad = async (module: string, args: string): Promise<number> => {
    const { ms, made } = await timed(() =>
      run("ansible", ["all", "-i", inventory, "-f", "8", "-m", module, "-a", args], {
        env: {
          PATH: process.env["PATH"],
          HOME: directory,
          LANG: "C.UTF-8",
          ANSIBLE_HOST_KEY_CHECKING: "False",
          ANSIBLE_SSH_ARGS:
            "-o ControlMaster=auto -o ControlPersist=600 -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
          ANSIBLE_SSH_CONTROL_PATH_DIR: join(directory, pipelining ? "p" : "c"),
          ANSIBLE_PIPELINING: String(pipelining)
        }
      })
    )
    const done = names.filter((name) => new RegExp(`^${name} \\| CHANGED`, "mu").test(made.stdout))
    if (done.length !== names.length) throw new Error(`ansible -m ${module}: ${made.stdout.slice(0, 500)}`)
    return ms
  }
  return { read: await ad("command", "uptime"), restart: await ad("service", "name=nginx state=restarted") }
}
