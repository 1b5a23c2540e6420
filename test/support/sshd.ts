/**
 * A real OpenSSH server for one test: own port, host key, configuration, keys and home directory, all in a temporary directory.
 *
 * Owns: starting, breaking and ending it. Does not own: clients.
 * Invariants: loopback only; nothing of the person's own ~/.ssh is read or written; only processes started here are ended.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import type { HostConfig } from "@signalbox/core/host/config.ts"
import { freePort } from "./free-port.ts"

/** The log whose tasks are run, where a test has none. */
export const testLog = "00000000-0000-4000-8000-000000000001"

export interface Sshd {
  readonly dir: string
  /** HOME of whoever signs in: `~/.signalbox` is made here. */
  readonly home: string
  readonly port: number
  readonly keyFile: string
  /** A known_hosts file that knows this server. */
  readonly knownHosts: string
  /** "type base64" */
  readonly hostKey: string
  readonly host: (name: string, more?: Partial<HostConfig>) => HostConfig
  /** Ends the server and every connection at once; started processes and tmux live on. */
  readonly kill: () => Promise<void>
  /** Again on the same port with the same keys. */
  readonly start: () => Promise<void>
  /** Stops (or continues) the server's connections without closing them, like a pulled cable. */
  readonly freeze: (frozen: boolean) => void
  /** Connections that are open now. */
  readonly connections: () => number
  readonly dispose: () => Promise<void>
}

export const startSshd = async (lines: ReadonlyArray<string> = []): Promise<Sshd> => {
  const dir = mkdtempSync(join(tmpdir(), "sshd-"))
  const home = join(dir, "home")
  mkdirSync(home, { mode: 0o700 })
  const key = (name: string): string => {
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", join(dir, name)])
    return readFileSync(join(dir, `${name}.pub`), "utf8")
      .split(" ")
      .slice(0, 2)
      .join(" ")
  }
  const hostKey = key("host_key")
  writeFileSync(join(dir, "authorized_keys"), `${key("client_key")}\n`)
  const port = await freePort()
  writeFileSync(join(dir, "known_hosts"), `[127.0.0.1]:${port} ${hostKey}\n`)
  // Debian's service makes it; a server that is started by hand has to.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 })
  writeFileSync(
    join(dir, "sshd_config"),
    [
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${join(dir, "host_key")}`,
      `AuthorizedKeysFile ${join(dir, "authorized_keys")}`,
      "PidFile none",
      "UsePAM no",
      "StrictModes no",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "PermitRootLogin yes",
      `SetEnv HOME=${home}`,
      ...lines,
      ""
    ].join("\n")
  )
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    let said = ""
    const started = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", join(dir, "sshd_config")], {
      stdio: ["ignore", "ignore", "pipe"]
    })
    child = started
    await new Promise<void>((resolve, reject) => {
      started.stderr.on("data", (part: Buffer) => {
        said += part.toString()
        if (said.includes("Server listening")) resolve()
      })
      started.on("exit", (code) => reject(new Error(`sshd ended with ${code}: ${said}`)))
    })
  }
  const kill = async (): Promise<void> => {
    const server = child
    if (server?.pid === undefined || server.exitCode !== null || server.signalCode !== null) return
    const ended = new Promise((resolve) => server.once("exit", resolve))
    for (const pid of [server.pid, ...sshdsUnder(server.pid)]) signal(pid, "SIGKILL")
    await ended
  }
  await start()
  return {
    dir,
    home,
    port,
    keyFile: join(dir, "client_key"),
    knownHosts: join(dir, "known_hosts"),
    hostKey,
    host: (name, more = {}) => ({
      name,
      kind: "ssh",
      address: "127.0.0.1",
      port,
      user: userInfo().username,
      keyFile: join(dir, "client_key"),
      tags: [],
      hostKeys: [],
      defaults: {},
      ...more
    }),
    kill,
    start,
    freeze: (frozen) => {
      for (const pid of sshdsUnder(child?.pid ?? 0)) signal(pid, frozen ? "SIGSTOP" : "SIGCONT")
    },
    connections: () => childrenOf(child?.pid ?? 0).length,
    dispose: async () => {
      await kill()
      stopTmux(home)
      rmSync(dir, { recursive: true, force: true })
    }
  }
}

/** The tmux server of tasks under this home, and the tasks in it. */
export const stopTmux = (home: string): void => {
  for (const task of list(join(home, ".signalbox", "tasks"))) {
    const [pid] = read(join(home, ".signalbox", "tasks", task, "pid")).split(" ")
    const environment = read(`/proc/${pid}/environ`).split("\0")
    if (Number(pid) > 1 && environment.includes(`SIGNALBOX_TASK=${task}`)) signal(-Number(pid), "SIGKILL")
  }
  try {
    execFileSync("tmux", ["-L", "sbx", "kill-server"], {
      env: { ...process.env, TMUX_TMPDIR: join(home, ".signalbox", "tmux") },
      stdio: "ignore"
    })
  } catch {
    // There was none.
  }
}

const childrenOf = (parent: number): ReadonlyArray<number> =>
  read(`/proc/${parent}/task/${parent}/children`)
    .trim()
    .split(" ")
    .filter((word) => word !== "")
    .map(Number)

const sshdsUnder = (parent: number): ReadonlyArray<number> =>
  childrenOf(parent)
    .filter((pid) => read(`/proc/${pid}/comm`).startsWith("sshd"))
    .flatMap((pid) => [pid, ...sshdsUnder(pid)])

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}
const list = (path: string): ReadonlyArray<string> => {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name)
  } catch {
    // It is gone already.
  }
}
