/**
 * From a plan's events to its jobs.
 *
 * Owns: which event calls for which job, and the jobs' data. Does not own: what the jobs do (worker's plan room).
 * Invariant: pure; data are ids and a position, the handler reads the rest from the log.
 */
import { Result, Schema } from "effect"
import type { Reactor } from "../projection/Reactor.ts"
import { queues } from "../queue/queues.ts"
import { planEvents, planIdOf } from "./events.ts"
import { gateOf } from "./gate.ts"

export const PlanJob = Schema.Struct({
  planId: Schema.String,
  position: Schema.Int,
  /** It is there to let the plan expire. */
  expires: Schema.optionalKey(Schema.Literal(true))
})

const dataOf = (event: { readonly stream: string; readonly position: number }) => ({
  planId: planIdOf(event.stream),
  position: event.position
})

/** What the phrasebook did not know. */
export const proposeReactor: Reactor = {
  name: "plan-propose",
  from: "beginning",
  types: ["InstructionGiven"],
  react: (event) => {
    const given = Result.getOrUndefined(planEvents.decode(event))
    return given?._tag === "InstructionGiven" && given.ask === "model"
      ? [{ queue: queues.planPropose.name, data: dataOf(event) }]
      : []
  }
}

export const explainReactor: Reactor = {
  name: "plan-explain",
  from: "beginning",
  types: ["LogsExplanationRequested"],
  react: (event) => [{ queue: queues.planExplain.name, data: dataOf(event) }]
}

/** A cancel wakes a plan whose worker has died. */
export const runReactor: Reactor = {
  name: "plan-run",
  from: "beginning",
  types: ["PlanApproved", "PlanCancelRequested"],
  react: (event) => [{ queue: queues.planRun.name, data: dataOf(event) }]
}

/**
 * At once: what its acts would find is looked at. When its time is over: it expires. What nobody has to approve needs neither.
 */
export const proposalReactor: Reactor = {
  name: "plan-proposal",
  from: "beginning",
  types: ["PlanProposed"],
  react: (event) => {
    const proposed = Result.getOrUndefined(planEvents.decode(event))
    if (proposed?._tag !== "PlanProposed" || gateOf(proposed.plan).approval === "none") return []
    const job = { queue: queues.planProposal.name, data: dataOf(event) }
    return [
      { ...job, suffix: "look" },
      {
        ...job,
        data: { ...job.data, expires: true },
        suffix: "expire",
        startAfter: new Date(proposed.plan.expiresAt)
      }
    ]
  }
}
