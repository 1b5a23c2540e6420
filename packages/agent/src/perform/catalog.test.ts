/** The catalogue and its performers are one table, and what reaches root was checked by root's own process. */
import { actionNames, actionReasons, catalog, decodeAction, type ActionName } from "@signalbox/core/action/catalog.ts"
import type { Action } from "@signalbox/core/action/Action.ts"
import { randomUUID } from "node:crypto"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "vitest"
import { performersFor } from "./performers.ts"
import type { Performed, Performing } from "./Performer.ts"

const path = (more: object = {}) =>
  ["/etc/../root/x", "etc/x", "/etc//x", "/etc/x/", "/etc/x\ny", "/etc/\u0000", "", `/${"x".repeat(300)}`].map(
    (path) => ({
      ...more,
      path
    })
  )
const units = [
  "-f.service",
  "a b.service",
  "nginx",
  "x;reboot.service",
  "../x.service",
  "*.service",
  "x.service\n"
].map((unit) => ({
  unit
}))
const names = [[], ["-o=x"], ["a b"], ["./x.deb"], ["x/y"], ["A"], ["x;y"], ["x=1"], "nginx"].map((names) => ({
  names
}))

/** What must never be carried out, for every action that root's process carries out: the type lets none be forgotten. */
const hostile: { readonly [Name in ActionName]: ReadonlyArray<unknown> } = {
  "service.status": units,
  "service.list": [{ state: "--all" }],
  "service.start": units,
  "service.stop": units,
  "service.restart": units,
  "service.reload": units,
  "service.enable": units,
  "service.disable": units,
  "config.read": path(),
  "config.validate": path(),
  "config.write": [
    ...path({ content: "x" }),
    { path: "/etc/x", content: "x", tag: "x" },
    { path: "/etc/x", content: "x".repeat(512 * 1024 + 1) },
    { path: "/etc/x" }
  ],
  "config.set": [
    ...path({ key: "a", value: "b" }),
    { path: "/etc/x", key: "a\nb", value: "c" },
    { path: "/etc/x", key: "a b", value: "c" },
    { path: "/etc/x", key: "a", value: "b\nc" },
    { path: "/etc/x", key: "a", value: "b\r" },
    { path: "/etc/x", key: "a", value: "b\u0000" },
    { path: "/etc/x", key: "a", value: "b", section: "c\nd" }
  ],
  "config.add-site": [
    { domain: "-x", root: "/srv" },
    { domain: "x y", root: "/srv" },
    { domain: "x", root: "srv" },
    { domain: "x", proxy: "file:///etc/passwd" },
    { domain: "x", root: "/srv", port: 0 },
    { domain: "x;", root: "/srv" }
  ],
  "config.backups": path(),
  "config.restore": [...path(), { path: "/etc/x", backup: "../../x" }, { path: "/etc/x", backup: "" }],
  "log.query": [
    ...units,
    ...path(),
    { lines: 0 },
    { lines: 1_000_000 },
    { since: "-1d; x" },
    { since: "--until=now" },
    { level: "0..7" },
    { text: "a\nb" }
  ],
  "system.info": [{ x: 1 }, [], null],
  "system.usage": [{ x: 1 }],
  "system.reboot": [{ force: true }, [], "now"],
  "process.list": [{ by: "x" }, { count: 0 }],
  "process.signal": [
    { pid: 1, started: 1, signal: "TERM" },
    { pid: 0, started: 1, signal: "KILL" },
    { pid: -1, started: 1, signal: "KILL" },
    { pid: 2.5, started: 1, signal: "KILL" },
    { pid: 5, started: 1, signal: "STOP" },
    { pid: 5, signal: "KILL" }
  ],
  "network.ping": [{ address: "-f" }, { address: "x y" }, { address: "x", count: 1_000 }, { address: "$(x)" }],
  "network.dns": [{ name: "-x" }, { name: "x", type: "AXFR" }],
  "network.port": [
    { address: "x", port: 0 },
    { address: "-x", port: 1 }
  ],
  "network.http": [{ url: "file:///etc/passwd" }, { url: "http://a b" }, { url: "gopher://x" }],
  "network.listening": [{ x: 1 }, { port: 0 }, { port: 65_536 }, { port: "80" }],
  "network.routes": [{ x: 1 }],
  "package.list": [{ text: "" }],
  "package.upgradable": [{ x: 1 }],
  "package.install": names,
  "package.update": names.slice(1),
  "file.list": path(),
  "file.read": [...path(), { path: "/x", lines: -1 }, { path: "/x", from: "middle" }],
  "file.disk-usage": path(),
  "shell.run": [{ command: "" }, { command: "x".repeat(20_001) }, { command: ["x"] }, { command: "x", user: "root" }]
}

it.each(actionNames)("%s takes nothing hostile, and nothing that it does not know", (name) => {
  for (const args of hostile[name]) expect(decodeAction(name, args)._tag, JSON.stringify(args)).toBe("Failure")
  expect(hostile[name].length).toBeGreaterThan(0)
  expect(decodeAction(name, { "--unknown": 1 })._tag).toBe("Failure")
})

it("every action has a performer and every performer an action", () => {
  const own = { stateDirectory: "/nonexistent", agentCommand: ["/bin/false"], ownPaths: [] }
  expect(Object.keys(performersFor(own)).toSorted()).toEqual([...actionNames].toSorted())
})

it("acts are root's, have a proof, a way back and a key; reads change nothing and say what was read", () => {
  for (const name of actionNames) {
    const entry: Pick<Action<never>, "effect" | "privilege" | "proof" | "undo" | "key" | "risk"> = catalog[name]
    if (entry.effect === "reads") expect(entry, name).toMatchObject({ proof: "what was read", risk: "low" })
    else {
      expect(entry, name).toMatchObject({ privilege: "root" })
      expect(entry.key, `${name}: two at once`).toBeTypeOf("function")
      expect(entry.proof.length, name).toBeGreaterThan(10)
      expect(entry.undo, name).not.toBe("")
      expect(entry.risk, name).not.toBe("low")
    }
  }
})

it("root's own process refuses what fits the schema and leads to keys, the agent or out of the roots", async () => {
  const state = await mkdtemp(join(tmpdir(), "sbx-catalog-"))
  const own = { stateDirectory: state, agentCommand: ["/bin/false"], ownPaths: ["/etc/hostname"] }
  const all = performersFor(own) as { readonly [name: string]: (args: unknown, of: Performing) => Promise<Performed> } // any of them
  const cases: ReadonlyArray<readonly [ActionName, unknown]> = [
    ["config.read", { path: "/etc/shadow" }],
    ["config.read", { path: "/usr/bin/env" }],
    ["config.validate", { path: "/root/.bashrc" }],
    ["config.write", { path: "/usr/bin/x", content: "x" }],
    ["config.write", { path: "/etc/passwd", content: "x" }],
    ["config.set", { path: "/etc/hostname", key: "A", value: "1" }],
    ["config.set", { path: "/root/x.env", key: "A", value: "1" }],
    ["config.add-site", { domain: "1.2.3.4", root: "/srv" }],
    ["config.add-site", { domain: "a.example.com" }],
    ["config.add-site", { domain: "a.example.com", root: "/etc/ssl/private" }],
    ["config.restore", { path: "/etc/shadow" }],
    ["file.read", { path: "/proc/1/environ" }],
    ["file.read", { path: "/dev/zero" }],
    ["file.read", { path: state }],
    ["file.list", { path: "/proc" }],
    ["file.disk-usage", { path: "/sys" }],
    ["log.query", { path: "/etc/hosts" }],
    ["log.query", { path: "/var/log/x", unit: "x.service" }],
    ["process.signal", { pid: process.pid, started: 1, signal: "KILL" }],
    ["network.http", { url: "http://user:secret@127.0.0.1/" }],
    ["network.http", { url: "http://169.254.169.254/latest/" }],
    ["network.http", { url: "http://0xa9fea9fe/" }],
    ["network.http", { url: "http://[::ffff:169.254.169.254]/" }],
    ["network.http", { url: "http://[fe80::1]/" }],
    ["service.stop", { unit: "signalbox-agent-helper.service" }]
  ]
  for (const [name, args] of cases) {
    expect(decodeAction(name, args)._tag, `${name} ${JSON.stringify(args)}`).toBe("Success")
    const done = await all[name]?.(args, { commandId: randomUUID(), signal: AbortSignal.timeout(20_000) })
    expect(done?.outcome, `${name} ${JSON.stringify(args)}: ${done?.summary ?? ""}`).toBe("refused")
  }
  await rm(state, { recursive: true, force: true })
})

it("a file whose contents root carries out is as critical as a shell", () => {
  for (const path of ["/etc/logrotate.d/x", "/etc/profile.d/x.sh", "/etc/udev/rules.d/x.rules", "/etc/ld.so.conf"])
    expect(
      actionReasons({ name: "config.write", args: { path, content: "x" } }).map(({ risk }) => risk),
      path
    ).toContain("critical")
  expect(
    actionReasons({ name: "config.write", args: { path: "/etc/nginx/nginx.conf", content: "x" } }).map(
      ({ risk }) => risk
    )
  ).not.toContain("critical")
})
