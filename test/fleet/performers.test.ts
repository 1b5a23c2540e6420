/** Actions on whole machines: what they say of systemd, configuration and logs is what is so there, whatever goes wrong in between. */
import { randomInt, randomUUID } from "node:crypto"
import { Schema } from "effect"
import { beforeAll, describe, expect, it } from "vitest"
import { until } from "../support/signalbox.ts"
import {
  drive,
  equip,
  fingerprint,
  fingerprintOf,
  interrupted,
  killedAnd,
  perform,
  performAll,
  performInside,
  property,
  recover,
  release
} from "./agent/driven.ts"
import { hosts, ssh } from "./support.ts"

const web = "perf"
const door = "perfssh"
const cable = "perfnet"
const conf = "/etc/nginx/nginx.conf"
const sshd = "/etc/ssh/sshd_config"

beforeAll(async () => {
  await hosts(web, door, cable)
  await Promise.all([web, door, cable].map(equip))
})

const Proof = Schema.Struct({
  before: Schema.Struct({ invocation: Schema.String, mainPid: Schema.Int }),
  after: Schema.Struct({ invocation: Schema.String, mainPid: Schema.Int, active: Schema.String })
})

describe("services", () => {
  it("nginx is restarted with proof: another InvocationID, active, the process of before is gone", async () => {
    const before = await property(web, "nginx.service", "InvocationID")
    const done = await perform(web, "service.restart", { unit: "nginx.service" })
    expect(done).toMatchObject({ outcome: "succeeded", proven: true })
    const data = Schema.decodeUnknownSync(Proof)(done.data)
    expect(data.before.invocation).toBe(before)
    expect(data.after.invocation).toBe(await property(web, "nginx.service", "InvocationID"))
    expect(data.after.invocation).not.toBe(before)
  })

  it("a unit that crashes again and again is told as failed, although systemctl says nothing against it", async () => {
    await ssh(
      web,
      `printf '[Unit]\\nDescription=evil \\033[31m "quoted"\\n[Service]\\nExecStart=/bin/sh -c "sleep 0.05; exit 3"\\nRestart=always\\nRestartSec=100ms\\nStartLimitIntervalSec=0\\n' >/etc/systemd/system/loop.service; systemctl daemon-reload`
    )
    for (const action of ["service.start", "service.restart"]) {
      const done = await perform(web, action, { unit: "loop.service" })
      expect(done, action).toMatchObject({ outcome: "failed", proven: false })
      expect(done.summary).toMatch(/does not stay active/)
    }
    const stopped = await perform(web, "service.stop", { unit: "loop.service" })
    expect(stopped).toMatchObject({ outcome: "succeeded", proven: true })
    const status = await perform(web, "service.status", { unit: "loop.service" })
    expect(JSON.stringify(status)).not.toMatch(/\\u001b/)
  })

  it("a unit that does its work and ends is told as done, with the run that systemd has forgotten; one that fails as failed", async () => {
    const script = (name: string, command: string) =>
      `printf '[Service]\\nType=oneshot\\nExecStart=%s\\n' ${command} >/etc/systemd/system/${name}.service`
    await ssh(web, `${script("backup", "/bin/true")}; ${script("broken", "/bin/false")}; systemctl daemon-reload`)
    const runs: Array<string> = []
    for (const action of ["service.start", "service.restart", "service.start"]) {
      const done = await perform(web, action, { unit: "backup.service" })
      expect(done, action).toMatchObject({ outcome: "succeeded", proven: true })
      runs.push(Schema.decodeUnknownSync(Proof)(done.data).after.invocation)
      expect(await perform(web, action, { unit: "broken.service" }), action).toMatchObject({ outcome: "failed" })
    }
    expect(new Set(runs).size).toBe(3)
  })

  it("there is no such unit; it is enabled and disabled by what systemd says after", async () => {
    expect(await perform(web, "service.restart", { unit: "nothing.service" })).toMatchObject({ outcome: "refused" })
    expect(await perform(web, "service.disable", { unit: "nginx.service" })).toMatchObject({ outcome: "succeeded" })
    expect(await property(web, "nginx.service", "UnitFileState")).toBe("disabled")
    expect(await perform(web, "service.enable", { unit: "nginx.service" })).toMatchObject({ outcome: "succeeded" })
    expect(await property(web, "nginx.service", "UnitFileState")).toBe("enabled")
  })
})

describe("configuration", () => {
  it("a value that the checker refuses leaves the file byte for byte with its mode and owner, and nginx as it ran", async () => {
    // where the disk takes extended attributes they must stay, too
    await ssh(
      web,
      `chmod 640 ${conf}; chown www-data:adm ${conf}; python3 -c "import os; os.setxattr('${conf}', 'user.note', b'x')" || true`
    )
    const [before, pid] = [await fingerprint(web, conf), await property(web, "nginx.service", "MainPID")]
    const done = await perform(web, "config.set", {
      path: conf,
      section: "http",
      key: "client_max_body_size",
      value: "ten"
    })
    expect(done).toMatchObject({ outcome: "rolled-back", proven: false })
    expect(done.summary).toMatch(/nginx -t -q does not agree.*client_max_body_size/)
    expect(await fingerprint(web, conf)).toBe(before)
    expect(await property(web, "nginx.service", "MainPID")).toBe(pid)
    expect(await leftovers(web)).toBe("")
  })

  it("a good value is set, reloaded without a restart, backed up, and can be put back", async () => {
    const [before, pid] = [await fingerprint(web, conf), await property(web, "nginx.service", "MainPID")]
    const done = await perform(web, "config.set", {
      path: conf,
      section: "http",
      key: "client_max_body_size",
      value: "10m"
    })
    expect(done).toMatchObject({ outcome: "succeeded", proven: true })
    expect(await ssh(web, `grep -c '^\tclient_max_body_size 10m;$' ${conf}; stat -c '%a %U %G' ${conf}`)).toBe(
      "1\n640 www-data adm\n"
    )
    expect(await property(web, "nginx.service", "MainPID")).toBe(pid)
    const back = await perform(web, "config.restore", { path: conf })
    expect(back).toMatchObject({ outcome: "succeeded", proven: true })
    expect(await fingerprint(web, conf)).toBe(before)
  })

  it("a domain is added, answers, and is not added twice; one whose address nginx would not read is refused", async () => {
    await ssh(web, "mkdir -p /srv/shop && echo a shop >/srv/shop/index.html")
    const done = await perform(web, "config.add-site", { domain: "shop.example.com", root: "/srv/shop" })
    expect(done).toMatchObject({ outcome: "succeeded", proven: true })
    expect(await ssh(web, "curl -s -H 'Host: shop.example.com' http://127.0.0.1/")).toBe("a shop\n")
    const again = await perform(web, "config.add-site", { domain: "shop.example.com", root: "/srv/shop" })
    expect(again).toMatchObject({ outcome: "refused" })
    const args = { domain: "half.example.com", root: "/srv/shop" }
    const half = await killedAndRecovered(web, "config.add-site", args, "exchange-1")
    expect(half).toMatchObject({ leftovers: "", nginx: "active" })
    expect(await ssh(web, "find /etc/nginx -name 'half*'")).toBe("")
    const evil = await perform(web, "config.add-site", { domain: "e.example.com", proxy: "http://x/;}server{listen" })
    expect(evil).toMatchObject({ outcome: "refused" })
  })

  it("what leads out of /etc, keys, the agent itself and another tag than the plan's are refused", async () => {
    await ssh(
      web,
      "ln -sf /root/secret /etc/nginx/conf.d/out.conf; echo x >/root/secret; ln -sf /etc/shadow /etc/nginx/conf.d/shadow.conf"
    )
    const paths = ["nginx/conf.d/out.conf", "nginx/conf.d/shadow.conf", "shadow", "passwd", "signalbox-agent/key"]
    const answers = await performAll(
      web,
      ...paths.map((path) => ["config.write", { path: `/etc/${path}`, content: "x", tag: "0".repeat(64) }] as const)
    )
    expect(answers.map(({ outcome }) => outcome)).toEqual(paths.map(() => "refused"))
    expect(await perform(web, "config.read", { path: "/etc/nginx/conf.d/shadow.conf" })).toMatchObject({
      outcome: "refused"
    })
    const other = await perform(web, "config.write", { path: conf, content: "", tag: "0".repeat(64) })
    expect(other).toMatchObject({ outcome: "refused" })
    expect(other.summary).toMatch(/not what the plan was made for/)
    await ssh(web, "rm /etc/nginx/conf.d/*.conf")
  })

  it.concurrent("killed -9 at any step, the next start leaves the old or the new file whole and nginx up", async () => {
    const old = await fingerprint(web, conf)
    const steps = [
      "record",
      "beside",
      "check-file",
      "guard",
      "exchange-0",
      "check-all",
      "reload",
      "look",
      "verdict",
      "finish"
    ]
    for (const [n, step] of steps.entries()) {
      const args = { path: conf, section: "http", key: "keepalive_timeout", value: `${n + 10}s` }
      const after = await killedAndRecovered(web, "config.set", args, step)
      if (step === "finish") expect(after.fingerprint, step).not.toBe(old)
      else expect(after.fingerprint, step).toBe(old)
      expect(after, step).toMatchObject({ leftovers: "", nginx: "active" })
      if (step !== "record") expect(after.finished, step).toMatch(step === "finish" ? /"kept"/ : /"restored"/)
    }
    await ssh(web, "nginx -t -q")
  })

  it.concurrent(
    "a change of sshd that nobody confirms is restored by itself; one that is confirmed stays; one that a reboot interrupts goes",
    async () => {
      const before = await fingerprint(door, sshd)
      const guarded = { guardMillis: 600_000 }
      const perhaps = { path: sshd, key: "PermitRootLogin", value: "perhaps" }
      const refused = await perform(door, "config.set", perhaps, guarded)
      expect(refused).toMatchObject({ outcome: "refused", summary: expect.stringMatching(/sshd -t -f does not agree/) })
      const unguarded = await perform(door, "config.set", { ...perhaps, value: "no" })
      expect(unguarded).toMatchObject({ outcome: "refused", summary: expect.stringMatching(/way to this host hangs/) })
      const included = "/etc/ssh/sshd_config.d/sbx.conf"
      await ssh(door, `echo 'MaxAuthTries 5' >${included}`)
      const overridden = await perform(door, "config.set", { path: sshd, key: "MaxAuthTries", value: "3" }, guarded)
      expect(overridden).toMatchObject({ outcome: "refused", summary: expect.stringMatching(/sbx\.conf.*wins/) })
      await ssh(door, `rm ${included}`)
      expect(await fingerprint(door, sshd)).toBe(before)

      const doubted = randomUUID()
      const held = await perform(
        door,
        "config.set",
        { path: sshd, key: "LoginGraceTime", value: "77" },
        { guardMillis: 20_000, commandId: doubted }
      )
      expect(held).toMatchObject({ outcome: "succeeded" })
      expect(await ssh(door, "sshd -T | grep -i logingracetime")).toBe("logingracetime 77\n")
      await until("the restore by itself has come to its end", 90_000, async () =>
        (await ssh(door, `cat ${recordOf(doubted)} 2>/dev/null || true`)).includes('"restored"') ? true : undefined
      )
      expect(await fingerprint(door, sshd)).toBe(before)
      expect(await property(door, "ssh.service", "ActiveState")).toBe("active")
      // two seconds are looked at the service alone: the timer is faster, and what it took back is no success
      const late = await perform(
        door,
        "config.set",
        { path: sshd, key: "LoginGraceTime", value: "76" },
        { guardMillis: 1_500 }
      )
      expect(late).toMatchObject({ outcome: "rolled-back", proven: false })
      expect(await fingerprint(door, sshd)).toBe(before)

      // until here sshd was started by its socket, and is restarted; from here on it listens itself, and is reloaded
      await ssh(door, "systemctl disable -q --now ssh.socket; systemctl restart ssh")
      const pid = await property(door, "ssh.service", "MainPID")
      const id = randomUUID()
      await perform(
        door,
        "config.set",
        { path: sshd, key: "LoginGraceTime", value: "78" },
        { guardMillis: 600_000, commandId: id }
      )
      const upon = await perform(door, "config.set", { path: sshd, key: "LoginGraceTime", value: "80" }, guarded)
      expect(upon).toMatchObject({ outcome: "refused", summary: expect.stringMatching(/still waits for the word/) })
      expect((await release(door, id)).trim()).toBe("true")
      expect(await ssh(door, "systemctl list-units --all --no-legend 'signalbox-restore-*.timer'")).toBe("")
      expect(await property(door, "ssh.service", "MainPID")).toBe(pid)
      const kept = await fingerprint(door, sshd)
      expect(kept).not.toBe(before)

      await perform(door, "config.set", { path: sshd, key: "LoginGraceTime", value: "79" }, { guardMillis: 600_000 })
      const boot = await bootOf(door)
      const rebooting = randomUUID()
      await perform(door, "system.reboot", {}, { commandId: rebooting }).catch(() => undefined) // it ends with the machine
      await until("the host is back", 90_000, async () => {
        const now = await bootOf(door).catch(() => boot)
        return now === boot ? undefined : now
      })
      expect(await interrupted(door, rebooting)).toMatchObject({ outcome: "succeeded", proven: true })
      expect(await recover(door)).toMatch(/"restored":true/)
      expect(await fingerprint(door, sshd)).toBe(kept)
    }
  )

  /** One way to the host for all of it: ten steps are many ways. */
  const killedAndRecovered = async (host: string, action: string, args: object, step: string) => {
    const { id, text } = await killedAnd(host, action, args, step, (id) => [
      fingerprintOf(conf),
      "find /etc -name '.signalbox-*'",
      "systemctl show -p ActiveState --value nginx.service",
      `cat ${recordOf(id)} 2>/dev/null || true`
    ])
    const [fingerprint = "", leftovers = "", nginx = "", finished = ""] = text
    return { id, fingerprint, leftovers: leftovers.trim(), nginx: nginx.trim(), finished }
  }

  it.concurrent("a host that a change of its own address has cut off comes back by itself", async () => {
    const path = "/etc/systemd/network/10-host0.network"
    const before = await fingerprint(cable, path)
    const reached = () =>
      ssh(cable, "true").then(
        () => true,
        () => false
      )
    const args = { path, section: "Network", key: "Address", value: "198.18.250.250/24" }
    const held = await performInside(cable, "config.set", args, { guardMillis: 20_000 })
    expect(held).toMatchObject({ outcome: "succeeded" })
    expect(await reached()).toBe(false)
    await until("the host is back", 90_000, async () => ((await reached()) ? true : undefined))
    expect(await fingerprint(cable, path)).toBe(before)
  })

  const recordOf = (id: string): string => `/var/lib/signalbox-test/config/${id}/finished.json`
  const bootOf = (host: string): Promise<string> => ssh(host, "cat /proc/sys/kernel/random/boot_id")
  const leftovers = (host: string): Promise<string> => ssh(host, "find /etc -name '.signalbox-*'")
})

describe("a shell command", () => {
  const marker = () => `1000.${randomInt(2 ** 40)}`
  const running = (text: string): Promise<string> => ssh(web, `pgrep -f '^sleep ${text}$' || true`)
  /** Leaves its group, its session and its parent, holds the pipes, and writes to them without end. */
  const away = (text: string): string =>
    `( setsid -f sh -c 'sleep ${text} & exec yes' & ) ; ( setsid nohup sleep ${text} & ) ; until pgrep -f '^sleep ${text}$' | grep -q . ; do :; done`

  it("leaves nothing behind, however it got away: neither at its end nor at its time limit", async () => {
    const [first, second] = [marker(), marker()]
    const done = await perform(web, "shell.run", { command: `${away(first)}; echo done >&2; exit 3` })
    expect(done).toMatchObject({
      outcome: "failed",
      summary: "The command ended with code 3.",
      data: {
        exitCode: 3,
        stderr: "done\n",
        endedAs: "cgroup",
        unit: expect.stringMatching(/^signalbox-run-.*\.scope$/)
      }
    })
    expect(await running(first)).toBe("")
    const late = await perform(web, "shell.run", { command: `${away(second)}; sleep 1000` }, { timeoutMs: 3_000 })
    expect(late).toMatchObject({ outcome: "failed", summary: "The command was ended at its time limit." })
    expect(await running(second)).toBe("")
    expect(await ssh(web, "systemctl list-units --all --no-legend 'signalbox-run-*'")).toBe("")
  })

  it("has exactly its own text, and what it tells systemd to run stays systemd's", async () => {
    const unit = `kept-${randomUUID()}.service`
    const text = `printf '%s|' "$0" '$HOME \${HOME} %n \\x' "$(cat /proc/self/cgroup)"; systemd-run -q --unit=${unit} sleep 1000; [ -e /proc/self/fd/3 ] && echo leaked; true`
    const done = await perform(web, "shell.run", { command: text })
    expect(done).toMatchObject({ outcome: "succeeded", data: { exitCode: 0, truncated: false } })
    const { stdout } = Schema.decodeUnknownSync(Schema.Struct({ stdout: Schema.String }))(done.data)
    expect(stdout).toMatch(/^\/bin\/sh\|\$HOME \$\{HOME\} %n \\x\|[^|]*\/signalbox-run-[0-9a-f-]+\.scope\|$/)
    expect(await property(web, unit, "ActiveState")).toBe("active")
    await ssh(web, `systemctl stop ${unit}`)
  })

  it("ends with the service that ran it, when that is killed with -9", async () => {
    const text = marker()
    const order = { action: "shell.run", args: { command: `${away(text)}; sleep 1000` }, commandId: randomUUID() }
    await ssh(web, `systemd-run -q --unit=asks.service ${drive(order)}`)
    await until("the command runs", 60_000, async () => ((await running(text)) === "" ? undefined : true))
    await ssh(web, "systemctl kill --kill-who=main -s KILL asks.service")
    await until("the command has ended", 60_000, async () => ((await running(text)) === "" ? true : undefined))
    await ssh(web, "systemctl reset-failed asks.service")
  })
})

describe("logs", () => {
  const Lines = Schema.Struct({ lines: Schema.Array(Schema.Struct({ text: Schema.String, level: Schema.String })) })

  it("hostile lines of the journal come out as plain text, literally filtered", async () => {
    await ssh(
      web,
      String.raw`printf 'needle.* \033[31mred\033[0m \r bell\a end\n' | systemd-cat -t hostile -p err; printf 'needle-bytes \377\376\001 end\n' | systemd-cat -t hostile; printf 'needleXX\n' | systemd-cat -t hostile; head -c 100000 /dev/zero | tr '\0' A | systemd-cat -t hostile; journalctl --sync`
    )
    const found = await perform(web, "log.query", { text: "needle.*", since: "5 min ago" })
    const { lines } = Schema.decodeUnknownSync(Lines)(found.data)
    expect(lines).toEqual([{ text: "needle.* red  bell end", level: "err" }].map((one) => expect.objectContaining(one)))
    const bytes = Schema.decodeUnknownSync(Lines)((await perform(web, "log.query", { text: "needle-bytes" })).data)
    expect(bytes.lines).toHaveLength(1)
    const all = await perform(web, "log.query", { lines: 5_000 })
    // oxlint-disable-next-line no-control-regex -- control characters are the very subject
    expect(JSON.stringify(all.data)).not.toMatch(/\\u00[01][0-9a-f]|[\u0000-\u001f\u007f-\u009f]/)
    expect(JSON.stringify(all).length).toBeLessThan(256 * 1024)
  })

  it("a log file that is a link out of /var/log, a FIFO, a directory: refused at once", async () => {
    await ssh(
      web,
      "ln -sf /etc/shadow /var/log/nginx/leak.log; mkfifo /var/log/nginx/pipe.log; printf 'one\\ntwo\\n' >/var/log/plain.log"
    )
    const paths = ["/var/log/nginx/leak.log", "/var/log/nginx/pipe.log", "/var/log/nginx", "/etc/hosts"]
    const [plain, ...others] = await performAll(
      web,
      ["log.query", { path: "/var/log/plain.log", lines: 1 }],
      ...paths.map((path) => ["log.query", { path }] as const)
    )
    expect(plain).toMatchObject({ data: { lines: ["two"] } })
    expect(others.map(({ outcome }) => outcome)).toEqual(paths.map(() => "refused"))
  })
})

it("packages: installed, upgraded and refused by what dpkg says, from a repository of the host's own", async () => {
  await publish("1.0")
  const [installed, list, removal, unknown] = await performAll(
    web,
    ["package.install", { names: ["sbx-demo"] }],
    ["package.list", { text: "sbx-demo" }],
    ["package.install", { names: ["sbx-demo-"] }],
    ["package.install", { names: ["no.such"] }]
  )
  expect(installed).toMatchObject({ outcome: "succeeded", proven: true })
  expect(list).toMatchObject({ data: { packages: [{ name: "sbx-demo", version: "1.0" }] } })
  expect(removal).toMatchObject({ outcome: "refused" })
  expect(unknown).toMatchObject({ outcome: "refused" })

  await publish("2.0")
  const [due, updated, again] = await performAll(
    web,
    ["package.upgradable", {}],
    ["package.update", { names: ["sbx-demo"] }],
    ["package.update", { names: ["sbx-demo"] }]
  )
  expect(due).toMatchObject({ data: { packages: [{ name: "sbx-demo", from: "1.0", to: "2.0" }] } })
  expect(updated).toMatchObject({ outcome: "succeeded", proven: true })
  expect(again?.summary).toMatch(/up to date/)
  await publish("3.0")
  await ssh(web, "apt-mark hold sbx-demo")
  const held = await perform(web, "package.update", { names: ["sbx-demo"] })
  expect(held).toMatchObject({ outcome: "refused", summary: expect.stringMatching(/keeps back/) })
  expect(await ssh(web, "dpkg-query -Wf '${Version}' sbx-demo")).toBe("2.0")
})

/** A package without anything in it, in a directory that is the only repository the host knows. */
const publish = (version: string): Promise<string> =>
  ssh(
    web,
    `set -e; rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*; echo 'deb [trusted=yes] file:/srv/repo ./' >/etc/apt/sources.list
mkdir -p /srv/repo /tmp/demo/DEBIAN; cd /srv/repo; rm -f *
printf 'Package: sbx-demo\nVersion: ${version}\nArchitecture: all\nMaintainer: x <x@example.com>\nDescription: x\n' >/tmp/demo/DEBIAN/control
dpkg-deb -b /tmp/demo demo.deb >/dev/null
{ cat /tmp/demo/DEBIAN/control; printf 'Filename: ./demo.deb\nSize: %s\nSHA256: %s\n' $(stat -c %s demo.deb) $(sha256sum demo.deb | cut -d' ' -f1); } >Packages`
  )

it("every other read of the catalogue says what is so on the host", async () => {
  await ssh(
    web,
    "mkdir -p /srv/files; cd /srv/files; head -c 3000000 /dev/zero >big; printf 'x\\ny' >\"$(printf 'odd\\nname')\"; printf '1\\n2\\n3\\n' >numbers"
  )
  const answers = await performAll(
    web,
    ["service.list", { state: "active" }],
    ["service.list", { state: "enabled" }],
    ["system.info", {}],
    ["system.usage", {}],
    ["process.list", { by: "memory", count: 500 }],
    ["network.ping", { address: "hub", count: 1 }],
    ["network.dns", { name: "hub" }],
    ["network.port", { address: "127.0.0.1", port: 80 }],
    ["network.http", { url: "http://127.0.0.1/" }],
    ["network.listening", {}],
    ["network.routes", {}],
    ["file.list", { path: "/srv/files" }],
    ["file.read", { path: "/srv/files/numbers", lines: 2, from: "end" }],
    ["file.disk-usage", { path: "/srv/files" }],
    ["config.validate", { path: conf }],
    ["shell.run", { command: "sleep 1234 & sleep 1234" }, { timeoutMs: 1_000 }]
  )
  expect(answers.map(({ outcome }) => outcome)).toEqual([...answers.slice(1).map(() => "succeeded"), "failed"])
  const [active, enabled, info, usage, processes, ping, dns, port, page, listening, routes, files, lines, disk, valid] =
    answers.map(({ data }) => data)
  expect(active).toMatchObject({
    services: expect.arrayContaining([expect.objectContaining({ unit: "nginx.service" })])
  })
  expect(enabled).toMatchObject({ services: expect.arrayContaining([{ unit: "nginx.service", enabled: "enabled" }]) })
  expect(info).toMatchObject({ hostname: web, os: expect.stringMatching(/Debian.* 12/) })
  expect(usage).toMatchObject({
    cpu: expect.any(Number),
    load: expect.any(Number),
    disks: expect.any(Array)
  })
  // the truth, as df tells it, whether the root is a disk of the list (here it may be an overlay, or a copy on this machine's disk)
  const df = Number((await ssh(web, "df --output=pcent / | tail -1")).trim().replace("%", ""))
  const { disk: rootPercent } = Schema.decodeUnknownSync(Schema.Struct({ disk: Schema.Finite }))(usage)
  expect(Math.abs(rootPercent - df), `${rootPercent} % and df says ${df} %`).toBeLessThan(3)
  expect(processes).toMatchObject({
    processes: expect.arrayContaining([expect.objectContaining({ pid: 1, user: "root" })])
  })
  expect(ping).toMatchObject({ sent: 1, received: 1 })
  expect(dns).toMatchObject({ records: [expect.stringMatching(/^198\.18\./)] })
  expect(port).toMatchObject({ open: true })
  expect(page).toMatchObject({ status: 200, server: expect.stringMatching(/^nginx/) })
  expect(listening).toMatchObject({
    listening: expect.arrayContaining([expect.objectContaining({ port: 80, process: "nginx" })])
  })
  expect(routes).toMatchObject({ interfaces: expect.arrayContaining([expect.objectContaining({ name: "host0" })]) })
  expect(files).toMatchObject({ entries: [{ name: "big" }, { name: "numbers" }, { name: "odd name", odd: true }] })
  expect(lines).toMatchObject({ lines: ["2", "3"] })
  expect(disk).toMatchObject({ files: [{ path: "/srv/files/big" }], complete: true })
  expect(valid).toMatchObject({ valid: true })
  expect(await ssh(web, "pgrep -fc 'sleep 1234' || true")).toMatch(/^[01]\n$/) // this very command line
})
