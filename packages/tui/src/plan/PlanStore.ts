/**
 * The terminal's copy of the plans: a snapshot, then every event folded by the function that the hub folds with.
 *
 * Owns: the views, which of them are whole, whole answers that were fetched. Does not own: fetching (`PlanHub.ts`).
 * Invariants: an event is folded once, by its version; lists leave out what was read, so a plan of a list counts as whole only when it was
 * fetched, and what happens meanwhile is folded onto it then; beyond `most` the oldest settled ones go, beyond `mostWhole` they
 * lose what was read.
 */
import { Result } from "effect"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { briefPlan } from "@signalbox/core/plan/brief.ts"
import { planEvents, planIdOf } from "@signalbox/core/plan/events.ts"
import type { Vocabulary } from "@signalbox/core/plan/phrasebook/names.ts"
import { isSettledPlan } from "@signalbox/core/plan/progress.ts"
import { evolvePlan } from "@signalbox/core/plan/evolve.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import type { Ticker } from "../ticker.ts"
import { type Fetched, orderedPlans, planModel, type PlanModel } from "./model.ts"

const most = 1000
const mostWhole = 100
const mostResults = 200

export class PlanStore {
  undecodable = 0
  /** Told of a plan that is wanted whole. */
  onWanted: (planId: string) => void = () => {}
  private readonly views = new Map<string, PlanView>()
  private readonly whole = new Set<string>()
  /** What happened to a plan while it is being fetched. */
  private readonly coming = new Map<string, Array<RecordedEvent>>()
  private results: ReadonlyMap<string, Fetched> = new Map()
  private order: ReadonlyArray<PlanView> | undefined
  private readonly ticker: Ticker

  constructor(ticker: Ticker) {
    this.ticker = ticker
  }

  view(planId: string): PlanView | undefined {
    return this.views.get(planId)
  }

  clear(): void {
    this.views.clear()
    this.whole.clear()
    this.coming.clear()
    this.results = new Map()
    this.order = undefined
  }

  /** As lists have it. */
  put(brief: PlanView): void {
    const before = this.views.get(brief.planId)
    if (before !== undefined && before.version >= brief.version) return
    this.whole.delete(brief.planId)
    this.set(begun(brief))
  }

  /** As the hub has it in full, at some moment: what came after it is folded onto it. */
  arrived(view: PlanView): void {
    const { planId } = view
    const since = this.coming.get(planId) ?? []
    const before = this.views.get(planId)
    this.coming.delete(planId)
    if (before !== undefined && this.whole.has(planId) && before.version >= view.version) return
    const now = since.reduce((plan, event) => folded(plan, event) ?? plan, view)
    if (before !== undefined && before.version > now.version) return
    this.whole.add(planId)
    this.set(now)
  }

  /** A plan that somebody looks at, or that goes on. */
  want(planId: string): void {
    if (this.whole.has(planId) || this.coming.has(planId)) return
    this.coming.set(planId, [])
    this.onWanted(planId)
  }

  /** It could not be fetched: it may be wanted again. */
  missed(planId: string): void {
    this.coming.delete(planId)
  }

  apply(event: RecordedEvent): void {
    const planId = planIdOf(event.stream)
    const before = this.views.get(planId)
    if (before !== undefined && event.version <= before.version) return
    this.coming.get(planId)?.push(event)
    const decoded = planEvents.decode(event)
    if (Result.isFailure(decoded)) return void this.undecodable++
    if (decoded.success === undefined) return
    const after = evolvePlan(before, decoded.success, event)
    if (after === undefined) return this.want(planId)
    if (before === undefined) this.whole.add(planId)
    this.set(after)
    this.want(planId)
  }

  setResult(commandId: string, fetched: Fetched | undefined): void {
    const next = new Map(this.results)
    next.delete(commandId)
    if (fetched !== undefined) next.set(commandId, fetched)
    for (const oldest of next.keys()) {
      if (next.size <= mostResults) break
      next.delete(oldest)
    }
    this.results = next
    this.ticker.touch()
  }
  result(commandId: string): Fetched | undefined {
    return this.results.get(commandId)
  }

  /** What could not be fetched may be asked for again. */
  forgetFailures(): void {
    if (![...this.results.values()].some((one) => one.state === "failed")) return
    this.results = new Map([...this.results].filter(([, one]) => one.state !== "failed"))
    this.ticker.touch()
  }

  model(filter: string, vocabulary: Vocabulary | undefined): PlanModel {
    this.order ??= orderedPlans(this.views.values())
    return planModel(this.order, filter, this.whole, this.results, vocabulary)
  }

  private set(view: PlanView): void {
    this.views.set(view.planId, view)
    this.order = undefined
    if (this.views.size > most + 100 || this.whole.size > mostWhole + 50) this.trim()
    this.ticker.touch()
  }

  private trim(): void {
    const settled = orderedPlans(this.views.values()).filter(isSettledPlan)
    for (const { planId } of settled.slice(most)) {
      this.views.delete(planId)
      this.whole.delete(planId)
    }
    for (const view of settled.filter(({ planId }) => this.whole.has(planId)).slice(mostWhole)) {
      this.views.set(view.planId, briefPlan(view))
      this.whole.delete(view.planId)
    }
    this.order = undefined
  }
}

const folded = (view: PlanView, event: RecordedEvent): PlanView | undefined => {
  if (event.version <= view.version) return view
  const decoded = Result.getOrUndefined(planEvents.decode(event))
  return decoded === undefined ? view : evolvePlan(view, decoded, event)
}

/** Lists count what has not begun as skipped; a plan that is under way has no counts yet. */
const begun = (brief: PlanView): PlanView => {
  if (isSettledPlan(brief)) return brief
  const { counts: _, ...view } = brief
  return view
}
