/**
 * What keys make of plans. Pure.
 *
 * Owns: writing an instruction, agreeing, refusing, stopping, looking closer. Does not own: the requests (`perform.ts`), the keys.
 * Invariants: nothing is approved that is not on the screen as a whole, without a question; what is approved is the hash of what is
 * shown; what is critical is approved by typing its short code and nothing else.
 */
import { isShortCode, shortCode } from "@signalbox/core/plan/code.ts"
import type { ActionId } from "../keymap.ts"
import { line } from "../line.ts"
import type { Model } from "../model.ts"
import { close, errorRead, note, type Overlay, type Request, type Scene, type Step, type Ui } from "../ui.ts"
import { planBody, planTop } from "./detail.ts"
import { instructions } from "./model.ts"
import { type Instruct, selectedPlan, stoppable } from "./state.ts"
import { needsCode } from "./words.ts"

export const planning = (ui: Ui, scene: Scene, id: ActionId): Step | undefined => {
  const view = selectedPlan(ui, scene.model)
  switch (id) {
    case "plan.new":
      return { ui: { ...ui, overlay: instructing("") } }
    case "plan.edit":
      return view === undefined ? { ui } : { ui: { ...ui, overlay: instructing(view.text) } }
    case "plan.open":
    case "plan.read":
      return { ui: { ...ui, focus: "detail", zoom: true } }
    case "plan.answers":
      return { ui: { ...ui, plan: { ...ui.plan, whole: !ui.plan.whole } } }
    case "plan.why":
      return { ui: { ...ui, plan: { ...ui.plan, why: !ui.plan.why } } }
    case "plan.cancel":
      if (view === undefined || !stoppable(view)) return { ui }
      return asked(ui, `Stop ${view.planId}? What has begun comes to its end, nothing further begins.`, {
        kind: "plan.cancel",
        planId: view.planId
      })
    case "proposal.yes":
      return approved(ui, scene)
    case "proposal.no":
      return view === undefined ? { ui } : { ui, request: { kind: "plan.reject", planId: view.planId } }
    case "instruct.leave":
      return { ui: errorRead(ui) ?? close(ui) }
    case "instruct.before":
    case "instruct.after":
      return ui.overlay?.kind === "instruct"
        ? { ui: { ...ui, overlay: stepped(ui.overlay, scene.model, id === "instruct.before" ? 1 : -1) } }
        : { ui }
    case "instruct.try":
      return ui.overlay?.kind === "instruct" ? tried(ui, ui.overlay) : { ui }
    case "instruct.send":
      return ui.overlay?.kind === "instruct" ? sent(ui, ui.overlay, scene.model) : { ui }
    default:
      return undefined
  }
}

const instructing = (text: string): Instruct => ({
  kind: "instruct",
  line: line(text),
  earlier: undefined,
  written: text,
  asked: undefined,
  sending: false
})

const asked = (ui: Ui, question: string, request: Request): Step => ({
  ui: { ...ui, overlay: { kind: "confirm", question, request } }
})

const approved = (ui: Ui, scene: Scene): Step => {
  const { model } = scene
  const view = selectedPlan(ui, model)
  if (view?.hash === undefined || view.status !== "proposed") return { ui }
  const { planId, hash } = view
  if (!model.plans.whole.has(planId)) return { ui: note(ui, "the plan is still being read", model.now) }
  if (needsCode(view))
    return { ui: { ...ui, overlay: { kind: "prompt", purpose: "code", line: line(), planId, hash } } }
  const request: Request = { kind: "plan.approve", planId, hash }
  const rows = planBody(ui, model, view, scene.detailColumns).length
  const end = planTop(ui.detail, rows, scene.detailRows) + scene.detailRows
  return end >= rows ? { ui, request } : asked(ui, "Not all of it is on the screen. Approve it all the same?", request)
}

/** The short code was typed, or something else. */
export const coded = (
  ui: Ui,
  { planId, hash }: Extract<Overlay, { readonly purpose: "code" }>,
  text: string,
  now: number
): Step =>
  isShortCode(text, hash)
    ? { ui: close(ui), request: { kind: "plan.approve", planId, hash, code: text.trim() } }
    : { ui: note(close(ui), `that is not ${shortCode(hash)}: nothing was approved`, now) }

/** Through what was said before, and back to what was written. */
const stepped = (overlay: Instruct, model: Model, by: 1 | -1): Instruct => {
  if (overlay.sending) return overlay
  const all = instructions(model.plans)
  const at = (overlay.earlier ?? -1) + by
  const written = overlay.earlier === undefined ? overlay.line.text : overlay.written
  if (at < 0) return { ...overlay, line: line(written), earlier: undefined, written }
  const text = all[at]
  return text === undefined ? overlay : { ...overlay, line: line(text), earlier: at, written }
}

const longest = 10_000

const tried = (ui: Ui, overlay: Instruct): Step => {
  const text = overlay.line.text.trim()
  if (text === "" || overlay.sending || overlay.asked?.text === text) return { ui }
  return {
    ui: { ...ui, overlay: { ...overlay, asked: { text, planId: undefined } } },
    request: { kind: "plan.give", text, dryRun: true }
  }
}

/** What nobody has shown as understood is asked for first. */
const sent = (ui: Ui, overlay: Instruct, model: Model): Step => {
  const text = overlay.line.text.trim()
  if (text === "" || overlay.sending) return { ui }
  if (text.length > longest)
    return { ui: note(ui, `an instruction has at most 10,000 characters, and this has ${text.length}`, model.now) }
  const answer = overlay.asked?.text === text ? overlay.asked : undefined
  if (answer === undefined && model.plans.vocabulary === undefined) return tried(ui, overlay)
  const view = model.plans.all.find((one) => one.planId === answer?.planId)
  if (answer !== undefined && (view === undefined || view.status === "asked"))
    return { ui: note(ui, "it is still being asked what this means", model.now) }
  if (view?.status === "not-understood") return { ui: note(ui, "it was not understood: say it otherwise", model.now) }
  return {
    ui: { ...ui, overlay: { ...overlay, sending: true } },
    request: { kind: "plan.give", text, dryRun: false }
  }
}

export const planLength = (ui: Ui, scene: Scene): number => {
  const view = selectedPlan(ui, scene.model)
  return view === undefined ? 0 : planBody(ui, scene.model, view, scene.detailColumns).length
}
