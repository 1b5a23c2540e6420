/**
 * Whether the world is still as it was when a plan was proposed.
 *
 * Owns: what counts as drift, at approval (the whole target set) and before a dispatch (one target). Does not own: refusing (`decider.ts`),
 * conditions on fresh numbers (`conditions.ts`).
 * Invariants: pure; an agent is known by its id, never by its name; numbers that move by the minute are what conditions are for and
 * never drift: only what certainly has changed does.
 */
import type { FleetMember } from "../agent/Fleet.ts"
import type { Plan, Step, Target } from "./plan.ts"
import { judge } from "./selectors.ts"
import { selectorText } from "./words.ts"

/** @returns what has changed, in one sentence; undefined: nothing */
export const planDrift = (plan: Plan, members: ReadonlyArray<FleetMember>, now: number): string | undefined => {
  const known = new Map(members.map((member) => [member.agentId, member]))
  for (const step of plan.steps) {
    for (const target of step.targets) {
      const drift = targetDrift(step, target, known.get(target.agentId), now)
      if (drift !== undefined) return drift
    }
    for (const asked of step.asks ?? []) {
      const drift = moved(asked, known.get(asked.agentId))
      if (drift !== undefined) return drift
    }
    const targets = new Set(step.targets.map((target) => target.agentId))
    const more = members.filter(
      (member) => !targets.has(member.agentId) && judge(step.selector, member, now, false).truth === "true"
    )
    if (more.length > 0)
      return `${more
        .slice(0, 5)
        .map((member) => member.host)
        .join(
          ", "
        )}${more.length > 5 ? " …" : ""} now ${more.length === 1 ? "fits" : "fit"} ${selectorText(step.selector)} too.`
  }
  return undefined
}

export const targetDrift = (
  step: Pick<Step, "selector">,
  target: Target,
  member: FleetMember | undefined,
  now: number
): string | undefined =>
  moved(target, member) ??
  (member !== undefined && judge(step.selector, member, now, false).truth === "false"
    ? `${target.host} does not fit ${selectorText(step.selector)} any more.`
    : undefined)

const moved = (target: Target, member: FleetMember | undefined): string | undefined => {
  if (member === undefined) return `${target.host} is not in the fleet any more.`
  return member.host === target.host ? undefined : `The host that was ${target.host} is called ${member.host} now.`
}
