/**
 * Plans as the screens see them: order, counts, what waits, what is asked of one.
 *
 * Owns: the shape. Does not own: getting it (`PlanStore.ts`), drawing.
 * Invariants: pure; what waits for approval comes first, then what is under way, then the rest, each newest first.
 */
import type { Schema } from "effect"
import { isOver, isRunning } from "@signalbox/core/plan/progress.ts"
import type { Vocabulary } from "@signalbox/core/plan/phrasebook/names.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import { holds } from "../fuzzy.ts"
import { idsOf } from "../list.ts"
import type { Listed } from "../model.ts"

/** The whole answer of a command, fetched because it does not stand in the plan. */
export type Fetched =
  | { readonly state: "loading" }
  | { readonly state: "ready"; readonly data: Schema.Json }
  | { readonly state: "failed"; readonly problem: string }

export interface PlanModel {
  readonly list: Listed<PlanView>
  readonly all: ReadonlyArray<PlanView>
  /** Those that wait for approval, the longest wait first. */
  readonly waiting: ReadonlyArray<string>
  readonly running: number
  /** Those of which nothing is left out. */
  readonly whole: ReadonlySet<string>
  /** By command id. */
  readonly results: ReadonlyMap<string, Fetched>
  /** Hosts and tags that instructions may name; undefined: the hub has not told, and is asked. */
  readonly vocabulary: Vocabulary | undefined
}

const group = (view: PlanView): number =>
  view.status === "proposed" ? 0 : view.status === "asked" || isRunning(view) ? 1 : 2

export const orderedPlans = (all: Iterable<PlanView>): ReadonlyArray<PlanView> =>
  [...all].toSorted(
    (a, b) =>
      group(a) - group(b) ||
      (a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : a.planId < b.planId ? 1 : -1)
  )

export const planModel = (
  all: ReadonlyArray<PlanView>,
  filter: string,
  whole: ReadonlySet<string>,
  results: ReadonlyMap<string, Fetched>,
  vocabulary: Vocabulary | undefined
): PlanModel => {
  const rows = filter.trim() === "" ? all : all.filter((view) => holds(filter, planText(view)))
  return {
    list: { rows, ids: idsOf(rows, (view) => view.planId), total: all.length },
    all,
    waiting: all
      .filter((view) => view.status === "proposed")
      .map((view) => view.planId)
      .toReversed(),
    running: all.filter(isRunning).length,
    whole,
    results,
    vocabulary
  }
}

const planText = (view: PlanView): string => {
  const steps = (view.plan?.steps ?? []).map(
    (step) => `${step.action} ${step.targets.map((one) => one.host).join(" ")} ${step.risk}`
  )
  return `${view.planId} ${view.text.slice(0, 500)} ${view.status} ${view.by} ${steps.join(" ").slice(0, 2000)}`
}

/** How many of its acts have ended; undefined: nothing was begun, or a list leaves it out. */
export const progressOf = (view: PlanView): { readonly over: number; readonly of: number } | undefined => {
  const targets = view.steps.flat()
  return targets.length === 0 || !isRunning(view)
    ? undefined
    : { over: targets.filter(isOver).length, of: targets.length }
}

/** What was said before, newest first, each once. */
export const instructions = (plans: PlanModel): ReadonlyArray<string> => {
  const texts = plans.all.toSorted((a, b) => (a.createdAt < b.createdAt ? 1 : -1)).map((view) => view.text)
  return [...new Set(texts)].slice(0, 200)
}
