/**
 * This host's agent as systemd services: put there, started, taken away.
 *
 * Owns: the service's user, where its files lie, the order of steps. Does not own: the units' text (`units.ts`), enrollment, how the bundle
 * and a Node came here (the hub's script, `host prepare`).
 * Invariants: what root will run lies where only root can write; a second run replaces bundle and units and keeps the enrollment; nothing is
 * started before the host is enrolled; nothing is taken away while a change of configuration depends on it.
 */
import { execFile } from "node:child_process"
import { mkdir, readFile, realpath, rm, stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { writeWhole } from "./config.ts"
import { enroll, type EnrollOptions } from "./enroll.ts"
import { agentGroup } from "./helper.ts"
import type { Places } from "./places.ts"
import { codeOf, reasonOf, Trouble } from "./trouble.ts"
import { unitPaths, units } from "./units.ts"

export const programDirectory = "/usr/local/lib/signalbox-agent"
const bundlePath = join(programDirectory, "signalbox-agent.cjs")
/** The hub's own Node, where the host had none that is new enough. */
const shippedNode = join(programDirectory, "node")

const services = {
  agent: "signalbox-agent.service",
  socket: "signalbox-agent-helper.socket",
  helper: "signalbox-agent-helper.service"
} as const
const proxyNames = ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"]

export interface InstallOptions {
  readonly places: Places
  /** Absent: the host is enrolled already. */
  readonly enroll?: Omit<EnrollOptions, "places">
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly node: string
  readonly bundle: string
}

/** @returns what was done, one sentence a line */
export const install = async (options: InstallOptions): Promise<ReadonlyArray<string>> => {
  const said: Array<string> = []
  await needRootAndSystemd()
  const node = await trustedNode(options.node)
  if (await makeUser()) said.push(`The user ${agentGroup} was made.`)
  await placeBundle(options.bundle)
  said.push(`The agent is ${bundlePath}, run by ${node}.`)
  if (options.enroll !== undefined) {
    const { name, hub } = await enroll({ places: options.places, ...options.enroll })
    said.push(`This host is ${name} at ${hub} now.`)
  } else
    await stat(options.places.config).catch(() => fail("This host is not enrolled, and no invite was given: TOKEN."))
  await writeProxy(dirname(options.places.config), options.environment)
  const texts = units({ node, bundle: bundlePath })
  for (const name of ["agent", "socket", "helper"] as const) await writeWhole(unitPaths[name], texts[name], 0o644)
  await systemctl("daemon-reload")
  await systemctl("enable", services.socket, services.helper, services.agent)
  await systemctl("restart", services.socket, services.helper, services.agent)
  said.push(await verified())
  return said
}

export const uninstall = async (places: Places): Promise<ReadonlyArray<string>> => {
  await needRootAndSystemd()
  const held = await systemctl("list-units", "--plain", "--no-legend", "--state=active", "signalbox-restore-*.timer")
  if (held.trim() !== "")
    throw new Trouble(
      "A change of configuration on this host still waits for the hub's word, and would not be restored without the agent. Wait until it is decided, and try again."
    )
  await systemctl("disable", "--now", services.agent, services.socket, services.helper).catch(() => undefined) // not installed
  for (const path of Object.values(unitPaths)) await rm(path, { force: true })
  await systemctl("daemon-reload")
  for (const path of [dirname(places.config), places.state, places.helperState, programDirectory])
    await rm(path, { recursive: true, force: true })
  await run("/usr/sbin/userdel", [agentGroup]).catch(() => undefined) // there was none
  return ["The agent, its keys and its receipts are gone from this host. Revoke it on the hub: signalbox agent revoke."]
}

const needRootAndSystemd = async (): Promise<void> => {
  if (process.getuid?.() !== 0) throw new Trouble("Installing the agent takes root. Run it with sudo.")
  await stat("/run/systemd/system").catch(() =>
    fail(
      "This host does not run systemd, by which the agent is started. Run signalbox-agent run and helper under what it has."
    )
  )
}

const fail = (reason: string): never => {
  throw new Trouble(reason)
}

/** Root runs it: nobody else may be able to put another program in its place, and the service's user must be able to run it. */
const trustedNode = async (node: string): Promise<string> => {
  const path = await realpath(node)
  const fault = await faultOf(path)
  if (fault !== undefined)
    throw new Trouble(
      `${fault}, so ${path} cannot run the agent. Install Node for the whole system, or put a copy of it at ${shippedNode}.`
    )
  return path
}

/** Why others than root could put something else at this path, or the agent's user not use it. */
const faultOf = async (path: string): Promise<string | undefined> => {
  for (let one = path; ; one = dirname(one)) {
    const { uid, mode } = await stat(one)
    if (uid !== 0) return `${one} belongs to another user than root`
    if ((mode & 0o022) !== 0) return `${one} can be written by others than root`
    if ((mode & 0o001) === 0) return `${one} cannot be used by the agent's user`
    if (one === "/") return undefined
  }
}

const makeUser = async (): Promise<boolean> => {
  if (new RegExp(`^${agentGroup}:`, "mu").test(await readFile("/etc/passwd", "utf8"))) return false
  const shell = ["--home-dir", "/nonexistent", "--no-create-home", "--shell", "/usr/sbin/nologin"]
  await run("/usr/sbin/useradd", ["--system", "--user-group", ...shell, agentGroup])
  return true
}

const placeBundle = async (bundle: string): Promise<void> => {
  await mkdir(programDirectory, { recursive: true, mode: 0o755 })
  const fault = await faultOf(await realpath(programDirectory))
  if (fault !== undefined)
    throw new Trouble(`${fault}, so root cannot run what lies there. Mend that with chown or chmod.`)
  if ((await realpath(bundle)) !== bundlePath) await writeWhole(bundlePath, await readFile(bundle), 0o644)
}

const writeProxy = async (directory: string, environment: InstallOptions["environment"]): Promise<void> => {
  const lines = proxyNames.flatMap((name) => {
    const value = environment[name]
    if (value === undefined || value === "") return []
    if (/[\p{Cc}"\\]/u.test(value)) throw new Trouble(`${name} holds a character that no proxy's address has.`)
    return [`${name}="${value}"\n`]
  })
  // it may hold the proxy's password
  if (lines.length > 0) await writeWhole(join(directory, "environment"), lines.join(""), 0o600)
}

/** That they were started is not enough: they must still be there a moment later. */
const verified = async (): Promise<string> => {
  const deadline = Date.now() + 15_000
  let stable: string | undefined
  for (let looks = 0; Date.now() < deadline;) {
    const shown = await systemctl("show", "--property=ActiveState,MainPID,Result", services.agent)
    const active = shown.includes("ActiveState=active")
    looks = active && shown === stable ? looks + 1 : 0
    stable = shown
    if (looks === 4) return "It runs."
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  throw new Trouble(`${services.agent} does not stay up. Look at journalctl -u ${services.agent}.`)
}

const systemctl = (...args: ReadonlyArray<string>): Promise<string> =>
  run("/usr/bin/systemctl", ["--no-ask-password", ...args])

const run = (program: string, args: ReadonlyArray<string>): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(
      program,
      [...args],
      { timeout: 150_000, env: { LC_ALL: "C", PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } },
      (cause, stdout, stderr) =>
        cause === null
          ? resolve(stdout)
          : reject(
              new Trouble(
                codeOf(cause) === "ENOENT"
                  ? `${program} is not there, and the agent cannot be installed without it.`
                  : `${program} ${args[0] ?? ""} failed: ${(stderr.trim() || reasonOf(cause)).slice(0, 500)}`
              )
            )
    )
  })
