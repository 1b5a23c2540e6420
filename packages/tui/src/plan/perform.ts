/**
 * Does what a person asked for with plans, and says how it went.
 *
 * Owns: the order of a request's steps and its words. Does not own: the calls (`PlanHub.ts`).
 * Invariant: an answer never pulls a person back who has gone elsewhere, and is never shown for another text than it was given for.
 */
import type { Session } from "../Session.ts"
import { goTo } from "../cursor.ts"
import type { PlanRequest, Ui } from "../ui.ts"

export const performPlan = async (session: Session, request: PlanRequest): Promise<void> => {
  const { plans } = session.acts
  switch (request.kind) {
    case "plan.give": {
      const { text, dryRun } = request
      const planId = await plans.give(text, dryRun)
      return session.change((ui) => (dryRun ? answered(ui, text, planId) : given(ui, planId)))
    }
    case "plan.approve":
      await plans.approve(request.planId, request.hash, request.code)
      return session.note(`${request.planId} was approved`)
    case "plan.reject":
      await plans.reject(request.planId)
      return session.note(`${request.planId} was rejected`)
    case "plan.cancel":
      await plans.cancel(request.planId)
      return session.note(`${request.planId} is being stopped`)
  }
}

const answered = (ui: Ui, text: string, planId: string): Ui =>
  ui.overlay?.kind === "instruct" && ui.overlay.asked?.text === text
    ? { ...ui, overlay: { ...ui.overlay, asked: { text, planId } } }
    : ui

/** Over the whole screen: what is to be approved is seen as a whole. */
const given = (ui: Ui, planId: string): Ui =>
  ui.view === "plans" && ui.overlay?.kind === "instruct" && ui.overlay.sending
    ? { ...goTo(ui, "plans", planId), focus: "detail", zoom: true }
    : ui

/** The hub has not taken it: it can be changed and sent again. */
export const ungiven = (ui: Ui): Ui =>
  ui.overlay?.kind === "instruct" ? { ...ui, overlay: { ...ui.overlay, sending: false, asked: undefined } } : ui
