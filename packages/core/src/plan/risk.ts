/**
 * How dangerous a plan is: what its actions are, and where they are done. Code says it, never a model.
 *
 * Owns: the rules that raise a step's risk because of its targets, and their version. Does not own: base risks (`action/catalog.ts`), who
 * must agree (`gate.ts`).
 * Invariants: pure; one more target, one more tag never lowers a risk; what is not in the catalogue is critical; reading changes nothing,
 * so it is as low as the catalogue says, wherever it is done.
 */
import { Result } from "effect"
import { highest, raised, type Risk, type RiskReason } from "../action/Action.ts"
import { actionReasons, decodeAction } from "../action/catalog.ts"
import { effectOf } from "../action/told.ts"
import type { FleetMember } from "../agent/Fleet.ts"
import { isStale } from "./facts.ts"
import type { Batch } from "./plan.ts"

/** Grows when these rules, or the catalogue's risks, change: it is part of every plan's hash. */
export const policyVersion = 1

export interface Ground {
  /** Hosts of the whole fleet. */
  readonly fleet: number
  /** Hosts that the whole plan acts on. */
  readonly reach: number
  readonly now: number
}

export interface StepRisk {
  readonly risk: Risk
  readonly reasons: ReadonlyArray<RiskReason>
}

/** As many at once are still a few. */
export const few = (fleet: number): number => Math.max(5, fleet * 0.25)

export const stepRisk = (
  step: { readonly action: string; readonly args: unknown },
  targets: ReadonlyArray<FleetMember>,
  ground: Ground
): StepRisk => {
  const act = decodeAction(step.action, step.args)
  if (Result.isFailure(act))
    return { risk: "critical", reasons: [{ risk: "critical", reason: "not in the catalogue" }] }
  const base = actionReasons(act.success)
  const risk = highest(...base.map((one) => one.risk))
  if (effectOf(step.action) === "reads") return { risk, reasons: base }
  return raises(targets, ground).reduce<StepRisk>(
    (so, { to, reason }) => {
      const next = to ?? raised(so.risk)
      return { risk: highest(so.risk, next), reasons: [...so.reasons, { risk: highest(so.risk, next), reason }] }
    },
    { risk, reasons: base }
  )
}

/** `to`: at least that; without: one more than it is. */
interface Raise {
  readonly to?: Risk
  readonly reason: string
}

const raises = (targets: ReadonlyArray<FleetMember>, { fleet, reach, now }: Ground): ReadonlyArray<Raise> => {
  const prod = targets.filter((one) => one.tags.some((tag) => production.has(tag.toLowerCase())))
  const stale = targets.filter((one) => isStale(one, now))
  const vital = targets.flatMap((one) => (one.vital === undefined ? [] : [`${one.vital} runs on ${one.host}`]))
  const many = Math.max(reach, targets.length)
  return [
    ...(prod.length === 0 ? [] : [{ reason: `${hosts(prod)} tagged prod` }]),
    ...(many > few(fleet) ? [{ reason: `${many} of ${Math.max(fleet, many)} hosts` }] : []),
    ...(stale.length === 0 ? [] : [{ reason: `${hosts(stale)} not heard of lately` }]),
    ...vital.map((reason): Raise => ({ to: "critical", reason }))
  ]
}

const production: ReadonlySet<string> = new Set(["prod", "production"])

const hosts = (members: ReadonlyArray<FleetMember>): string =>
  members.length === 1 ? `${members[0]?.host ?? ""} is` : `${members.length} hosts are`

export const planRisk = (steps: ReadonlyArray<{ readonly risk: Risk }>): Risk =>
  highest(...steps.map((one) => one.risk))

/** Reads go everywhere at once and one that fails hinders no other; acts stop at the first failure. */
export const defaultBatch = (readsOnly: boolean): Batch =>
  readsOnly ? { size: 1000, maxFailures: 1000 } : { size: 10, maxFailures: 0 }
