/**
 * Hosts for tests: the `fleet` script as functions.
 *
 * Owns: starting hosts and doing to them what the world does to hosts. Does not own: Signalbox (`test/support/signalbox.ts`).
 * Invariant: every test file uses host names of its own; the run (`test/fleet/run`) takes all hosts down at its end.
 */
import { execFile } from "node:child_process"
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

/** Starts hosts that are not up yet, all at once, and waits until they answer. */
export const hosts = async (...names: ReadonlyArray<string>): Promise<ReadonlyArray<FleetHost>> => {
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

/** Pulls the cable. */
export const cut = (name: string): Promise<string> => fleet("cut", name)
export const heal = (name: string): Promise<string> => fleet("heal", name)
/** Returns when sshd answers on the new boot. */
export const reboot = (name: string): Promise<string> => fleet("reboot", name)
/** Power cut: everything on the host is gone at once. `powerOn` brings it back. */
export const crash = (name: string): Promise<string> => fleet("crash", name)
export const powerOn = (name: string): Promise<string> => fleet("up", name)
/** Drops the host and its disk. */
export const remove = (name: string): Promise<string> => fleet("down", name)

/** Runs a command on a host as root over SSH and returns its stdout; a non-zero exit rejects. */
export const ssh = (name: string, command: string): Promise<string> => fleet("ssh", name, command)
/** The same without network and sshd: works while the cable is cut. */
export const inside = (name: string, command: string): Promise<string> =>
  fleet("inside", name, "/bin/sh", "-c", command)

const script = fileURLToPath(new URL("fleet", import.meta.url))
const run = promisify(execFile)

const fleet = async (...args: ReadonlyArray<string>): Promise<string> => {
  if (process.env["FLEET_DIR"] === undefined) throw new Error("these tests are started by test/fleet/run")
  const { stdout } = await run(script, [...args], { maxBuffer: 64 * 1024 * 1024 })
  return stdout
}
