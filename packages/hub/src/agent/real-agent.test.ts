/** The agent as it is bundled for hosts, as real processes, against a real hub. */
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { randomUUID } from "node:crypto"
import { Effect, Layer } from "effect"
import { build } from "esbuild"
import { Fleet } from "@signalbox/core/agent/Fleet.ts"
import { FleetLive } from "@signalbox/core/agent/FleetLive.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { shortCode } from "@signalbox/core/plan/code.ts"
import { agentBundle } from "../../../../scripts/agent-bundle.mjs"
import { AgentRoomsTest, agentHub, onlineAs, planWhen } from "../../../../test/support/agents.ts"
import { eventually } from "../../../../test/support/eventually.ts"
import { HubAddress } from "../HubAddress.ts"

let bundled = ""
let bundle = ""
beforeAll(async () => {
  bundled = await mkdtemp(join(tmpdir(), "agent-bundle-"))
  bundle = join(bundled, "signalbox-agent.cjs")
  await build({ ...agentBundle, outdir: bundled })
})
afterAll(() => rm(bundled, { recursive: true, force: true }))

const Everything = Layer.merge(agentHub(), FleetLive).pipe(Layer.provideMerge(AgentRoomsTest))

/** A host of its own below a directory; its processes end with the scope. */
const host = Effect.acquireRelease(
  Effect.promise(async () => {
    const root = await mkdtemp(join(tmpdir(), "agent-host-"))
    const children: Array<ChildProcess> = []
    const env = { PATH: process.env["PATH"], SIGNALBOX_AGENT_ROOT: root, NODE_NO_WARNINGS: "1" }
    return {
      root,
      children,
      enroll: (more: Readonly<Record<string, string>>) =>
        promisify(execFile)(process.execPath, [bundle, "enroll"], { env: { ...env, ...more } }),
      start: async (role: "run" | "helper", said: RegExp) => {
        const child = spawn(process.execPath, [bundle, role], { env, stdio: ["ignore", "ignore", "pipe"] })
        children.push(child)
        let text = ""
        child.stderr.on("data", (part: Buffer) => (text += part.toString()))
        await eventually(`${role} says ${said}`, () => {
          if (child.exitCode !== null) throw new Error(`${role} ended with ${child.exitCode}: ${text}`)
          return said.test(text)
        })
        return child
      }
    }
  }),
  ({ root, children }) =>
    Effect.promise(async () => {
      for (const child of children) child.kill("SIGKILL")
      await Promise.all(
        children.map((child) =>
          child.exitCode === null && child.signalCode === null
            ? new Promise((resolve) => child.once("close", resolve))
            : undefined
        )
      )
      await rm(root, { recursive: true, force: true })
    })
)

const ready = Effect.gen(function* () {
  const hub = yield* HubClient
  const { url } = yield* HubAddress
  const machine = yield* host
  const { token } = yield* hub.agents.invite({ payload: { name: "web1" } })
  yield* Effect.promise(() => machine.enroll({ HUB_URL: url, TOKEN: token }))
  yield* Effect.promise(() => machine.start("helper", /listens/))
  const agent = yield* Effect.promise(() => machine.start("run", /Connected/))
  yield* onlineAs("web1")
  return { machine, agent }
})

describe("the real agent", () => {
  it.live("answers a read out of the kernel's own files, and its host is known as the hub's", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      yield* ready
      const { plan } = yield* hub.plans.give({ payload: { text: "what is the cpu usage of web1" } })
      const done = yield* planWhen(plan.planId, "has succeeded", ({ status }) => status === "succeeded")
      const data = done.steps[0]?.[0]?.data as { readonly memoryBytes: { readonly total: number } }
      assert.isAbove(data.memoryBytes.total, 1_000_000)
      const [member] = yield* (yield* Fleet).members
      assert.strictEqual(member?.vital, "the hub")
    }).pipe(Effect.scoped, Effect.provide(Everything))
  )

  it.live("lets root's helper act on what was approved, through its own death, exactly once", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { machine, agent } = yield* ready
      const { plan } = yield* hub.plans.give({
        payload: {
          draft: {
            steps: [
              {
                action: "service.restart",
                args: { unit: `signalbox-nothing-${randomUUID().slice(0, 8)}.service` },
                targets: { _tag: "Name", glob: "web1" }
              }
            ]
          }
        }
      })
      assert.strictEqual(plan.plan?.risk, "critical") // the hub's own machine
      agent.kill("SIGKILL")
      yield* hub.plans.approve({
        params: { planId: plan.planId },
        payload: { hash: plan.hash ?? "", code: shortCode(plan.hash ?? "") }
      })
      yield* planWhen(plan.planId, "is dispatched", ({ steps }) => steps[0]?.[0]?.commandId !== undefined)
      yield* Effect.promise(() => machine.start("run", /Connected/))
      const done = yield* planWhen(plan.planId, "is over", ({ finishedAt }) => finishedAt !== undefined)
      const target = done.steps[0]?.[0]
      // there is no such unit, and that is what the host says
      assert.deepInclude(target, { said: "agent" })
      assert.include(["failed", "refused"], target?.state)
      assert.match(target?.summary ?? "", /signalbox-nothing/)
    }).pipe(Effect.scoped, Effect.provide(Everything))
  )
})
