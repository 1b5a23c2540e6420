/**
 * system.info: what a host is.
 *
 * Owns: disks and addresses beside the facts. Does not own: the facts that `hello` tells too (`../../facts.ts`), what changes by the second.
 */
import { readFile } from "node:fs/promises"
import { cpus, networkInterfaces } from "node:os"
import type { Performer } from "../Performer.ts"
import { clean } from "../text/clean.ts"
import { hello } from "../../facts.ts"
import { uptimeSeconds } from "../../proc.ts"
import { readDisks } from "./usage.ts"

export const systemInfo: Performer<"system.info"> = async () => {
  const [{ allows: _allows, actions: _actions, ...facts }, disks, uptime, model] = await Promise.all([
    hello({ allows: [], actions: [] }),
    readDisks(),
    readFile("/proc/uptime", "utf8"),
    Promise.resolve(clean(cpus()[0]?.model ?? "", 200))
  ])
  const addresses = Object.entries(networkInterfaces()).flatMap(([name, found = []]) =>
    found
      .filter((one) => !one.internal)
      .map((one) => ({ interface: clean(name, 60), address: one.cidr ?? one.address }))
  )
  return {
    outcome: "succeeded",
    summary: `${facts.hostname}: ${facts.os}, kernel ${facts.kernel}, ${facts.cpus} CPUs, ${Math.round(facts.memoryBytes / 2 ** 20)} MiB memory.`,
    data: {
      ...facts,
      hostname: clean(facts.hostname, 253),
      os: clean(facts.os, 200),
      cpuModel: model,
      uptime: uptimeSeconds(uptime),
      disks: disks.map((disk) => ({ ...disk })),
      addresses: addresses.slice(0, 200)
    }
  }
}
