/**
 * An agent's processes as they are started on a host, below a directory of their own, and a hub by hand that they talk to.
 *
 * Owns: the bundle, the processes and their end, the journal of acts. Does not own: the hub by hand (`agent-hub.ts`).
 */
import { execFile, spawn, type ChildProcess } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { makeCertificate, type Certificate } from "@signalbox/core/config/certificate.ts"
import { Effect } from "effect"
import { build } from "esbuild"
import { nodeEnvironment, nodeFlags } from "../../packages/agent/src/flags.ts"
import { agentBundle } from "../../scripts/agent-bundle.mjs"
import { AgentHub, inviteToken } from "./agent-hub.ts"
import { eventually } from "./eventually.ts"

export const execute = promisify(execFile)

/** Takes away what Node 18 does not have. */
const likeNode18 = `
for (const [of, names] of [[Array.prototype, ["toSorted", "toReversed", "toSpliced", "with"]], [Array, ["fromAsync"]], [Object, ["groupBy"]],
  [Map, ["groupBy"]], [Promise, ["withResolvers", "try"]], [Set.prototype, ["union", "intersection", "difference", "isSubsetOf"]],
  [URL, ["canParse", "parse"]], [String.prototype, ["isWellFormed", "toWellFormed"]], [RegExp, ["escape"]], [globalThis, ["Iterator", "WebSocket", "navigator", "CustomEvent"]]])
  for (const name of names) delete of[name]
`

export interface Built {
  readonly directory: string
  readonly bundle: string
  /** Required first, it makes any Node like 18. */
  readonly preload: string
  readonly certificate: Certificate
}

export const builtAgent = async (): Promise<Built> => {
  const directory = await mkdtemp(join(tmpdir(), "agent-bundle-"))
  const preload = join(directory, "node18.cjs")
  writeFileSync(preload, likeNode18)
  await build({ ...agentBundle, outdir: directory })
  return {
    directory,
    bundle: join(directory, "signalbox-agent.cjs"),
    preload,
    certificate: await certificateIn(directory)
  }
}

export const certificateIn = (directory: string): Promise<Certificate> =>
  Effect.runPromise(
    makeCertificate({ tls: join(directory, "tls") }, { names: [], days: 2, replace: false }, Date.now())
  )

export interface Started {
  readonly child: ChildProcess
  /** Its exit code or the signal that ended it. */
  readonly ended: Promise<number | string>
  readonly said: () => string
}

const agentChild = join(import.meta.dirname, "children/agent.ts")

export class AgentProcesses {
  readonly built: Built
  readonly root: string
  hub: AgentHub
  private readonly started: Array<Started> = []

  private constructor(built: Built, root: string, hub: AgentHub) {
    this.built = built
    this.root = root
    this.hub = hub
  }

  static async make(built: Built): Promise<AgentProcesses> {
    const root = await mkdtemp(join(tmpdir(), "agent-"))
    mkdirSync(join(root, "gates"))
    return new AgentProcesses(built, root, await new AgentHub(built.certificate).listen())
  }

  async close(): Promise<void> {
    for (const { child } of this.started) child.kill("SIGKILL")
    await Promise.all(this.started.map(({ ended }) => ended))
    await this.hub.close()
    await rm(this.root, { recursive: true, force: true })
  }

  start(
    args: ReadonlyArray<string>,
    env: Readonly<Record<string, string>> = {},
    program: string = process.execPath
  ): Started {
    const child = spawn(program, [...args], {
      env: {
        PATH: process.env["PATH"],
        NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
        SIGNALBOX_AGENT_ROOT: this.root,
        NODE_NO_WARNINGS: "1",
        ...env
      },
      stdio: ["ignore", "ignore", "pipe"]
    })
    let said = ""
    child.stderr.on("data", (part: Buffer) => (said += part.toString()))
    const ended = new Promise<number | string>((resolve) =>
      child.once("close", (code, signal) => resolve(signal ?? code ?? -1))
    )
    const one: Started = { child, ended, said: () => said }
    this.started.push(one)
    return one
  }

  /** As systemd starts it. */
  run(env: Readonly<Record<string, string>> = {}): Started {
    return this.start([...nodeFlags, "-r", this.built.preload, this.built.bundle, "run"], {
      ...nodeEnvironment,
      ...env
    })
  }

  /**
   * Root's helper or the unprivileged process, with acts that a test can look at.
   *
   * @param shell what a shell does before it becomes the process
   */
  part(role: "run" | "helper", shell?: string): Started {
    const CHILD = JSON.stringify({ role, root: this.root, journal: this.journal, gates: join(this.root, "gates") })
    return shell === undefined
      ? this.start([agentChild], { CHILD })
      : this.start(["-c", `${shell}; exec "$0" "$1"`, process.execPath, agentChild], { CHILD }, "/bin/sh")
  }

  enroll(env: Readonly<Record<string, string>> = {}, ...more: ReadonlyArray<string>) {
    return execute(process.execPath, ["-r", this.built.preload, this.built.bundle, "enroll", ...more], {
      env: {
        PATH: process.env["PATH"],
        SIGNALBOX_AGENT_ROOT: this.root,
        HUB_URL: this.hub.url,
        TOKEN: inviteToken,
        HUB_FINGERPRINT: this.built.certificate.fingerprint,
        ...env
      }
    })
  }

  /** Both, connected; enrolled when it was not. */
  async both(): Promise<{ readonly helper: Started; readonly agent: Started }> {
    if (!existsSync(this.configPath)) await this.enroll()
    const helper = this.part("helper")
    await eventually("the helper listens", () => helper.said().includes("listens"))
    const agent = this.part("run")
    await this.hub.connection()
    return { helper, agent }
  }

  get configPath(): string {
    return join(this.root, "etc/signalbox-agent/agent.json")
  }

  get keyPath(): string {
    return join(this.root, "var/lib/signalbox-agent/key.pem")
  }

  configure(change: object): void {
    writeFileSync(this.configPath, JSON.stringify({ ...JSON.parse(readFileSync(this.configPath, "utf8")), ...change }))
  }

  private get journal(): string {
    return join(this.root, "journal")
  }

  /** Acts upon this unit may end from now on. */
  open(unit: string): void {
    writeFileSync(join(this.root, "gates", unit), "")
  }

  written(): ReadonlyArray<string> {
    return existsSync(this.journal) ? readFileSync(this.journal, "utf8").split("\n").filter(Boolean) : []
  }

  begins(unit: string): ReadonlyArray<string> {
    return this.written().filter((line) => line.startsWith(`${unit} begins`))
  }
}

export const failure = async (work: Promise<unknown>): Promise<string> =>
  String(
    await work.then(
      () => "nothing failed",
      (cause: unknown) => (cause instanceof Error && "stderr" in cause ? cause.stderr : cause)
    )
  )
