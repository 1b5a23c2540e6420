/** Where a process says that it is: read of `/proc/PID/cgroup` as hosts with one hierarchy and with many have it. The rest: test/fleet/performers.test.ts. */
import { describe, expect, it } from "vitest"
import { isIn, serviceIn } from "./scope.ts"

const many = (path: string): string =>
  `9:name=systemd:${path}\n8:pids:/\n1:cpu:/system.slice/other.service\n0::${path}\n`
const one = (path: string): string => `0::${path}\n`
const unit = "signalbox-run-1.scope"

describe.each([
  ["one hierarchy", one],
  ["many of them", many]
])("on a host with %s", (_, cgroup) => {
  it("the service that a process is of, and none where it is in a session or nowhere", () => {
    expect(serviceIn(cgroup("/system.slice/signalbox-agent-helper.service"))).toBe("signalbox-agent-helper.service")
    expect(serviceIn(cgroup("/system.slice/system-x.slice/x@1.service"))).toBe("x@1.service")
    for (const path of ["/user.slice/user-0.slice/session-1.scope", "/", "/a.service/b", "/a b.service"])
      expect(serviceIn(cgroup(path)), path).toBeUndefined()
  })
  it("a scope by its whole name and by nothing like it", () => {
    expect(isIn(cgroup(`/system.slice/${unit}`), unit)).toBe(true)
    for (const path of [`/system.slice/x${unit}`, `/system.slice/${unit}/inner`, "/", ""])
      expect(isIn(cgroup(path), unit), path).toBe(false)
  })
})

it("a hierarchy that is not systemd's says nothing", () => {
  expect(serviceIn("1:cpu:/system.slice/x.service\n0::/\n")).toBeUndefined()
  expect(isIn(`1:cpu:/${unit}\n`, unit)).toBe(false)
})
