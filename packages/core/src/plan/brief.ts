/**
 * A plan for lists: without contents of files, without what was read.
 *
 * Owns: what is left out. Does not own: the view.
 * Invariants: still a view; `counts` is there once it is over, and means the same as everywhere; targets are listed as long as they are few.
 */
import { isSettledPlan } from "./progress.ts"
import { countsOf } from "./evolve.ts"
import type { PlanView, TargetView } from "./view.ts"

const mostTargets = 64
const longest = 300

export const briefPlan = (view: PlanView): PlanView => {
  const { plan, explanation: _explanation, ...rest } = view
  const targets = view.steps.reduce((sum, step) => sum + step.length, 0)
  return {
    ...rest,
    text: cut(view.text),
    held: 0,
    steps: targets > mostTargets ? [] : view.steps.map((step) => step.map(briefTarget)),
    ...(plan === undefined
      ? {}
      : {
          ...(isSettledPlan(view) ? { counts: view.counts ?? countsOf(view.steps) } : {}),
          plan: {
            ...plan,
            steps: plan.steps.map(({ args, targets: frozen, asks: _asks, ...step }) => ({
              ...step,
              args: Object.fromEntries(
                Object.entries(args).map(([name, value]) => [name, typeof value === "string" ? cut(value) : value])
              ),
              targets: targets > mostTargets ? [] : frozen
            }))
          }
        })
  }
}

const briefTarget = ({ agentId, host, state }: TargetView): TargetView => ({ agentId, host, state })
const cut = (text: string): string => text.slice(0, longest).toWellFormed()
