/** The hosts themselves: what the other tests rely on is so. */
import { beforeAll, expect, it } from "vitest"
import { crash, cut, heal, hosts, inside, powerOn, reboot, ssh } from "./support.ts"

const names = ["alpha", "beta", "gamma"]

beforeAll(() => hosts(...names))

const bootId = (name: string): Promise<string> => ssh(name, "cat /proc/sys/kernel/random/boot_id")

it("hosts run systemd, sshd, journald, tmux, perl and nginx", async () => {
  const seen = await ssh("alpha", "ps -p 1 -o comm=; systemctl is-active ssh systemd-journald nginx; which tmux perl")
  expect(seen.trim().split("\n")).toEqual(["systemd", "active", "active", "active", "/usr/bin/tmux", "/usr/bin/perl"])
})

it("hosts have different keys, boot ids and addresses", async () => {
  const all = await hosts(...names)
  expect(new Set(all.map((one) => one.hostKey)).size).toBe(3)
  expect(new Set(all.map((one) => one.address)).size).toBe(3)
  expect(new Set(await Promise.all(names.map(bootId))).size).toBe(3)
})

it("a reboot gives a new boot id, ends tmux and keeps the disk", async () => {
  const before = await bootId("alpha")
  await ssh("alpha", "echo kept >/root/kept; tmux new-session -d sleep 600")
  await reboot("alpha")
  expect(await bootId("alpha")).not.toBe(before)
  expect(await ssh("alpha", "cat /root/kept; tmux ls 2>&1 || true")).toMatch(/^kept\n(no server|error connecting)/)
})

it("a pulled cable leaves the host running and out of reach until it is put back", async () => {
  await cut("beta")
  await expect(ssh("beta", "true")).rejects.toThrow(/ssh beta/)
  expect(await inside("beta", "hostname")).toBe("beta\n")
  await heal("beta")
  expect(await ssh("beta", "hostname")).toBe("beta\n")
})

it("a power cut ends everything at once; the host comes back with its disk", async () => {
  const before = await bootId("gamma")
  await ssh("gamma", "echo kept >/root/kept")
  await crash("gamma")
  await expect(ssh("gamma", "true")).rejects.toThrow(/ssh gamma/)
  await powerOn("gamma")
  expect(await bootId("gamma")).not.toBe(before)
  expect(await ssh("gamma", "cat /root/kept")).toBe("kept\n")
})
