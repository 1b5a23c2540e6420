/**
 * One plan: what was said, what it was understood as, what it does where, and how it went.
 *
 * Owns: the order of the parts, the line below them. Does not own: steps (`steps.ts`), words (`words.ts`).
 * Invariants: title and last line stand still while the rest is scrolled; the last line counts down, or tells how far it is, or how it ended.
 */
import { batchText } from "@signalbox/core/plan/words.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import { clock, duration, exact } from "../format.ts"
import type { Model } from "../model.ts"
import { type Row, exactly, named, rule, say, said, spread, type Style } from "../row.ts"
import type { Rect } from "../screen/panes.ts"
import { oneLine, wrap } from "../text.ts"
import { mark } from "../theme.ts"
import type { Ui } from "../ui.ts"
import { progressOf } from "./model.ts"
import { fact, type Look, stepRows } from "./steps.ts"
import { countsText, gateText, left, needsCode, originText, reasonOf, riskSpan, shortHash, sumText } from "./words.ts"

/** Rows between the title and the last line. */
export const planRoom = (rows: number): number => Math.max(1, rows - 2)

/** The first row that is seen: never further than the end. */
export const planTop = (at: number, rows: number, room: number): number => Math.max(0, Math.min(at, rows - room))

export const planDetail = (ui: Ui, model: Model, view: PlanView | undefined, rect: Rect): ReadonlyArray<Row> => {
  if (view === undefined) return [[], [say("  Nothing is selected.", { dim: true })]]
  const rows = planBody(ui, model, view, rect.columns)
  const room = planRoom(rect.rows)
  const top = planTop(ui.detail, rows.length, room)
  const seen = Array.from({ length: room }, (_, i): Row => rows[top + i] ?? [])
  const below = rows.length - top - room
  return [
    title(view, rect.columns),
    ...seen,
    spread(foot(view, model), below > 0 ? [say(` ↓ ${below} `)] : [], rect.columns)
  ]
}

const title = (view: PlanView, columns: number): Row => {
  const { glyph, word, color } = mark(view.status)
  const state = columns - view.planId.length - 6 >= word.length + 2 ? `${glyph} ${word}` : glyph
  return spread(
    [say("Plan ", { bold: true }), named(view.planId, Math.max(1, columns - state.length - 6), { bold: true })],
    [say(state, { color, bold: true })],
    columns
  )
}

export const planBody = (ui: Ui, model: Model, view: PlanView, columns: number): ReadonlyArray<Row> => {
  const look: Look = { columns, zoom: ui.zoom, whole: ui.plan.whole, results: model.plans.results }
  const { plan, question } = view
  const facts = [
    `by ${view.by}`,
    ui.zoom ? exact(view.createdAt) : clock(view.createdAt),
    originText(view),
    view.dryRun ? "dry run: nothing of it is carried out" : undefined
  ]
  const lines = (text: string, most: number, style: Style = {}): ReadonlyArray<Row> =>
    wrap(oneLine(text, columns * (most + 1)), columns)
      .slice(0, most)
      .map((line): Row => [say(line, style)])
  return [
    ...lines(`"${view.text}"`, ui.zoom ? 30 : 4, { bold: true }),
    ...lines(facts.filter((one) => one !== undefined).join(" · "), 3, { dim: true }),
    ...(view.origin?.by === "model" ? view.understood.flatMap((one) => fact("as", one, columns, 4)) : []),
    ...(question === undefined ? [] : questionRows(question, lines)),
    ...(plan === undefined ? [] : [rule(columns)]),
    ...(plan?.steps ?? []).flatMap((_, at) => stepRows(view, at, look)),
    ...view.unjudged.flatMap(({ host, reason }) => fact("not", `${host}: ${reason}`, columns, 3, { color: "yellow" })),
    ...(plan === undefined ? [] : [rule(columns), ...riskRows(view, ui, model, columns)]),
    ...endRows(view, lines)
  ]
}

type Lines = (text: string, most: number, style?: Style) => ReadonlyArray<Row>

const questionRows = (
  { reason, questions, readings }: NonNullable<PlanView["question"]>,
  lines: Lines
): ReadonlyArray<Row> => [
  ...lines(reason, 10, { color: "yellow" }),
  ...questions.flatMap((one) => lines(`? ${one}`, 5)),
  ...readings.flatMap((one) => lines(`· ${one}`, 5)),
  [],
  [say("e edits the instruction and asks again", { dim: true })]
]

const riskRows = (view: PlanView, ui: Ui, model: Model, columns: number): ReadonlyArray<Row> => {
  const { plan } = view
  if (plan === undefined) return []
  const targets = Math.max(0, ...plan.steps.map((step) => step.targets.length))
  const worst = plan.steps.find((step) => step.risk === plan.risk)
  const risk: Row = [say("    "), said("risk", 9, { dim: true }), riskSpan(plan.risk)]
  const sum = worst === undefined || ui.plan.why ? [] : [said(` = ${sumText(worst.reasons)}`, columns, { dim: true })]
  return [
    ...fact("batch", batchText(plan.batch, targets), columns, 2),
    exactly([...risk, ...sum], columns),
    ...(ui.plan.why ? whyRows(view, columns) : []),
    ...(view.status === "proposed" && !model.plans.whole.has(view.planId)
      ? [[say("    the whole of it is being read…", { dim: true })]]
      : [])
  ]
}

/** Every reason of every step, who has to agree, and what exactly is approved. */
const whyRows = (view: PlanView, columns: number): ReadonlyArray<Row> => [
  ...(view.plan?.steps ?? []).flatMap((step, at) =>
    step.reasons.flatMap(({ risk, reason }, nth) =>
      fact(nth === 0 ? `step ${at + 1}` : "", `▲ ${risk}: ${reason}`, columns, 3)
    )
  ),
  ...fact("gate", gateText(view) ?? "", columns, 4),
  ...fact("rules", `version ${view.plan?.policy ?? 0}`, columns, 1),
  ...(view.hash === undefined ? [] : fact("hash", view.hash, columns, 3))
]

const endRows = (view: PlanView, lines: Lines): ReadonlyArray<Row> => {
  const { approved, rejected, cancel } = view
  const reason = reasonOf(view)
  const said = [
    approved === undefined ? undefined : `approved by ${approved.by} at ${clock(approved.at)}`,
    rejected === undefined ? undefined : `rejected by ${rejected.by} at ${clock(rejected.at)}`,
    cancel === undefined ? undefined : `stopped by ${cancel.by} at ${clock(cancel.at)}`
  ].filter((one) => one !== undefined)
  return [
    ...(said.length === 0 ? [] : lines(said.join(" · "), 2, { dim: true })),
    ...(reason === undefined ? [] : lines(reason, 8, { color: "yellow" }))
  ]
}

const foot = (view: PlanView, { now }: Model): Row => {
  const dim = { dim: true }
  switch (view.status) {
    case "proposed": {
      const until = view.plan?.expiresAt ?? view.createdAt
      const soon = Date.parse(until) - now < 60_000
      return [
        say(` expires in ${left(until, now)}`, soon ? { color: "red", bold: true } : { color: "yellow" }),
        say(` · hash ${shortHash(view.hash ?? "")}`, dim),
        ...(needsCode(view) ? [say(" · approving takes its short code", dim)] : [])
      ]
    }
    case "approved":
    case "running": {
      const far = progressOf(view)
      const since = duration(now - Date.parse(view.startedAt ?? view.approved?.at ?? view.createdAt))
      return [say(` ${far === undefined ? "" : `${far.over} of ${far.of} ended · `}${since}`, { color: "cyan" })]
    }
    case "asked":
      return [say(` ${duration(now - Date.parse(view.createdAt))}`, { color: "cyan" })]
    default: {
      const took =
        view.finishedAt === undefined || view.startedAt === undefined
          ? undefined
          : `in ${duration(Date.parse(view.finishedAt) - Date.parse(view.startedAt))}`
      const parts = [view.counts === undefined ? undefined : countsText(view.counts), took]
      return [say(` ${parts.filter((one) => one !== undefined && one !== "").join(" · ")}`, dim)]
    }
  }
}
