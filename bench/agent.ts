/** The agent on a host: its size, from its start to its hello at the hub, and what it holds of the memory when it has had work. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process"
import { mkdtemp, readFile, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { build } from "esbuild"
import { compiledIn, nodeEnvironment, nodeFlags } from "../packages/agent/src/flags.ts"
import { makeCertificate } from "../packages/core/src/config/certificate.ts"
import { agentBundle } from "../scripts/agent-bundle.mjs"
import { AgentHub, inviteToken } from "../test/support/agent-hub.ts"
import { eventually } from "../test/support/eventually.ts"
import { median, millis, type Row } from "./support.ts"

const rounds = 9

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  const root = await mkdtemp(join(tmpdir(), "agent-bench-"))
  const certificate = await Effect.runPromise(
    makeCertificate({ tls: join(root, "tls") }, { names: [], days: 2, replace: false }, Date.now())
  )
  const hub = await new AgentHub(certificate).listen()
  const children: Array<ChildProcess> = []
  try {
    await build({ ...agentBundle, outdir: root })
    const bundle = join(root, "signalbox-agent.cjs")
    const env = { ...nodeEnvironment, ...compiledIn(root), SIGNALBOX_AGENT_ROOT: root } // as its unit starts it
    const invite = { HUB_URL: hub.url, TOKEN: inviteToken, HUB_FINGERPRINT: certificate.fingerprint }
    const enrolling = spawn(process.execPath, [bundle, "enroll"], { env: { ...env, ...invite }, stdio: "ignore" })
    await eventually("the agent is enrolled", () => enrolling.exitCode === 0)

    const starts: Array<number> = []
    const nothing: Array<number> = []
    for (let round = 0; round <= rounds; round++) {
      const idle = performance.now()
      execFileSync(process.execPath, ["-e", "0"])
      const began = performance.now()
      const child = spawn(process.execPath, [...nodeFlags, bundle, "run"], { env, stdio: "ignore" })
      children.push(child)
      await hub.connection(round + 1)
      if (round > 0) {
        starts.push(performance.now() - began)
        nothing.push(began - idle)
      }
      if (round < rounds) child.kill("SIGKILL")
    }
    for (let n = 0; n < 100; n++) await hub.ask("system.usage", {})
    const pid = children.at(-1)?.pid ?? 0
    const resident = async () =>
      Number(/VmRSS:\s+(\d+)/u.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024
    const after: Array<number> = []
    const until = Date.now() + 45_000 // it collects its garbage every 20 s
    while (Date.now() < until) {
      after.push(await resident())
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
    const held = median(after)
    const bytes = (await stat(bundle)).size
    const start = median(starts)
    return [
      {
        what: "the agent's bundle: one file that needs nothing beside it but Node",
        ours: `${Math.round(bytes / 1000)} kB`,
        against: "",
        ratio: null,
        target: "≤ 1 MB",
        ok: bytes <= 1_000_000
      },
      {
        what: "from the agent's start to its hello at the hub (three TLS connections), against `node -e 0`",
        ours: millis(start),
        against: millis(median(nothing)),
        ratio: start / median(nothing),
        target: "≤ 300 ms",
        ok: start <= 300
      },
      {
        what: `memory resident in the agent's process after 100 reads, over 45 s (Node ${process.versions.node})`,
        ours: `${held.toFixed(1)} MB`,
        against: "",
        ratio: null,
        target: "≤ 60 MB",
        ok: held <= 60
      }
    ]
  } finally {
    for (const child of children) child.kill("SIGKILL")
    await hub.close()
    await rm(root, { recursive: true, force: true })
  }
}
