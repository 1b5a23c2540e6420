/** What is how dangerous: the table that people rely on, and what no table can show one by one. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { type Risk } from "../action/Action.ts"
import { risks } from "../action/risks.ts"
import { actionNames, catalog } from "../action/catalog.ts"
import type { FleetMember } from "../agent/Fleet.ts"
import { few, type Ground, stepRisk } from "./risk.ts"

const now = Date.parse("2026-11-20T14:30:00Z")
const host = (name: string, more: Partial<FleetMember> = {}): FleetMember => ({
  agentId: name,
  host: name,
  tags: [],
  lastSeen: now,
  online: true,
  allows: [],
  ...more
})
const plain = [host("web1")]
const prod = [host("web1", { tags: ["web", "prod"] })]
const production = [host("web1", { tags: ["Production"] })]
const stale = [host("web1", { lastSeen: now - 60_000 })]
const offline = [host("web1", { online: false })]
const hub = [host("hub1", { vital: "the hub" })]
const five = Array.from({ length: 5 }, (_, n) => host(`web${n}`))
const six = Array.from({ length: 6 }, (_, n) => host(`web${n}`))
const unit = (name: string) => ({ unit: name })
const path = (name: string) => ({ path: name })
const write = (name: string) => ({ path: name, content: "x" })

type Row = readonly [Risk, string, unknown, ReadonlyArray<FleetMember>?, Partial<Ground>?]
/** Risk, action, arguments, targets (one plain host), ground (a fleet of 8, no other targets). */
const table: ReadonlyArray<Row> = [
  // reading is low, wherever
  ["low", "service.status", unit("nginx.service")],
  ["low", "service.status", unit("sshd.service")],
  ["low", "service.status", unit("nginx.service"), prod],
  ["low", "service.status", unit("nginx.service"), hub],
  ["low", "service.status", unit("nginx.service"), six],
  ["low", "service.list", {}],
  ["low", "service.list", { state: "failed" }, stale],
  ["low", "config.read", path("/etc/nginx/nginx.conf")],
  ["low", "config.read", path("/etc/ssh/sshd_config"), prod],
  ["low", "config.validate", path("/etc/nginx/nginx.conf")],
  ["low", "config.backups", {}],
  ["low", "log.query", { unit: "nginx.service", lines: 100 }],
  ["low", "log.query", { path: "/var/log/syslog" }, offline],
  ["low", "system.info", {}],
  ["low", "system.usage", {}, six],
  ["low", "process.list", {}],
  ["low", "network.ping", { address: "db1" }],
  ["low", "network.dns", { name: "example.com" }],
  ["low", "network.port", { address: "db1", port: 5432 }],
  ["low", "network.http", { url: "https://example.com/" }],
  ["low", "network.listening", {}],
  ["low", "network.routes", {}],
  ["low", "package.list", {}],
  ["low", "package.upgradable", {}],
  ["low", "file.list", path("/var/www")],
  ["low", "file.read", path("/var/www/index.html")],
  ["low", "file.disk-usage", path("/var")],
  // services
  ["medium", "service.start", unit("nginx.service")],
  ["medium", "service.restart", unit("nginx.service")],
  ["medium", "service.reload", unit("nginx.service")],
  ["medium", "service.enable", unit("nginx.service")],
  ["high", "service.stop", unit("nginx.service")],
  ["high", "service.disable", unit("nginx.service")],
  ["high", "service.restart", unit("nginx.service"), prod],
  ["high", "service.restart", unit("nginx.service"), production],
  ["high", "service.restart", unit("nginx.service"), stale],
  ["high", "service.restart", unit("nginx.service"), offline],
  ["medium", "service.restart", unit("nginx.service"), five],
  ["high", "service.restart", unit("nginx.service"), six],
  ["medium", "service.restart", unit("nginx.service"), six, { fleet: 40 }],
  ["medium", "service.restart", unit("nginx.service"), five, { fleet: 1 }],
  ["high", "service.restart", unit("nginx.service"), plain, { reach: 6 }],
  ["medium", "service.restart", unit("nginx.service"), plain, { reach: 6, fleet: 24 }],
  ["critical", "service.restart", unit("nginx.service"), hub],
  ["critical", "service.restart", unit("nginx.service"), [...plain, ...hub]],
  ["critical", "service.stop", unit("nginx.service"), prod],
  ["critical", "service.stop", unit("nginx.service"), six],
  ["critical", "service.stop", unit("nginx.service"), stale],
  ["critical", "service.restart", unit("nginx.service"), [host("web1", { tags: ["prod"], online: false })]],
  ["high", "service.restart", unit("postgresql.service")],
  ["high", "service.restart", unit("postgresql@15-main.service")],
  ["high", "service.reload", unit("mariadb.service")],
  ["high", "service.start", unit("redis-server.service")],
  ["high", "service.restart", unit("mysql.service")],
  ["high", "service.restart", unit("elasticsearch.service")],
  ["high", "service.restart", unit("mongod.service")],
  ["high", "service.restart", unit("etcd.service")],
  ["critical", "service.restart", unit("postgresql.service"), prod],
  ["critical", "service.restart", unit("ssh.service")],
  ["critical", "service.restart", unit("sshd.service")],
  ["critical", "service.stop", unit("ssh.socket")],
  ["critical", "service.restart", unit("systemd-networkd.service")],
  ["critical", "service.restart", unit("systemd-journald.service")],
  ["critical", "service.restart", unit("networking.service")],
  ["critical", "service.restart", unit("NetworkManager.service")],
  ["critical", "service.reload", unit("nftables.service")],
  ["critical", "service.start", unit("ufw.service")],
  ["critical", "service.restart", unit("signalbox-agent.service")],
  ["critical", "service.stop", unit("signalbox-hub.service")],
  ["critical", "service.restart", unit("pveproxy.service")],
  ["critical", "service.restart", unit("corosync.service")],
  ["critical", "service.restart", unit("dbus.service")],
  ["critical", "service.stop", unit("var-lib-postgresql.mount")],
  ["critical", "service.stop", unit("multi-user.target")],
  // configuration
  ["high", "config.write", write("/etc/nginx/nginx.conf")],
  ["high", "config.set", { path: "/etc/php/8.2/fpm/php.ini", key: "memory_limit", value: "512M" }],
  ["high", "config.add-site", { domain: "shop.example.com", root: "/var/www/shop" }],
  ["high", "config.restore", path("/etc/nginx/nginx.conf")],
  ["critical", "config.add-site", { domain: "shop.example.com", root: "/var/www/shop" }, prod],
  ["critical", "config.set", { path: "/etc/ssh/sshd_config", key: "PasswordAuthentication", value: "no" }],
  ["critical", "config.set", { path: "/etc/ssh/sshd_config.d/50-x.conf", key: "Port", value: "2222" }],
  ["critical", "config.write", write("/etc/sudoers.d/ops")],
  ["critical", "config.write", write("/etc/network/interfaces")],
  ["critical", "config.write", write("/etc/netplan/01.yaml")],
  ["critical", "config.write", write("/etc/fstab")],
  ["critical", "config.write", write("/etc/resolv.conf")],
  ["critical", "config.write", write("/etc/hosts")],
  ["critical", "config.write", write("/etc/pam.d/common-auth")],
  ["critical", "config.write", write("/etc/systemd/system/nginx.service")],
  ["critical", "config.write", write("/etc/cron.d/backup")],
  ["critical", "config.write", write("/etc/apt/sources.list")],
  ["critical", "config.write", write("/etc/nftables.conf")],
  ["critical", "config.restore", path("/etc/ssh/sshd_config")],
  ["critical", "config.write", write("/etc/nginx/nginx.conf"), six],
  // packages, system, shell
  ["high", "package.install", { names: ["htop"] }],
  ["high", "package.update", {}],
  ["critical", "package.update", {}, prod],
  ["critical", "package.update", {}, stale],
  ["critical", "system.reboot", {}],
  ["critical", "system.reboot", {}, five],
  ["critical", "shell.run", { command: "true" }],
  // what nobody knows
  ["critical", "service.destroy", unit("nginx.service")],
  ["critical", "", {}],
  ["critical", "constructor", {}],
  ["critical", "service.restart", {}],
  ["critical", "system.usage", { host: "db1" }],
  ["critical", "system.usage", "text"],
  ["critical", "system.usage", 3],
  ["critical", "system.usage", []],
  ["critical", "service.restart", unit("-rf.service")],
  ["critical", "service.restart", { unit: "nginx.service", force: true }],
  ["critical", "service.status", { unit: "nginx; rm -rf /" }],
  ["critical", "file.read", path("/var/../etc/shadow")]
]

const riskOf = ([, action, args, targets = plain, ground = {}]: Row): Risk =>
  stepRisk({ action, args }, targets, { fleet: 8, reach: targets.length, now, ...ground }).risk

describe("the risk of a step", () => {
  it.each(table.map((row) => [row[0], row[1], JSON.stringify(row[2]), row] as const))(
    "is %s for %s %s",
    (expected, _action, _args, row) => assert.strictEqual(riskOf(row), expected)
  )

  it("tells its reasons: the action's own, then each rule that raised it", () => {
    const { reasons } = stepRisk(
      { action: "service.restart", args: unit("nginx.service") },
      [...prod, ...six, ...offline],
      { fleet: 8, reach: 8, now }
    )
    assert.deepStrictEqual(
      reasons.map((one) => `${one.risk}: ${one.reason}`),
      [
        "medium: restart a service",
        "high: web1 is tagged prod",
        "critical: 8 of 8 hosts",
        "critical: web1 is not heard of lately"
      ]
    )
  })

  it("is known for every action of the catalogue, and every act is above low", () => {
    for (const name of actionNames) {
      const { effect, risk } = catalog[name]
      assert.strictEqual(effect === "reads", risk === "low", name)
    }
  })

  const tags = ["web", "prod", "production", "db", "PROD"]
  const acts: ReadonlyArray<readonly [string, unknown]> = [
    ...table.map((row) => [row[1], row[2]] as const),
    ["service.restart", unit("nginx.service")]
  ]
  const Host = Schema.Struct({
    tags: Schema.Array(Schema.Int),
    online: Schema.Boolean,
    age: Schema.Int,
    vital: Schema.Boolean
  })
  const made = (all: ReadonlyArray<typeof Host.Type>): ReadonlyArray<FleetMember> =>
    all.map((one, n) =>
      host(`h${n}`, {
        tags: one.tags.map((tag) => tags[Math.abs(tag) % tags.length] ?? "web"),
        online: one.online,
        lastSeen: now - (Math.abs(one.age) % 120_000),
        ...(one.vital ? { vital: "the hub" } : {})
      })
    )
  const level = (risk: Risk): number => risks.indexOf(risk)

  it.effect.prop(
    "never falls by one more target, or by the tag prod",
    [Schema.Int, Schema.Array(Host), Host, Schema.Int, Schema.Int],
    ([pick, targets, more, reach, fleet]) =>
      Effect.sync(() => {
        const [action, args] = acts[Math.abs(pick) % acts.length] ?? ["", {}]
        const ground = { fleet: Math.abs(fleet) % 100, reach: Math.abs(reach) % 40, now }
        const before = made(targets)
        const risk = level(stepRisk({ action, args }, before, ground).risk)
        const wider = [...before, ...made([more])]
        assert.isAtLeast(level(stepRisk({ action, args }, wider, ground).risk), risk)
        assert.isAtLeast(level(stepRisk({ action, args }, wider, { ...ground, reach: ground.reach + 1 }).risk), risk)
        const tagged = before.map((one, n) => (n === 0 ? { ...one, tags: [...one.tags, "prod"] } : one))
        assert.isAtLeast(level(stepRisk({ action, args }, tagged, ground).risk), risk)
      })
  )

  it("counts up to a quarter of the fleet, and five in any case, as a few", () => {
    assert.deepStrictEqual([0, 8, 20, 24, 100].map(few), [5, 5, 5, 6, 25])
  })
})
