/**
 * The steps of a plan as rows: what, where, at which risk and why, and how it went on every host.
 *
 * Owns: that drawing. Does not own: the order of a plan's parts (`detail.ts`), answers as rows (`data.ts`).
 * Invariants: what is approved can be read to its last character; an answer that is cut says how to see it whole; nothing of a host
 * enters uncleaned.
 */
import type { Schema } from "effect"
import type { Action } from "@signalbox/core/action/Action.ts"
import { catalog, isActionName } from "@signalbox/core/action/catalog.ts"
import { isFailure } from "@signalbox/core/plan/progress.ts"
import { effectOf } from "@signalbox/core/action/told.ts"
import type { PlanView, TargetView } from "@signalbox/core/plan/view.ts"
import { actText, conditionText, selectorText } from "@signalbox/core/plan/words.ts"
import { flow } from "../conversation/flow.ts"
import { bytes, count } from "../format.ts"
import { type Row, named, rowWidth, say, said, spread, type Style } from "../row.ts"
import { oneLine, wrap } from "../text.ts"
import { changes, dataRows } from "./data.ts"
import type { Fetched } from "./model.ts"
import { beforeOf } from "./before.ts"
import { riskSpan, targetMark, targetText } from "./words.ts"

export interface Look {
  readonly columns: number
  /** Over the whole screen. */
  readonly zoom: boolean
  /** Answers to their end. */
  readonly whole: boolean
  readonly results: ReadonlyMap<string, Fetched>
}

const indent = 4
const label = 9
/** Where and on what condition is never cut: it is what is approved. */
const everything = 1_000
const dim: Style = { dim: true }

/** `name  text`, broken where it must be; beyond `most` rows it says that there is more. */
export const fact = (
  name: string,
  text: string,
  columns: number,
  most: number,
  style: Style = {}
): ReadonlyArray<Row> => {
  const room = Math.max(8, columns - indent - label)
  const lines = wrap(oneLine(text, room * (most + 1)), room)
  return lines
    .slice(0, most)
    .map((line, at): Row => [
      say(" ".repeat(indent)),
      said(at === 0 ? name : "", label, dim),
      say(at === most - 1 && lines.length > most ? `${line.slice(0, room - 1)}…` : line, style)
    ])
}

export const stepRows = (view: PlanView, at: number, look: Look): ReadonlyArray<Row> => {
  const step = view.plan?.steps[at]
  if (step === undefined) return []
  const { columns, zoom } = look
  const targets = view.steps[at] ?? []
  const entry: Pick<Action<never>, "proof" | "undo"> | undefined = isActionName(step.action)
    ? catalog[step.action]
    : undefined
  const acts = effectOf(step.action) === "acts"
  const begun = targets.some((target) => target.state !== "waiting")
  const few = zoom ? 8 : 3
  const hosts = targets.length > 0 ? targets : step.targets
  const many = view.counts === undefined ? 0 : Object.values(view.counts).reduce((sum, one) => sum + one, 0)
  const names = hosts.length === 0 ? `${count(many)} hosts` : hosts.map((one) => one.host).join(" ")
  return [
    ...titleRows(at, actText(step), riskSpan(step.risk), columns),
    ...(begun
      ? []
      : fact(
          "on",
          selectorText(step.selector) === names ? names : `${names}  (${selectorText(step.selector)})`,
          columns,
          everything
        )),
    ...(step.when === undefined ? [] : fact("if", conditionText(step.when), columns, everything)),
    ...(isLong(step.args) ? argRows(step.args, look) : []),
    ...(begun ? [] : fact("why", step.reasons.map((one) => one.reason).join("; "), columns, few, dim)),
    ...(begun ? [] : beforeRows(targets, columns, few)),
    ...(acts && !begun && entry !== undefined
      ? [...fact("proof", entry.proof, columns, few, dim), ...fact("undo", entry.undo, columns, few, dim)]
      : []),
    ...(begun ? targets.flatMap((target) => targetRows(target, acts, hosts.length, look)) : [])
  ]
}

const titleRows = (at: number, act: string, risk: Row[number], columns: number): ReadonlyArray<Row> => {
  const room = Math.max(10, columns - indent - rowWidth([risk]) - 1)
  const lines = wrap(oneLine(act, room * 8), room)
  return lines.map((line, i): Row =>
    i === 0
      ? spread([say(`${String(at + 1).padStart(2)}  `), say(line, { bold: true })], [risk], columns)
      : [say(" ".repeat(indent)), say(line, { bold: true })]
  )
}

type Args = { readonly [name: string]: Schema.Json }

/** The title cuts long values. */
const isLong = (args: Args): boolean =>
  Object.values(args).some((value) => {
    const text = typeof value === "string" ? value : JSON.stringify(value)
    return text.length > 60 || text.includes("\n")
  })

const argRows = (args: Args, { columns }: Look): ReadonlyArray<Row> => broken(dataRows(args), columns)

/** What is there now, as the agents told while it waits. */
const beforeRows = (targets: ReadonlyArray<TargetView>, columns: number, most: number): ReadonlyArray<Row> =>
  beforeOf(targets).flatMap(([summary, hosts], at) =>
    fact(at === 0 ? "before" : "", `${summary}  (${hosts.join(" ")})`, columns, most, dim)
  )

const targetRows = (target: TargetView, acts: boolean, hosts: number, look: Look): ReadonlyArray<Row> => {
  const { columns, whole } = look
  const { glyph, word, color } = targetMark(target.state)
  const took = target.tookMs === undefined ? "" : `${count(target.tookMs)} ms`
  const proof =
    target.proven === undefined || target.state !== "succeeded" ? "" : target.proven ? "proven" : "not proven"
  const end: Row = [
    ...(proof === "" ? [] : [say(`  ${proof}`, target.proven === true ? { color: "green" } : { color: "yellow" })]),
    ...(took === "" ? [] : [say(`  ${took}`, dim)])
  ]
  const host = columns >= 70 ? 16 : 10
  const start: Row = [
    say("  "),
    say(`${glyph} `, { color }),
    named(target.host, host, { bold: true }),
    say(" "),
    said(word, 11, { color }),
    say(" ")
  ]
  const room = Math.max(8, columns - rowWidth(start) - rowWidth(end))
  const text = targetText(target)
  const most = whole ? 40 : isFailure(target) ? 4 : 1
  const lines = wrap(oneLine(text, room * (most + 1)), room)
  const shown = lines.slice(0, most)
  const cut = lines.length > most
  return [
    spread(
      [...start, say(cut && most === 1 ? `${(shown[0] ?? "").slice(0, room - 1)}…` : (shown[0] ?? ""))],
      end,
      columns
    ),
    ...shown.slice(1).map((line): Row => [say(" ".repeat(rowWidth(start))), say(line)]),
    ...(whole || target.state === "skipped" ? findingRows(target, columns) : []),
    ...(acts && !whole ? changeRows(target, hosts, look) : answerRows(target, hosts === 1, look))
  ]
}

/** The proof of an act in a line or two, where there is room for it; what told no before and after is shown as it is. */
const changeRows = (target: TargetView, hosts: number, look: Look): ReadonlyArray<Row> => {
  if (hosts > 1 && !look.zoom) return []
  const told = target.data === undefined ? undefined : changes(target.data)
  if (told === undefined) return hosts === 1 ? answerRows(target, true, look) : []
  return told.length === 0
    ? []
    : fact("changed", told.join(" · "), look.columns, hosts === 1 ? 4 : hosts <= 6 ? 2 : 1, dim)
}

const findingRows = (target: TargetView, columns: number): ReadonlyArray<Row> =>
  (target.findings ?? []).flatMap(({ asked, answer, found }) =>
    fact("if", `${asked}: ${answer}${found === undefined ? "" : ` (${found})`}`, columns, 3, dim)
  )

/** What was read: the beginning, or all of it. */
const answerRows = (target: TargetView, alone: boolean, look: Look): ReadonlyArray<Row> => {
  const { columns, whole, results } = look
  const note = (text: string, style: Style = dim): ReadonlyArray<Row> => [
    [say(" ".repeat(indent)), said(text, Math.max(1, columns - indent), style)]
  ]
  const fetched = target.commandId === undefined ? undefined : results.get(target.commandId)
  const data = fetched?.state === "ready" ? fetched.data : target.data
  const truncated = target.truncated === true ? note("the host cut it: it was longer than an answer may be") : []
  if (data === undefined) {
    if (target.more !== true) return []
    if (fetched?.state === "failed") return note(`✗ ${fetched.problem}`, { color: "red" })
    if (fetched?.state === "loading") return note("reading the whole answer…")
    const size = target.stored === undefined ? "" : ` of ${bytes(target.stored.bytes)}`
    return note(`a large answer${size} · enter shows it`)
  }
  if (whole) return [...wholeRows(data, columns, note), ...truncated]
  const rows = dataRows(data)
  const most = alone ? 100 : 8
  return [
    ...rows.slice(0, most).map((row): Row => [say(" ".repeat(indent)), ...row]),
    ...(rows.length > most ? note(`… ${count(rows.length - most)} more lines · enter shows them`) : []),
    ...truncated
  ]
}

const mostRows = 5_000
const broke = new WeakMap<object, { readonly columns: number; readonly rows: ReadonlyArray<Row> }>()

const wholeRows = (
  data: Schema.Json,
  columns: number,
  note: (text: string) => ReadonlyArray<Row>
): ReadonlyArray<Row> => {
  const key = typeof data === "object" ? data : null
  const known = key === null ? undefined : broke.get(key)
  if (known?.columns === columns) return known.rows
  const all = dataRows(data)
  const rows = [
    ...broken(all.slice(0, mostRows), columns),
    ...(all.length > mostRows ? note(`… ${count(all.length - mostRows)} more lines: signalbox plan result`) : [])
  ]
  if (key !== null) broke.set(key, { columns, rows })
  return rows
}

const broken = (rows: ReadonlyArray<Row>, columns: number): ReadonlyArray<Row> =>
  rows.flatMap((row) =>
    flow(
      row.map(({ text, ...style }) => ({ text, style })),
      Math.max(8, columns - indent)
    ).map((part): Row => [say(" ".repeat(indent)), ...part])
  )
