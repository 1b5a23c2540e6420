/**
 * From a draft to the plan that is proposed: arguments checked, targets frozen, risk judged.
 *
 * Owns: that step, and the sentence that says why it cannot be made. Does not own: what words mean (phrasebook, model), selectors,
 * conditions, risk.
 * Invariants: pure; what cannot be carried out on a target — not known there, not allowed there — is refused before anybody is asked;
 * a plan never has a step without targets.
 */
import { Result } from "effect"
import { type Act, catalog, decodeAction } from "../action/catalog.ts"
import type { Action } from "../action/Action.ts"
import type { FleetMember } from "../agent/Fleet.ts"
import { freezeCondition } from "./conditions.ts"
import type { Unjudged } from "./events.ts"
import { readsOnly, standsFor } from "./gate.ts"
import { encodedPlan } from "./hash.ts"
import { markedArg } from "./masking.ts"
import type { Draft, DraftStep, Plan, Step } from "./plan.ts"
import { defaultBatch, planRisk, policyVersion, stepRisk } from "./risk.ts"
import { effectOf } from "../action/told.ts"
import { resolve, selectorFault } from "./selectors.ts"
import { selectorText } from "./words.ts"

/** Of one step. */
const mostTargets = 1_000
/** Of the whole plan as JSON, contents included. */
const mostBytes = 900 * 1024

export interface Frozen {
  readonly plan: Plan
  readonly unjudged: ReadonlyArray<Unjudged>
}

interface Aimed {
  readonly step: Omit<Step, "risk" | "reasons">
  readonly members: ReadonlyArray<FleetMember>
  readonly unjudged: ReadonlyArray<Unjudged>
}

export const freeze = (
  draft: Draft,
  members: ReadonlyArray<FleetMember>,
  now: number
): Result.Result<Frozen, string> => {
  const aimed: Array<Aimed> = []
  for (const [nth, step] of draft.steps.entries()) {
    const one = aim(step, members, now)
    if (Result.isFailure(one))
      return Result.fail(draft.steps.length === 1 ? one.failure : `Step ${nth + 1}: ${one.failure}`)
    aimed.push(one.success)
  }
  const acting = aimed.filter(({ step }) => effectOf(step.action) === "acts")
  const reach = new Set(acting.flatMap((one) => one.members.map((member) => member.agentId))).size
  const steps = aimed.map(({ step, members: targets }): Step => ({
    ...step,
    ...stepRisk(step, targets, { fleet: members.length, reach, now })
  }))
  const risk = planRisk(steps)
  const plan: Plan = {
    steps,
    batch: draft.batch ?? defaultBatch(readsOnly(steps)),
    risk,
    policy: policyVersion,
    expiresAt: new Date(now + standsFor(risk)).toISOString()
  }
  if (Buffer.byteLength(JSON.stringify(encodedPlan(plan))) > mostBytes)
    return Result.fail(
      "The plan is too large: its steps, contents and targets together may have 900 KiB. Make several plans of it."
    )
  const unjudged = new Map(aimed.flatMap((one) => one.unjudged).map((one) => [one.host, one]))
  return Result.succeed({ plan, unjudged: [...unjudged.values()] })
}

const aim = (step: DraftStep, members: ReadonlyArray<FleetMember>, now: number): Result.Result<Aimed, string> => {
  const act = decodeAction(step.action, step.args)
  if (Result.isFailure(act)) return Result.fail(act.failure)
  const marked = markedArg(act.success.args)
  if (marked !== undefined)
    return Result.fail(
      `The ${marked} of ${step.action} holds a mark that stands for a secret that was taken out, so it would be written instead of the secret. Say the value itself, in one instruction that needs no model, like "set password to hunter2 in /etc/app.conf on web1".`
    )
  const fault = selectorFault(step.targets)
  if (fault !== undefined) return Result.fail(fault)
  const { targets, unjudged } = resolve(step.targets, members, now)
  if (targets.length === 0) return Result.fail(nobody(step, members, unjudged))
  if (targets.length > mostTargets)
    return Result.fail(
      `${selectorText(step.targets)} is ${targets.length} hosts, and a step has at most ${mostTargets}.`
    )
  const unable = cannot(act.success, targets)
  if (unable !== undefined) return Result.fail(unable)
  const condition = step.when === undefined ? undefined : freezeCondition(step.when, members)
  if (condition !== undefined && Result.isFailure(condition)) return Result.fail(condition.failure)
  const when = condition?.success
  return Result.succeed({
    step: {
      action: act.success.name,
      args: { ...act.success.args },
      selector: step.targets,
      targets: targets.map(({ agentId, host }) => ({ agentId, host })),
      ...(when === undefined ? {} : { when: when.when, ...(when.asks.length === 0 ? {} : { asks: when.asks }) })
    },
    members: targets,
    unjudged
  })
}

const nobody = (
  { targets }: DraftStep,
  members: ReadonlyArray<FleetMember>,
  unjudged: ReadonlyArray<Unjudged>
): string => {
  if (members.length === 0) return "There is no agent yet. Invite one with agent invite."
  const words = selectorText(targets)
  const [first] = unjudged
  if (first === undefined) return `No host fits ${words}. See agent list.`
  const more = unjudged.length > 1 ? ` (and ${unjudged.length - 1} more like it)` : ""
  return `No host is known to fit ${words}; ${first.host} might, but ${first.reason}${more}.`
}

const cannot = (act: Act, targets: ReadonlyArray<FleetMember>): string | undefined => {
  const { optIn }: Pick<Action<never>, "optIn"> = catalog[act.name]
  const forbidden = optIn === true ? targets.filter((one) => !one.allows.includes(act.name)) : []
  if (forbidden.length > 0)
    return `${act.name} is not allowed on ${few(forbidden)}. Whoever owns a host allows it there, when its agent is enrolled.`
  const unable = targets.filter((one) => one.actions?.includes(act.name) === false)
  return unable.length > 0 ? `The agent of ${few(unable)} does not know ${act.name}. Update it.` : undefined
}

const few = (members: ReadonlyArray<FleetMember>): string =>
  `${members
    .slice(0, 5)
    .map((one) => one.host)
    .join(", ")}${members.length > 5 ? ` and ${members.length - 5} more` : ""}`
