/**
 * The model picker: every provider's models, found by a few letters.
 *
 * Owns: its lines and its box. Does not own: getting the lists (`ChatHub.ts`), changing the model.
 * Invariant: a provider that has a problem is shown with it, and can be found by its name.
 */
import { rank } from "../fuzzy.ts"
import { short } from "../format.ts"
import type { Line } from "../line.ts"
import { boxed, exactly, highlight, type Row, say, said, spread } from "../row.ts"
import { type Drawn, input } from "../screen/input.ts"
import type { Size } from "../screen/panes.ts"
import { oneLine, wrap } from "../text.ts"
import type { Models } from "./model.ts"
import { noModelSentence } from "./words.ts"

export interface Choice {
  readonly ref: string
  readonly title: string
  readonly window: number | null
  readonly provider: string
}

/** The models that can be chosen, by provider where nothing is searched for. */
export const choices = (models: Models, query: string): ReadonlyArray<Choice> => {
  const all = models.providers.flatMap((one) =>
    one.models.map((model): Choice => ({
      ref: model.ref,
      title: model.title,
      window: model.window,
      provider: one.title
    }))
  )
  const found = rank(query, all, (choice) => `${choice.ref} ${choice.title} ${choice.provider}`)
  // What is not listed may be there all the same: lists are never complete.
  const typed = query.trim()
  const written = /^[a-z][a-z0-9-]{0,31}\/\S{1,200}$/u.test(typed) && !all.some((choice) => choice.ref === typed)
  return written ? [...found, { ref: typed, title: "as written", window: null, provider: "" }] : found
}

export const modelPicker = (
  line: Line,
  selected: number,
  models: Models,
  current: string | null,
  size: Size
): Drawn => {
  const inner = Math.max(16, Math.min(84, size.columns - 6))
  const height = Math.max(2, Math.min(20, size.rows - 6))
  const drawn = input(line, inner - 2)
  const found = choices(models, line.text)
  const grouped = line.text.trim() === ""
  const rows: Array<Row> = []
  let at = 0
  const put = (choice: Choice, i: number): void => {
    const on = i === selected
    if (on) at = rows.length
    const right = `${choice.window === null ? "" : `${short(choice.window)} tokens`} `
    const left: Row = [
      say(on ? "> " : "  "),
      say(choice.ref === current ? "● " : "  ", { color: "green" }),
      said(choice.ref, Math.max(1, inner - 4 - right.length))
    ]
    const row = exactly(spread(left, [say(right, { dim: true })], inner), inner)
    rows.push(on ? highlight(row) : row)
  }
  const problems = (provider: Models["providers"][number]): void => {
    if (provider.problem === null) return
    for (const text of wrap(oneLine(provider.problem, inner * 4), Math.max(4, inner - 4)).slice(0, 3))
      rows.push([say(`    ${text}`, { color: "yellow" })])
  }
  if (grouped) {
    let i = 0
    for (const provider of models.providers) {
      rows.push([say("  "), said(provider.title, inner - 2, { bold: true })])
      problems(provider)
      for (const model of provider.models) put({ ...model, provider: provider.title }, i++)
    }
  } else found.forEach(put)
  if (models.state === "loading") rows.push([say("  asking the providers…", { dim: true })])
  if (models.state === "failed")
    for (const text of wrap(models.problem ?? "", inner - 4)) rows.push([say(`  ${text}`, { color: "red" })])
  if (found.length === 0 && models.state === "ready") {
    const why = models.providers.every((one) => one.models.length === 0)
      ? noModelSentence
      : "no model by that name; provider/model is taken as it is written"
    for (const text of wrap(why, inner - 4)) rows.push([say(`  ${text}`, { dim: true })])
  }
  const top = Math.max(0, Math.min(at - Math.floor(height / 2), rows.length - height))
  const body = rows.slice(top, top + height)
  while (body.length < Math.min(height, 6)) body.push([])
  const box = boxed("Model", [[say("> ", { bold: true }), ...(drawn.rows[0] ?? [])], ...body], inner)
  const x = Math.max(0, Math.floor((size.columns - inner - 4) / 2))
  const y = Math.max(0, Math.floor((size.rows - box.length) / 2))
  return { rows: box, cursor: { x: x + 4 + drawn.cursor.x, y: y + 1 } }
}
