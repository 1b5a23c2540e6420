/**
 * The terminal's way to the hub where plans are concerned.
 *
 * Owns: the calls, which plan is read whole. Does not own: the contract (core), the copy (`PlanStore.ts`), how failures are worded (`Hub.ts`).
 * Invariants: acts are never repeated by themselves; what an act made is in the copy before the act is done.
 */
import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import type { Store } from "../store.ts"

export interface PlanActs {
  /** The id of the plan that it became. */
  readonly give: (text: string, dryRun: boolean) => Promise<string>
  /** `hash`: of exactly what was looked at. */
  readonly approve: (planId: string, hash: string, code?: string) => Promise<void>
  readonly reject: (planId: string) => Promise<void>
  readonly cancel: (planId: string) => Promise<void>
  /** What is on the screen; `whole`: with its large answers. */
  readonly follow: (wanted: { readonly planId: string; readonly whole: boolean } | undefined) => void
}

export interface PlanHubOptions {
  readonly store: Store
  readonly act: <A>(effect: Effect.Effect<A, unknown, HubClient>) => Promise<A>
}

/** Answers that are fetched at the same time. */
const atOnce = 4

export const planActs = ({ store, act }: PlanHubOptions): PlanActs & { readonly close: () => void } => {
  const { plans } = store
  let fetching = 0

  const one = (planId: string) => ({ params: { planId } })
  const reached = (answer: { readonly position: number; readonly plan: PlanView }): Promise<string> => {
    plans.arrived(answer.plan)
    return store.reached(answer.position).then(() => answer.plan.planId)
  }
  plans.onWanted = (planId) => {
    void act(HubClient.use((hub) => hub.plans.get(one(planId)))).then(
      ({ plan }) => plans.arrived(plan),
      () => plans.missed(planId) // gone, or the line is down: it is wanted again as long as it is looked at
    )
  }

  const fetchAnswers = (planId: string): void => {
    for (const target of plans.view(planId)?.steps.flat() ?? []) {
      const { commandId } = target
      if (fetching >= atOnce) return
      if (commandId === undefined || target.more !== true || target.data !== undefined) continue
      if (plans.result(commandId) !== undefined) continue
      fetching++
      plans.setResult(commandId, { state: "loading" })
      void act(HubClient.use((hub) => hub.plans.result({ params: { planId, commandId } })))
        .then(
          ({ data }) => plans.setResult(commandId, { state: "ready", data }),
          (error: unknown) =>
            plans.setResult(commandId, {
              state: "failed",
              problem: error instanceof Error ? error.message : String(error)
            })
        )
        .finally(() => {
          fetching--
        })
    }
  }

  return {
    give: (text, dryRun) =>
      act(HubClient.use((hub) => hub.plans.give({ payload: { ...id(), text, ...(dryRun ? { dryRun } : {}) } }))).then(
        reached
      ),
    approve: (planId, hash, code) =>
      act(
        HubClient.use((hub) =>
          hub.plans.approve({
            ...one(planId),
            payload: { ...id(), hash, ...(code === undefined ? {} : { code }) }
          })
        )
      )
        .then(reached)
        .then(() => {}),
    reject: (planId) =>
      act(HubClient.use((hub) => hub.plans.reject({ ...one(planId), payload: id() })))
        .then(reached)
        .then(() => {}),
    cancel: (planId) =>
      act(HubClient.use((hub) => hub.plans.cancel({ ...one(planId), payload: id() })))
        .then(reached)
        .then(() => {}),
    follow: (wanted) => {
      if (wanted === undefined || plans.view(wanted.planId) === undefined) return
      plans.want(wanted.planId)
      if (wanted.whole) fetchAnswers(wanted.planId)
      else plans.forgetFailures()
    },
    close: () => {
      plans.onWanted = () => {}
    }
  }
}

const id = (): { readonly commandId: string } => ({ commandId: randomUUID() })
