/** What programs and the kernel print, hostile too, is read as it is. */
import { statfs } from "node:fs/promises"
import { describe, expect, it } from "vitest"
import { serversIn, siteText, trouble } from "./config/site.ts"
import { parseNginx } from "./config/edit/nginx.ts"
import { isSecretPath } from "./file/open.ts"
import { linesFromEnd } from "./log/file.ts"
import { fieldText, journalLine, splitter } from "./log/journal.ts"
import { sinceArgument } from "./log/since.ts"
import { parsePing } from "./network/ping.ts"
import { parseListening, whoListens } from "./network/sockets.ts"
import { parseInstalled, parsePending, parsePolicy } from "./package/dpkg.ts"
import { pageSize } from "./process/list.ts"
import { parseStat } from "./process/stat.ts"
import { unitOf } from "./service/unit.ts"
import { parseLoad, parseMounts, parsePressure } from "./system/proc.ts"
import { judgeReboot } from "./system/reboot.ts"
import { systemUsage } from "./system/usage.ts"

describe("the journal", () => {
  it.each([
    [{ MESSAGE: "plain", PRIORITY: "3" }, "plain"],
    [{ MESSAGE: [110, 111, 32, 255, 254, 27, 91, 51, 49, 109, 33] }, "no \ufffd\ufffd!"],
    [{ MESSAGE: ["first", "second"] }, "first"],
    [{ MESSAGE: null }, ""],
    [{}, ""],
    [{ MESSAGE: "two\nlines" }, "two ⏎ lines"],
    [{ MESSAGE: "\u001b]0;evil\u0007x\u0000y\r" }, "xy"]
  ])("%j", (entry, text) => {
    expect(journalLine(JSON.stringify(entry))?.text).toBe(text)
  })
  it("what is no entry is passed over", () => {
    expect(journalLine("{")).toBeUndefined()
    expect(journalLine('{"MESSAGE":{"x":1}}')).toBeUndefined()
    expect(fieldText([[104, 105]])).toBe("hi")
  })
  it("pieces that are too long are dropped, and those after them are not", () => {
    const seen: Array<string> = []
    const take = splitter("\n", 5, (piece) => seen.push(piece) < 3)
    expect(take(Buffer.from("ab\ncde"))).toBe(true)
    expect(take(Buffer.from("fghi\nxy\n\n"))).toBe(true)
    expect(take(Buffer.from("z\nnever\n"))).toBe(false)
    expect(seen).toEqual(["ab", "xy", "z"])
  })
  it.each([
    ["2 hours ago", "@992800"],
    ["5min ago", "@999700"],
    ["2026-11-20T14:30:00Z", "@1795185000"],
    ["2026-11-20 14:30", "2026-11-20 14:30"],
    ["today", "today"]
  ])("since %s", (since, argument) => {
    expect(sinceArgument(since, 1_000_000_000)).toBe(argument)
  })
})

describe("the end of a log file", () => {
  it.each([
    ["a\nb\nc\n", 2, undefined, false, ["b", "c"]],
    ["a\nb\nc", 9, undefined, false, ["a", "b", "c"]],
    ["half\nb\n", 9, undefined, true, ["b"]],
    ["a.b\naxb\na.b!\n", 9, "a.b", false, ["a.b", "a.b!"]],
    ["\n\nx\n", 9, undefined, false, ["", "", "x"]],
    ["", 9, undefined, false, []],
    ["password=hunter2 a\nb\n", 9, "hunter", false, []],
    [
      "a\n-----BEGIN PRIVATE KEY-----\nAAA\n-----END PRIVATE KEY-----\nb\n",
      4,
      undefined,
      false,
      ["-----BEGIN PRIVATE KEY-----", "[masked]", "-----END PRIVATE KEY-----", "b"]
    ],
    ["x\nAAA\nBBB\n-----END PRIVATE KEY-----\n", 2, undefined, true, ["[masked]", "-----END PRIVATE KEY-----"]],
    ["a\n-----BEGIN PRIVATE KEY-----\nAAA\nBBB\n", 2, undefined, false, ["[masked]", "[masked]"]]
  ])("%j", (text, count, needle, more, lines) => {
    expect(linesFromEnd(Buffer.from(text), count, needle, more)).toEqual(lines)
  })
})

describe("processes and the kernel", () => {
  it("a command may hold parentheses, spaces and line breaks", () => {
    const rest = `S 7 42 42 0 -1 4194560 1 0 0 0 11 22 0 0 20 0 1 0 98765 1000 33 18446744073709551615`
    expect(parseStat(`42 (a) S 1 (\nevil)) ${rest}`)).toMatchObject({
      pid: 42,
      command: "a) S 1 (\nevil)",
      parent: 7,
      ticks: 33,
      started: 98765,
      residentPages: 33
    })
    expect(parseStat("nothing")).toBeUndefined()
  })
  it("loads and pressure", () => {
    expect(parseLoad("0.50 1.25 2.00 1/234 5678\n")).toEqual([0.5, 1.25, 2])
    expect(parsePressure("some avg10=1.25 avg60=0.10\nfull avg10=0.00")).toBe(1.25)
    expect(parsePressure("")).toBeNull()
  })
  it("only file systems that hold data, each once", () => {
    const mountinfo = [
      "21 1 8:1 / / rw - ext4 /dev/sda1 rw",
      "22 21 8:1 /x /var/snap\\040dir rw - ext4 /dev/sda1 rw",
      "23 21 0:5 / /proc rw - proc proc rw",
      "24 21 8:2 / /data\\040x rw shared:1 - xfs /dev/sdb rw",
      "25 21 0:99 / /var/lib/docker/overlay2/x rw - overlay overlay rw"
    ].join("\n")
    expect(parseMounts(mountinfo).map(({ path }) => path)).toEqual(["/", "/data x"])
  })
  it("a disk that is mounted twice is told by its shortest path, and what a later mount hides is not told", () => {
    const mountinfo = [
      "30 1 0:40 /home /home rw - btrfs /dev/sda2 rw",
      "31 1 0:41 /root / rw - btrfs /dev/sda2 rw",
      "32 31 8:9 / /mnt rw - ext4 /dev/sdc rw",
      "33 31 0:50 / /mnt rw - tmpfs tmpfs rw",
      "34 31 0:60 / /far rw - nfs4 far:/x rw"
    ].join("\n")
    expect(parseMounts(mountinfo).map(({ path, remote }) => [path, remote])).toEqual([
      ["/", false],
      ["/far", true]
    ])
  })
  it("the root's usage is told even where it is no disk of the list, and is what statfs tells", async () => {
    const { data } = await systemUsage({}, { commandId: "x", signal: AbortSignal.timeout(20_000) })
    const { blocks, bfree, bavail } = await statfs("/")
    const truth = (100 * (blocks - bfree)) / (blocks - bfree + bavail)
    const { disk } = data as { disk: number } // as it is told
    expect(Math.abs(disk - truth), `${disk} and ${truth}`).toBeLessThan(5)
    expect(disk).toBeGreaterThan(0)
  })
  it("the kernel's own processes are told by their flag, the size of a page by the kernel", () => {
    const fields = (flags: number) => `2 (kthreadd) S 0 0 0 0 -1 ${flags} 0 0 0 0 0 0 0 0 20 0 1 0 9 0 0 0`
    expect(parseStat(fields(0x200040))?.ofKernel).toBe(true)
    expect(parseStat(fields(0x400100))?.ofKernel).toBe(false)
    const auxv = Buffer.alloc(32)
    auxv.writeBigUInt64LE(6n, 16)
    auxv.writeBigUInt64LE(65_536n, 24)
    expect(pageSize(auxv)).toBe(65_536)
  })
  it("a reboot is proven by another boot id only", () => {
    const before = { bootId: "a", at: 1_000 }
    expect(judgeReboot(before, { bootId: "b", at: 31_000 })).toMatchObject({
      outcome: "succeeded",
      proven: true,
      data: { seconds: 30 }
    })
    for (const bootId of ["a", ""])
      expect(judgeReboot(before, { bootId, at: 2 })).toMatchObject({ outcome: "failed", proven: false })
  })
  it("units, with a description that pretends to be more", () => {
    const unit = unitOf(
      "x.service",
      "Id=x.service\nDescription=a=b \u001b[31m\nMainPID=7\nActiveState=active\nNRestarts=\nMemoryCurrent=[not set]\n",
      5
    )
    expect(unit).toMatchObject({
      unit: "x.service",
      description: "a=b",
      mainPid: 7,
      mainStarted: 5,
      restarts: 0,
      memoryBytes: null
    })
  })
})

describe("programs", () => {
  it("ping", () => {
    const text =
      "--- x ping statistics ---\n4 packets transmitted, 3 received, 25% packet loss, time 903ms\nrtt min/avg/max/mdev = 0.1/0.2/0.3/0.0 ms\n"
    expect(parsePing(text)).toEqual({ sent: 4, received: 3, lossPercent: 25, least: 0.1, average: 0.2, most: 0.3 })
    expect(parsePing("ping: nowhere: Name or service not known")).toBeUndefined()
  })
  it("ss, with a process that is called like a list of processes", () => {
    const text = `tcp   LISTEN 0      128          0.0.0.0:22        0.0.0.0:*    users:(("evil"),("x",pid=9",pid=7,fd=3))\nudp   UNCONN 0      0      [fe80::1]%eth0:546           [::]:*\n`
    expect(parseListening(text)).toEqual([
      { protocol: "tcp", address: "0.0.0.0", port: 22, process: expect.any(String), pid: 7 },
      { protocol: "udp", address: "fe80::1%eth0", port: 546, process: null, pid: null }
    ])
  })
  it("who listens on a port, in words that stay short", () => {
    const one = { protocol: "tcp", address: "0.0.0.0", port: 80, process: "nginx", pid: 7 }
    expect(whoListens(80, [])).toBe("Nothing listens on port 80.")
    expect(whoListens(80, [one, one, { ...one, address: "::" }])).toBe(
      "nginx listens on port 80 (tcp 0.0.0.0, tcp ::)."
    )
    expect(whoListens(53, [{ ...one, protocol: "udp", process: null }])).toBe(
      "Something listens on port 53 (udp 0.0.0.0)."
    )
    const many = Array.from({ length: 50 }, (_, n) => ({ ...one, address: `10.0.0.${n}` }))
    expect(whoListens(80, many)).toMatch(/10\.0\.0\.5, and 44 more\)\.$/)
  })
  it("dpkg and apt", () => {
    expect(
      parseInstalled("ii \tnginx\t1.22\tamd64\nrc \told\t1\tall\niU \thalf\t1\tall\n").map(({ name }) => name)
    ).toEqual(["nginx"])
    expect(
      parsePending("Inst libc6 [2.36-9] (2.36-10 Debian:12.1/stable [amd64]) []\nInst new (1.0 x [all])\nConf libc6\n")
    ).toEqual([{ name: "libc6", from: "2.36-9", to: "2.36-10", source: "Debian:12.1/stable" }])
    const policy =
      "g++:\n  Installed: (none)\n  Candidate: 4:12.2.0-3\nnone:\n  Installed: (none)\n  Candidate: (none)\n"
    expect([...parsePolicy("nginx:\n  Candidate: 1\n", ["nginx:evil", "nginx"]).keys()]).toEqual(["nginx"])
    expect([...parsePolicy(policy, ["g++", "none", "nginx-"])]).toEqual([["g++", "4:12.2.0-3"]])
  })
})

describe("sites", () => {
  it("a block that nginx's grammar reads, with the domain and port that were asked for", () => {
    const text = siteText({ domain: "a.example.com", port: 8080, root: "/srv/a b" }, true)
    expect(serversIn(parseNginx(`http { ${text} }`))).toEqual([
      { names: ["a.example.com"], ports: [8080, 8080], tls: [] }
    ])
    expect(text).toContain('root "/srv/a b";')
  })
  it("is refused where the answer would be of somebody else: the domain is served, the port speaks TLS or belongs to another program", () => {
    const servers = serversIn(
      parseNginx(
        "http { server { listen 443 ssl http2; listen [::]:443 ssl; listen 80; server_name a.example.com; } server { listen 8443; ssl on; } server { server_name b.example.com; } }"
      )
    )
    expect(servers.map(({ tls }) => tls)).toEqual([[443, 443], [8443], []])
    const refusal = (domain: string, port: number, taken: boolean) => trouble({ domain, port }, servers, taken)
    expect(refusal("a.example.com", 80, true)).toMatch(/serves a\.example\.com on port 80 already/)
    expect(refusal("new.example.com", 443, true)).toMatch(/Port 443 of nginx speaks TLS/)
    expect(refusal("new.example.com", 8443, true)).toMatch(/speaks TLS/)
    expect(refusal("new.example.com", 3000, true)).toMatch(/another program than nginx/)
    expect(refusal("new.example.com", 3000, false)).toBeUndefined()
    expect(refusal("new.example.com", 80, true)).toBeUndefined()
  })
  it.each(["http://x/;}server{listen", "http://x/$host", "http://u:p@x/", 'http://x/"', "nonsense"])(
    "%s is no address for a proxy",
    (proxy) => {
      expect(() => siteText({ domain: "a.example.com", port: 80, proxy }, false)).toThrow(/plain URL/)
    }
  )
})

describe("paths that are never read", () => {
  it.each([
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/ssh/ssh_host_rsa_key",
    "/root/.ssh/id_rsa",
    "/home/a/.aws/credentials",
    "/proc/1/environ",
    "/dev/sda",
    "/etc/ssl/private/a.pem",
    "/etc/nginx/site.key",
    "/agent/key",
    "/etc/signalbox-agent/agent.json"
  ])("%s", (path) => {
    expect(isSecretPath(path, ["/agent"])).toBe(true)
  })
  it.each([
    "/etc/ssh/sshd_config",
    "/etc/ssh/ssh_host_rsa_key.pub",
    "/etc/nginx/nginx.conf",
    "/var/log/auth.log",
    "/agents",
    "/etc/keyboard"
  ])("%s is no secret", (path) => {
    expect(isSecretPath(path, ["/agent"])).toBe(false)
  })
})
