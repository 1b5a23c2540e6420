/**
 * A plan as screens, lists and decisions see it: its shape.
 *
 * Owns: the schemas. Does not own: how events become it (`evolve.ts`), what comes next (`progress.ts`), texts (`words.ts`), SQL, pixels.
 * Invariant: of what was read it holds little, whatever the number of targets.
 */
import { Schema } from "effect"
import { Counts, Finding, Origin, Purpose, StoredResult, Unjudged } from "./events.ts"
import { Finding as LogFinding } from "./explanation.ts"
import { Plan } from "./plan.ts"
import { planStatuses, targetStates } from "./status.ts"

export const PlanStatus = Schema.Literals(planStatuses)
export type PlanStatus = typeof PlanStatus.Type
export const TargetState = Schema.Literals(targetStates)
export type TargetState = typeof TargetState.Type

/** A read for a condition, or a look before. */
export const ReadView = Schema.Struct({
  purpose: Purpose,
  commandId: Schema.String,
  agentId: Schema.String,
  host: Schema.String,
  action: Schema.String,
  args: Schema.Record(Schema.String, Schema.Json),
  state: TargetState,
  /** By when it is given up. */
  until: Schema.Int,
  summary: Schema.optionalKey(Schema.String),
  /** The parts that conditions look at. */
  reading: Schema.optionalKey(Schema.Record(Schema.String, Schema.Union([Schema.Finite, Schema.String])))
})
export type ReadView = typeof ReadView.Type

export const TargetView = Schema.Struct({
  agentId: Schema.String,
  host: Schema.String,
  state: TargetState,
  commandId: Schema.optionalKey(Schema.String),
  /** Milliseconds since 1970: it may not begin later, and after `until` nothing is waited for. */
  deadline: Schema.optionalKey(Schema.Int),
  until: Schema.optionalKey(Schema.Int),
  dispatchedAt: Schema.optionalKey(Schema.String),
  acceptedAt: Schema.optionalKey(Schema.String),
  finishedAt: Schema.optionalKey(Schema.String),
  /** From begin to end on the host. */
  tookMs: Schema.optionalKey(Schema.Int),
  /** How it ended, or why it was skipped. */
  summary: Schema.optionalKey(Schema.String),
  proven: Schema.optionalKey(Schema.Boolean),
  /** It had succeeded, and what it did fell over so many milliseconds after its end. */
  relapsedAfterMs: Schema.optionalKey(Schema.Int),
  /** What was read, or the proof; when it is not here and `more`, ask for the result. */
  data: Schema.optionalKey(Schema.Json),
  more: Schema.optionalKey(Schema.Literal(true)),
  stored: Schema.optionalKey(StoredResult),
  truncated: Schema.optionalKey(Schema.Literal(true)),
  /** `deadline`: nobody has heard of it, so what comes late still counts. */
  said: Schema.optionalKey(Schema.Literals(["agent", "deadline"])),
  why: Schema.optionalKey(Schema.Literals(["condition", "condition-unknown", "earlier", "drift", "stopped"])),
  findings: Schema.optionalKey(Schema.Array(Finding)),
  reads: Schema.optionalKey(Schema.Array(ReadView))
})
export type TargetView = typeof TargetView.Type

export const Said = Schema.Struct({ by: Schema.String, at: Schema.String, reason: Schema.optionalKey(Schema.String) })

/** The newest one. */
export const Explanation = Schema.Struct({
  explanationId: Schema.String,
  by: Schema.String,
  at: Schema.String,
  status: Schema.Literals(["asked", "explained", "failed"]),
  model: Schema.optionalKey(Schema.String),
  findings: Schema.optionalKey(Schema.Array(LogFinding)),
  lines: Schema.optionalKey(Schema.Int),
  unfounded: Schema.optionalKey(Schema.Int),
  reason: Schema.optionalKey(Schema.String),
  origin: Schema.optionalKey(Origin)
})
export type Explanation = typeof Explanation.Type

export const PlanView = Schema.Struct({
  planId: Schema.String,
  text: Schema.String,
  by: Schema.String,
  actor: Schema.String,
  dryRun: Schema.Boolean,
  status: PlanStatus,
  /** The model to ask, while it is asked. */
  model: Schema.optionalKey(Schema.String),
  conversationId: Schema.optionalKey(Schema.String),
  origin: Schema.optionalKey(Origin),
  understood: Schema.Array(Schema.String),
  unjudged: Schema.Array(Unjudged),
  question: Schema.optionalKey(
    Schema.Struct({
      reason: Schema.String,
      questions: Schema.Array(Schema.String),
      readings: Schema.Array(Schema.String)
    })
  ),
  plan: Schema.optionalKey(Plan),
  hash: Schema.optionalKey(Schema.String),
  /** One list a step, its targets in the order of the plan. */
  steps: Schema.Array(Schema.Array(TargetView)),
  approved: Schema.optionalKey(Said),
  rejected: Schema.optionalKey(Said),
  cancel: Schema.optionalKey(Said),
  counts: Schema.optionalKey(Counts),
  /** Why it ended before everything was done. */
  reason: Schema.optionalKey(Schema.String),
  explanation: Schema.optionalKey(Explanation),
  createdAt: Schema.String,
  proposedAt: Schema.optionalKey(Schema.String),
  startedAt: Schema.optionalKey(Schema.String),
  finishedAt: Schema.optionalKey(Schema.String),
  /** Bytes of `data` that this view holds. */
  held: Schema.Int,
  version: Schema.Int,
  updatedAt: Schema.String
}).annotate({ identifier: "PlanView" })
export type PlanView = typeof PlanView.Type
