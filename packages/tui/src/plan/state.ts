/**
 * What a person is doing with plans. Pure data.
 *
 * Owns: the state, its first value, and the questions that are asked of it. Does not own: what actions make of it (`act.ts`).
 */
import { isRunning } from "@signalbox/core/plan/progress.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import type { Line } from "../line.ts"
import { selectedIndex } from "../list.ts"
import type { Model } from "../model.ts"
import type { Ui } from "../ui.ts"

export interface PlanUi {
  /** Answers are shown to their end. */
  readonly whole: boolean
  /** The risk is explained. */
  readonly why: boolean
}
export const startPlan: PlanUi = { whole: false, why: false }

/** An instruction that is written. */
export interface Instruct {
  readonly kind: "instruct"
  readonly line: Line
  /** Which of the earlier instructions is shown, newest 0; undefined: none, but what was written. */
  readonly earlier: number | undefined
  readonly written: string
  /** What the hub was asked to understand, as a dry run. */
  readonly asked: { readonly text: string; readonly planId: string | undefined } | undefined
  /** It is on its way. */
  readonly sending: boolean
}

export const selectedPlan = (ui: Ui, model: Model): PlanView | undefined =>
  ui.view === "plans" ? model.plans.list.rows[selectedIndex(model.plans.list.ids, ui.anchors.plans)] : undefined

/** What the keys of a plan mean, in the list and in its detail. */
export const planPlace = (ui: Ui, model: Model): "plans" | "planWaits" | "plan" | "asked" | "proposal" => {
  const view = selectedPlan(ui, model)
  if (view === undefined) return "plans"
  if (ui.focus === "list") return view.status === "proposed" ? "planWaits" : "plans"
  // A proposal may come at any moment: y and n mean nothing until it is there.
  return view.status === "proposed" ? "proposal" : view.status === "asked" ? "asked" : "plan"
}

/** Some host has said something. */
export const answered = (view: PlanView | undefined): boolean =>
  view !== undefined && view.steps.some((targets) => targets.some((target) => target.finishedAt !== undefined))

export const stoppable = (view: PlanView | undefined): boolean =>
  view !== undefined && isRunning(view) && view.cancel === undefined
