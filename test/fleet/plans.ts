/**
 * What the fleet tests say to the command line about agents and plans, and the shapes they expect back (design §8).
 */
import { chmod, copyFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { Schema } from "effect"
import { type Home, hubFetch, hubSays, type Ran, signalbox, until } from "../support/signalbox.ts"
import { diskOf } from "./agent/driven.ts"
import type { FleetHost } from "./support.ts"
import { addHost } from "./tasks.ts"

const Agents = Schema.Struct({
  agents: Schema.Array(Schema.Struct({ name: Schema.NullOr(Schema.String), online: Schema.Boolean }))
})
const Status = Schema.Struct({ plan: Schema.Struct({ status: Schema.String }) })
const Result = Schema.Struct({
  host: Schema.String,
  state: Schema.String,
  summary: Schema.NullOr(Schema.String),
  proven: Schema.NullOr(Schema.Boolean),
  data: Schema.NullOr(Schema.Json),
  commandId: Schema.optionalKey(Schema.String)
})
export const Planned = Schema.Struct({
  planId: Schema.String,
  status: Schema.String,
  risk: Schema.NullOr(Schema.String),
  hash: Schema.NullOr(Schema.String),
  steps: Schema.Array(Schema.Struct({ results: Schema.Array(Result) }))
})
export type Planned = typeof Planned.Type
const decodePlanned = Schema.decodeUnknownSync(Schema.fromJsonString(Planned))
const Given = Schema.fromJsonString(
  Schema.Struct({ plan: Schema.Struct({ planId: Schema.String, hash: Schema.String }) })
)
const decodeType = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Struct({ type: Schema.String })))

/** Makes hosts agents, all at once, as an operator would. Their Node is put there before: 120 MB each are no part of any test here. */
export const enroll = async (home: Home, machines: ReadonlyArray<FleetHost>, ...tags: ReadonlyArray<string>) => {
  const node = fileURLToPath(new URL("../../node_modules/node/bin/node", import.meta.url))
  await Promise.all(
    machines.map(async (machine) => {
      const there = diskOf(machine.name, "usr/local/bin/node")
      await copyFile(node, there)
      await chmod(there, 0o755)
      await addHost(home, machine, ...tags.flatMap((tag) => ["--tag", tag]))
      const prepared = await signalbox(home, "host", "prepare", machine.name, "--agent")
      if (prepared.code !== 0 || !prepared.stdout.includes("It runs.")) throw told("host prepare --agent", prepared)
    })
  )
  await online(home, ...machines.map((one) => one.name))
}

export const online = (home: Home, ...names: ReadonlyArray<string>) =>
  until(`${names.join(" and ")} online`, 90_000, async () => {
    const { agents } = await hubSays(home, "/api/v1/agents", Agents)
    return names.every((name) => agents.some((one) => one.name === name && one.online)) ? true : undefined
  })

/** An instruction that waits for approval. */
export const propose = async (home: Home, instruction: string): Promise<Planned> => {
  const proposed = await signalbox(home, "do", instruction, "--json")
  if (proposed.code !== 2 || proposed.stderr !== "") throw told(`do "${instruction}"`, proposed)
  return decodePlanned(proposed.stdout)
}

/** Of what has no words of its own. */
export const draft = async (home: Home, host: string, action: string, args: object): Promise<Planned> => {
  const body = JSON.stringify({ draft: { steps: [{ action, args, targets: { _tag: "Name", glob: host } }] } })
  const answer = await hubFetch(home, "/api/v1/plans", { method: "POST", body })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`a draft of ${action} → ${answer.status} ${text.slice(0, 1_000)}`)
  return show(home, Schema.decodeUnknownSync(Given)(text).plan.planId)
}

/** As the risk asks for: with the short code, which only the critical ones need. */
export const approve = async (home: Home, { planId, hash }: Planned): Promise<string> => {
  const code = `${hash?.slice(0, 4)}${hash?.slice(-4)}`
  const approved = await signalbox(home, "plan", "approve", planId, "--code", code, "--no-wait")
  if (approved.code !== 0) throw told(`plan approve ${planId}`, approved)
  return planId
}

export const show = async (home: Home, planId: string): Promise<Planned> =>
  (await signalbox(home, "plan", "show", planId, "--json")).json(Planned)

/** The plan when nothing more happens to it by itself. */
export const over = async (home: Home, planId: string, timeoutMs = 120_000): Promise<Planned> => {
  await until(`${planId} is over`, timeoutMs, async () => {
    const { plan } = await hubSays(home, `/api/v1/plans/${planId}`, Status)
    return ["approved", "running", "proposed"].includes(plan.status) ? undefined : true
  })
  return show(home, planId)
}

/** Results of all steps. */
export const resultsOf = (plan: Planned): ReadonlyArray<typeof Result.Type> => plan.steps.flatMap((one) => one.results)

/** Types of its events, in order. */
export const trailOf = async (home: Home, planId: string): Promise<ReadonlyArray<string>> => {
  const printed = await signalbox(home, "events", "--stream", `plan/${planId}`, "--json")
  if (printed.code !== 0) throw told("events", printed)
  return printed.stdout
    .trim()
    .split("\n")
    .map((line) => decodeType(line).type)
}

const told = (what: string, { code, stdout, stderr }: Ran): Error =>
  new Error(`${what} → ${code}\n${stdout.slice(0, 2_000)}\n${stderr.slice(0, 2_000)}`)
