/**
 * An instruction that is written, with what it is understood as.
 *
 * Owns: the box. Does not own: understanding (core's phrasebook, the hub), keys (`act.ts`).
 * Invariants: what is shown as understood is what the phrasebook, or the hub, made of exactly the text that stands above it; it fits
 * into the screen, whatever the hub says.
 */
import type { Vocabulary } from "@signalbox/core/plan/phrasebook/names.ts"
import { readInstruction, type Reading } from "@signalbox/core/plan/phrasebook/read.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import { actText, draftText, stepText } from "@signalbox/core/plan/words.ts"
import { many } from "../format.ts"
import type { Model } from "../model.ts"
import { boxed, type Row, say, spread, type Style } from "../row.ts"
import { type Drawn, input } from "../screen/input.ts"
import type { Size } from "../screen/panes.ts"
import { oneLine, wrap } from "../text.ts"
import type { Instruct } from "./state.ts"
import { riskSpan } from "./words.ts"

export const composeBox = (overlay: Instruct, model: Model, size: Size): Drawn => {
  const inner = Math.max(10, Math.min(100, size.columns - 6))
  const drawn = input(overlay.line, inner - 2)
  const room = Math.max(1, Math.min(16, size.rows - 4))
  const below = meaning(overlay, model, inner)
  const seen = below.length <= room ? below : [...below.slice(0, room - 1), [say("…", { dim: true })]]
  const rows: ReadonlyArray<Row> = [[say("> ", { bold: true }), ...(drawn.rows[0] ?? [])], ...seen]
  const box = boxed("What is to be done?", [...rows, ...blank(Math.min(7, room + 1) - rows.length)], inner)
  const x = Math.max(0, Math.floor((size.columns - inner - 4) / 2))
  const y = Math.max(0, Math.floor((size.rows - box.length) / 2))
  return { rows: box, cursor: { x: x + 4 + drawn.cursor.x, y: y + 1 } }
}

const blank = (count: number): ReadonlyArray<Row> => Array.from({ length: Math.max(0, count) }, (): Row => [])

const lines = (text: string, columns: number, style: Style = {}, most = 4): ReadonlyArray<Row> =>
  wrap(oneLine(text, columns * (most + 1)), columns)
    .slice(0, most)
    .map((line): Row => [say(line, style)])

const dim: Style = { dim: true }

const meaning = (overlay: Instruct, model: Model, columns: number): ReadonlyArray<Row> => {
  const text = overlay.line.text.trim()
  if (text === "") return lines("Like: restart nginx on all web servers · show errors since today on db1", columns, dim)
  if (overlay.sending) return lines("sending…", columns, { color: "cyan" })
  const { asked } = overlay
  if (asked !== undefined && asked.text === text) {
    const view = model.plans.all.find((one) => one.planId === asked.planId)
    return view === undefined
      ? lines("asking the hub what it understands…", columns, { color: "cyan" })
      : told(view, columns)
  }
  const reading = understood(text, model.plans.vocabulary)
  return reading === undefined
    ? lines("enter shows what is understood, before anything is done", columns, dim)
    : readingRows(reading, columns)
}

let last: { readonly text: string; readonly vocabulary: Vocabulary; readonly reading: Reading } | undefined

/** As the hub's phrasebook will read it; undefined: this terminal does not know the fleet. */
export const understood = (text: string, vocabulary: Vocabulary | undefined): Reading | undefined => {
  if (vocabulary === undefined) return undefined
  if (last?.text !== text || last.vocabulary !== vocabulary)
    last = { text, vocabulary, reading: readInstruction(text, vocabulary) }
  return last.reading
}

const readingRows = (reading: Reading, columns: number): ReadonlyArray<Row> => {
  switch (reading._tag) {
    case "Understood":
      return [
        ...reading.draft.steps.flatMap((step, at) => lines(`${at + 1}  ${stepText(step)}`, columns)),
        [],
        ...lines("understood by the phrasebook · what changes something waits for approval", columns, dim)
      ]
    case "Unclear":
      return [
        ...lines(reading.question, columns, { color: "yellow" }),
        ...reading.readings.flatMap((draft) => lines(`· ${draftText(draft)}`, columns))
      ]
    case "NotUnderstood":
      return lines(
        reading.long
          ? "This is longer than the phrasebook reads; enter asks a model, where there is one."
          : "The phrasebook does not know this; enter asks a model, where there is one.",
        columns,
        { color: "yellow" }
      )
  }
}

/** What the hub made of it, as a dry run. */
const told = (view: PlanView, columns: number): ReadonlyArray<Row> => {
  const { plan, question } = view
  if (question !== undefined)
    return [
      ...lines(question.reason, columns, { color: "yellow" }, 6),
      ...question.questions.flatMap((one) => lines(`? ${one}`, columns)),
      ...question.readings.flatMap((one) => lines(`· ${one}`, columns))
    ]
  if (plan === undefined)
    return lines("The phrasebook does not know this; a model is being asked.", columns, { color: "cyan" })
  return [
    ...plan.steps.flatMap((step, at): ReadonlyArray<Row> => {
      const risk = [riskSpan(step.risk)]
      const hosts = step.targets.map((one) => one.host).join(" ")
      const head = say(`${at + 1}  ${oneLine(actText(step), columns)}`)
      const where = lines(`${many(step.targets.length, "host")}: ${hosts}`, columns - 3, dim, 3)
      return [spread([head], risk, columns), ...where.map((row): Row => [say("   "), ...row])]
    }),
    ...view.unjudged.flatMap(({ host, reason }) => lines(`not ${host}: ${reason}`, columns, { color: "yellow" }, 2)),
    [],
    ...lines("enter sends it · what changes something waits for approval", columns, dim)
  ]
}
