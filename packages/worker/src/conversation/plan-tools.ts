/**
 * The tools of a conversation that are about plans.
 *
 * Owns: giving an instruction on behalf of the person who agreed to that, and what a chat model is told of plans and machines. Does not own:
 * the table of tools (core's `tools.ts`), what an instruction means, who approves a plan.
 * Invariants: nothing here approves a plan; a call that is carried out again after a crash finds its plan; contents of logs, files and
 * command lines never reach a model that has tools.
 */
import { Clock, Effect } from "effect"
import type { Schema } from "effect"
import { Fleet } from "@signalbox/core/agent/Fleet.ts"
import type { ChatCall } from "@signalbox/core/conversation/tools.ts"
import { Catalog } from "@signalbox/core/model/Catalog.ts"
import { gateOf } from "@signalbox/core/plan/gate.ts"
import { firstAnswer, Plans } from "@signalbox/core/plan/Plans.ts"
import { redact } from "@signalbox/core/plan/redact.ts"
import { understand } from "@signalbox/core/plan/understand.ts"
import type { PlanView, TargetView } from "@signalbox/core/plan/view.ts"
import { actText, conditionText, selectorText } from "@signalbox/core/plan/words.ts"
import { plainText } from "../plan/said.ts"

const mostTargets = 60
const mostAgents = 200
const dataLimit = 2_000

export const listAgents = Effect.gen(function* () {
  const members = yield* (yield* Fleet).members
  const shown = members.slice(0, mostAgents).map((one): Schema.Json => ({
    name: one.host,
    tags: [...one.tags],
    online: one.online,
    ...(one.facts === undefined ? {} : { os: plainText(one.facts.os, 100) }),
    ...(one.sample === undefined
      ? {}
      : { cpu: one.sample.cpu, memory: one.sample.memory, disk: one.sample.disk, load: one.sample.load })
  }))
  return { agents: shown, more: members.length - shown.length } satisfies Schema.Json
})

export const proposePlan = (
  { instruction, dryRun = false }: Extract<ChatCall, { readonly name: "propose_plan" }>["args"],
  by: { readonly commandId: string; readonly actor: string; readonly conversationId?: string }
) =>
  Effect.gen(function* () {
    const plans = yield* Plans
    const made = yield* firstAnswer(by.commandId)
    if (made !== undefined) return told(yield* plans.load(made))
    const [members, model] = yield* Effect.all([(yield* Fleet).members, (yield* Catalog).current], { concurrency: 2 })
    const now = yield* Clock.currentTimeMillis
    const meaning = understand({ text: instruction, model }, members, () => now)
    const { plan } = yield* plans.instruct({ text: instruction, dryRun, meaning }, { ...by, account: by.actor })
    return told(plan)
  })

export const readPlan = Effect.fnUntraced(function* (planId: string) {
  return told(yield* (yield* Plans).load(planId))
})

const told = (view: PlanView): Schema.Json => ({
  planId: view.planId,
  instruction: view.text.slice(0, 1_000).toWellFormed(),
  status: view.status,
  note: noteOf(view),
  ...(view.question === undefined
    ? {}
    : {
        reason: view.question.reason,
        questions: [...view.question.questions],
        readings: [...view.question.readings]
      }),
  ...(view.plan === undefined ? {} : { risk: view.plan.risk, steps: stepsOf(view) }),
  ...(view.counts === undefined ? {} : { counts: { ...view.counts } })
})

const noteOf = (view: PlanView): string => {
  switch (view.status) {
    case "asked":
      return "A model is being asked what it means. read_plan tells when there is a plan."
    case "proposed": {
      const how = view.plan !== undefined && gateOf(view.plan).typed ? " with its short code" : ""
      return `It waits for a person's approval${how}, which you cannot give: plan approve ${view.planId}.`
    }
    case "not-understood":
      return "It is no plan. Ask the person, then propose a clearer instruction."
    case "approved":
    case "running":
      return "It is being carried out. read_plan tells when it is over."
    default:
      return view.reason ?? "It is over."
  }
}

const stepsOf = (view: PlanView): ReadonlyArray<Schema.Json> => {
  let room = mostTargets
  return (view.plan?.steps ?? []).map((step, nth) => {
    const targets = view.steps[nth] ?? []
    const shown = targets.slice(0, Math.max(0, room))
    room -= shown.length
    return {
      what: plainText(actText(step), 300),
      where: plainText(selectorText(step.selector), 300),
      ...(step.when === undefined ? {} : { when: plainText(conditionText(step.when), 300) }),
      risk: step.risk,
      hosts: shown.map((target) => targetOf(step.action, target)),
      ...(targets.length > shown.length ? { moreHosts: targets.length - shown.length } : {})
    }
  })
}

const targetOf = (action: string, target: TargetView): Schema.Json => ({
  host: target.host,
  state: target.state,
  ...(target.summary === undefined ? {} : { summary: plainText(redact(target.summary), 300) }),
  ...(target.proven === undefined ? {} : { proven: target.proven }),
  ...(target.data === undefined || !numbers.has(action)
    ? {}
    : { data: redact(JSON.stringify(target.data).slice(0, dataLimit)).toWellFormed() })
})

/** Reads that answer with numbers and names of the machine, and with no text that strangers write. */
const numbers: ReadonlySet<string> = new Set([
  "system.info",
  "system.usage",
  "network.ping",
  "network.port",
  "package.list",
  "package.upgradable"
])
