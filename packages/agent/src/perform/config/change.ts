/**
 * A change of configuration, safe at every step: backup → beside → checker → exchange → whole checker → reload → look → verdict.
 *
 * Owns: the order. Does not own: each step (`store.ts`, `node.ts`, `judge.ts`, `guard.ts`), the way back (`back.ts`).
 * Invariants: one change at a time in a process; whatever fails or is ended after the record was begun leads to `restoreChange`, by
 * this process, the timer or the next start; a broken configuration is never what a service is told to read.
 */
import { NotDone, Refused, reasonOf } from "../outcome.ts"
import type { Performed, Performing } from "../Performer.ts"
import type { Surroundings } from "../Surroundings.ts"
import { isWayIn } from "@signalbox/core/action/sensitive.ts"
import { refuseUnfinished, restoreChange } from "./back.ts"
import { armGuard, bootId } from "./guard.ts"
import { type Judgement, isJudged, judge, serviceOf, tell, unitFacts } from "./judge.ts"
import { type Kind, kindOf } from "./kinds.ts"
import {
  type Attributes,
  type Node,
  copyAttributes,
  exchange,
  isSameContent,
  look,
  makeLink,
  refuseHardLinks,
  sha256,
  temporaryIn,
  writeFileWhole
} from "./node.ts"
import { beginExchange, beginRecord, finish, giveVerdict, hold, prune, readRecord } from "./store.ts"

/** What a path is to hold. Attributes are those of the file that is there, or of another one that has them. */
export type Wanted =
  | { readonly kind: "absent" }
  | { readonly kind: "link"; readonly to: string }
  | { readonly kind: "file"; readonly bytes: Buffer; readonly attributes?: Attributes & { readonly from: string } }

export interface Change {
  readonly action: string
  readonly places: ReadonlyArray<{
    readonly path: string
    readonly wanted: Wanted
    readonly before: Node
    readonly bytes: Buffer | null
  }>
  /** Looked at after the service was told: a sentence when it does not hold. */
  readonly proof?: (signal: AbortSignal) => Promise<string | undefined>
  /** For the summary: "client_max_body_size is 10m". */
  readonly done: string
  readonly facts?: Readonly<Record<string, string | number | boolean | null>>
}

let last: Promise<unknown> = Promise.resolve()

/** Changes wait for each other: a checker that judges the whole must not see another's half. */
export const change = (own: Surroundings, wanted: Change, of: Performing): Promise<Performed> => {
  const mine = last.then(() => changing(own, wanted, of))
  last = mine.catch(() => undefined)
  return mine
}

const changing = async (own: Surroundings, wanted: Change, of: Performing): Promise<Performed> => {
  const id = of.commandId
  const step = own.onStep ?? (() => undefined)
  const [main] = wanted.places
  if (main === undefined) throw new Refused({ why: "There is nothing to change." })
  const kind = kindOf(main.path)
  if (kind.mustCheck && !(await isJudged(kind, main.path)))
    throw new Refused({ why: `${main.path} is never changed without its checker, and this host does not have it.` })
  const way = wanted.places.find(({ path }) => isWayIn(path))
  if (way !== undefined && of.guardMillis === undefined)
    throw new Refused({
      why: `The way to this host hangs on ${way.path}, which is changed only with a restore by itself, and the hub asked for none. Name that very path, and no link to it, in the plan.`
    })
  for (const { path } of wanted.places) await refuseHardLinks(path)
  await refuseUnfinished(
    own,
    wanted.places.map(({ path }) => path)
  )
  const unit = await serviceOf(kind, of.signal)
  const places = await Promise.all(
    wanted.places.map(async ({ path, wanted, before }) => ({ path, before, after: nodeOf(wanted, before, kind) }))
  )

  const texts = wanted.places.flatMap(({ wanted, bytes }) =>
    [wanted.kind === "file" ? wanted.bytes : null, bytes].flatMap((one) => (one === null ? [] : [one.toString()]))
  )
  step("record")
  await beginRecord(
    own.stateDirectory,
    { v: 1, id, action: wanted.action, at: Date.now(), bootId: await bootId(), places, unit: unit?.unit ?? null },
    wanted.places.map(({ bytes }) => bytes)
  )
  try {
    const judgements: Array<Judgement> = []
    step("beside")
    for (const [n, place] of wanted.places.entries())
      await makeBeside(place.path, id, n, place.wanted, places[n]?.after, place.before)
    step("check-file")
    const first =
      main.wanted.kind === "file"
        ? await judge(kind.checkFile?.(temporaryIn(main.path, id, 0)), of.signal, texts)
        : undefined
    if (first !== undefined) judgements.push(first)
    if (first?.agrees === false) return await refused(own, id, first)

    for (const { path, before } of places)
      if (!(await holds(path, before)))
        return await refused(own, id, { checker: "", agrees: false, said: meanwhile(path) })
    const until = of.guardMillis === undefined ? undefined : Date.now() + of.guardMillis
    const armedAt = performance.now()
    step("guard")
    if (of.guardMillis !== undefined) await armGuard(own, id, of.guardMillis, of.signal)

    await beginExchange(own.stateDirectory, id)
    for (const [n, { path, before, after }] of places.entries()) {
      step(`exchange-${n}`)
      // the checker and the timer took their time
      if (!(await holds(path, before))) return await rolledBack(own, id, meanwhile(path))
      await exchange(after.kind === "absent" ? null : temporaryIn(path, id, n), path)
    }
    step("check-all")
    const whole = await judge(kind.checkAll?.(main.path), of.signal, texts)
    if (whole !== undefined) judgements.push(whole)
    if (whole?.agrees === false) return await rolledBack(own, id, `${whole.checker} does not agree: ${whole.said}`)
    step("reload")
    const told = await tell(kind, unit, of.signal)
    if (!told.well) return await rolledBack(own, id, told.why)
    step("look")
    const contrary = await contradiction(places, wanted, of.signal)
    if (contrary !== undefined) return await rolledBack(own, id, contrary)

    step("verdict")
    if (until !== undefined) {
      await hold(own.stateDirectory, id, { until, bootId: await bootId() })
      step("held")
      // a service that took nearly as long as the guard: its timer restores before the hub's word can be here, or has done so
      const guard = of.guardMillis ?? 0
      const left = guard - (performance.now() - armedAt)
      if (left < leastForTheWord(guard) || (await readRecord(own.stateDirectory, id)).verdict === "back")
        return await rolledBack(own, id, "it took longer than the time after which it is restored by itself")
    } else {
      if ((await giveVerdict(own.stateDirectory, id, "keep")) === "back")
        return await rolledBack(own, id, "it was called back")
      step("finish")
      await finish(own.stateDirectory, id, { as: "kept", at: Date.now(), note: wanted.done })
    }
    await prune(own.stateDirectory).catch(() => undefined) // old backups that cannot be removed are no failure of this change
    return {
      outcome: "succeeded",
      summary: [
        `${wanted.done}.`,
        judgements.length === 0 ? "No checker knows this file." : `${judgements.at(-1)?.checker ?? ""} agrees.`,
        told.unit === undefined ? serviceWords(kind) : `${told.unit.unit} was told and is active.`,
        until === undefined
          ? ""
          : `It is restored by itself at ${new Date(until).toISOString()} unless the hub says before that it reaches the agent.`
      ]
        .filter((one) => one !== "")
        .join(" "),
      data: {
        ...wanted.facts,
        backup: id,
        checkers: judgements.map((one) => ({ ...one })),
        places: places.map(({ path, before, after }) => ({ path, before, after })),
        unit: { before: unitFacts(unit), after: unitFacts(told.unit) },
        heldUntil: until ?? null
      },
      proven: judgements.length > 0 && (told.unit !== undefined || (kind.units ?? []).length === 0)
    }
  } catch (cause) {
    if (cause instanceof Refused) {
      await restoreChange(own, id)
      throw cause
    }
    return await rolledBack(own, id, of.signal.aborted ? "the time for it was over" : reasonOf(cause))
  }
}

/** Nothing was exchanged yet: the record is closed and what was made beside is removed. */
const refused = async (own: Surroundings, id: string, judged: Judgement): Promise<Performed> => {
  await restoreChange(own, id)
  return {
    outcome: "refused",
    summary: `Nothing was changed: ${judged.checker === "" ? judged.said : `${judged.checker} does not agree: ${judged.said}`}`,
    data: { backup: id, checkers: [{ ...judged }] }
  }
}

const rolledBack = async (own: Surroundings, id: string, why: string): Promise<Performed> => {
  await prune(own.stateDirectory).catch(() => undefined) // whoever tries again and again fills no disk
  const back = await restoreChange(own, id).catch((cause: unknown) => {
    throw new NotDone({
      why: `The change failed (${why}), and so did the restore: ${reasonOf(cause)} The backup is ${id}; the agent tries again at its next start.`
    })
  })
  if (!back.restored)
    return {
      outcome: "succeeded",
      summary: `The change was proven and is kept, although ${why.replace(/\.$/u, "")} after it.`,
      data: { backup: id, why },
      proven: true
    }
  return {
    outcome: "rolled-back",
    summary: `It was taken back: ${why.replace(/\.$/u, "")}. ${back.note}`,
    data: { backup: id, why, note: back.note },
    proven: false
  }
}

/** Milliseconds in which the result goes to the hub and its word comes back. */
const leastForTheWord = (guardMillis: number): number => Math.min(5_000, guardMillis / 4)

const holds = async (path: string, node: Node): Promise<boolean> => isSameContent((await look(path)).node, node)
const meanwhile = (path: string): string => `${path} was changed by somebody else in this very moment`

const nodeOf = (wanted: Wanted, before: Node, kind: Kind): Node => {
  if (wanted.kind !== "file") return wanted
  const { mode, uid, gid } =
    wanted.attributes ??
    (before.kind === "file"
      ? before
      : { mode: kind.mode ?? 0o644, uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 })
  return { kind: "file", sha256: sha256(wanted.bytes), bytes: wanted.bytes.length, mode, uid, gid }
}

const makeBeside = async (
  path: string,
  id: string,
  n: number,
  wanted: Wanted,
  after: Node | undefined,
  before: Node
): Promise<void> => {
  const temporary = temporaryIn(path, id, n)
  if (wanted.kind === "link") await makeLink(temporary, wanted.to)
  if (wanted.kind !== "file" || after?.kind !== "file") return
  await writeFileWhole(temporary, wanted.bytes, after)
  const from = wanted.attributes?.from ?? (before.kind === "file" ? path : undefined)
  if (from !== undefined) await copyAttributes(from, temporary, { times: false })
}

const contradiction = async (
  places: ReadonlyArray<{ readonly path: string; readonly after: Node }>,
  wanted: Change,
  signal: AbortSignal
): Promise<string | undefined> => {
  for (const { path, after } of places) if (!(await holds(path, after))) return `${path} does not hold what was written`
  return wanted.proof?.(signal)
}

const serviceWords = (kind: Kind): string =>
  (kind.units ?? []).length > 0 ? `${kind.units?.[0] ?? ""} does not run here, so nothing was reloaded.` : ""
