/**
 * Hosts for tests: the `fleet` script as functions.
 *
 * Owns: starting hosts and doing to them what the world does to hosts. Does not own: Signalbox (`test/support/signalbox.ts`).
 * Invariants: every test file uses host names of its own, for files run at the same time in one fleet; a file's hosts are gone when
 * it ends (`own-hosts.ts`), and the run (`test/fleet/run`) takes down whatever is left.
 */
import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

export interface FleetHost {
  readonly name: string
  readonly address: string
  /** A private key that opens root and the ordinary user `ana`. */
  readonly keyFile: string
  /** "ssh-ed25519 AAAA…" */
  readonly hostKey: string
}

const mine = new Set<string>()
/** The hosts of this test file that were not removed. */
export const started = (): ReadonlyArray<string> => [...mine]

/** Starts hosts that are not up yet, all at once, and waits until they answer. */
export const hosts = async (...names: ReadonlyArray<string>): Promise<ReadonlyArray<FleetHost>> => {
  for (const name of names) mine.add(name)
  await fleet("up", ...names)
  const keyFile = (await fleet("key")).trim()
  return Promise.all(
    names.map(async (name) => {
      const [address, line] = await Promise.all([fleet("address", name), fleet("hostkey", name)])
      return { name, address: address.trim(), keyFile, hostKey: line.trim().split(" ").slice(0, 2).join(" ") }
    })
  )
}

export const host = async (name: string): Promise<FleetHost> => {
  const [one] = await hosts(name)
  if (one === undefined) throw new Error(`fleet did not start ${name}`)
  return one
}

/** This machine, as its hosts see it. */
export const addressHere = (...from: ReadonlyArray<FleetHost>): string => {
  const [any] = from
  if (any === undefined) throw new Error("no host is up")
  return any.address.replace(/\d+$/u, "1")
}

/** Pulls the cable. */
export const cut = (name: string): Promise<string> => fleet("cut", name)
export const heal = (name: string): Promise<string> => fleet("heal", name)
/** Returns when sshd answers on the new boot. */
export const reboot = (name: string): Promise<string> => fleet("reboot", name)
/** Power cut: everything on the host is gone at once. `powerOn` brings it back. */
export const crash = (name: string): Promise<string> => fleet("crash", name)
export const powerOn = (name: string): Promise<string> => fleet("up", name)
/** Drops the host and its disk. */
export const remove = async (name: string): Promise<void> => {
  await fleet("down", name)
  mine.delete(name)
}

/** Runs a command on a host as root over SSH and returns its stdout; a non-zero exit rejects. */
export const ssh = (name: string, command: string): Promise<string> => fleet("ssh", name, command)
/** The same without network and sshd: works while the cable is cut. */
export const inside = (name: string, command: string): Promise<string> =>
  fleet("inside", name, "/bin/sh", "-c", command)

/** Another one is another run of the unit: systemd gives each its own. */
export const invocation = async (name: string, unit = "nginx.service"): Promise<string> =>
  (await inside(name, `systemctl show -p InvocationID --value ${unit}`)).trim()

/** What a host knows of its troubles, for people: without its network, and from its console when it is down. */
export const said = (name: string): Promise<string> =>
  inside(name, "systemctl --failed --no-legend --plain; journalctl --no-pager -o short-precise -n 30").catch(
    (down: unknown) =>
      readFile(`${process.env["FLEET_DIR"]}/hosts/${name}/console`, "utf8").then(
        (console) => console.split("\n").slice(-25).join("\n"),
        () => String(down)
      )
  )

const script = fileURLToPath(new URL("fleet", import.meta.url))
const run = promisify(execFile)

const fleet = async (...args: ReadonlyArray<string>): Promise<string> => {
  if (process.env["FLEET_DIR"] === undefined) throw new Error("these tests are started by test/fleet/run")
  const { stdout } = await run(script, [...args], { maxBuffer: 64 * 1024 * 1024 })
  return stdout
}
