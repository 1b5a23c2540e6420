/**
 * The events of a plan: one stream `plan/<id>` is one instruction, from what was said to what was done on every target.
 *
 * Owns: payload schemas, the id format. Does not own: when they happen (`decider.ts`), the plan itself (`plan.ts`).
 * Invariants: what is approved is the hash of exactly one `PlanProposed`; a command id is dispatched once in the life of a plan; an
 * event holds at most `dataLimit` bytes of what was read, the rest lies in a table of its own (`results.ts`).
 */
import { Schema } from "effect"
import { AgentId, CommandId } from "../agent/ids.ts"
import { makeEventTypes } from "../log/Event.ts"
import { Cost, Usage } from "../model/message.ts"
import { Finding as LogFinding } from "./explanation.ts"
import { Plan } from "./plan.ts"

/** Of the data of one result, in bytes of JSON, inside an event. */
export const dataLimit = 16 * 1024
/** Of the arguments of one dispatched act, in bytes of JSON, inside `StepDispatched`; larger ones are looked up in the plan. */
export const argsLimit = 4 * 1024

/** p-20261120-7Q2FXK: sortable by day, speakable, no letter that looks like a digit. */
export const PlanId = Schema.String.check(
  Schema.isPattern(/^p-[0-9]{8}-[0-9A-HJKMNP-TV-Z]{6}$/u, { expected: "a plan id like p-20261120-7Q2FXK" })
)

const text = (most: number) => Schema.String.check(Schema.isMaxLength(most))
/** An account's name, or `policy`. */
const Who = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200))
/** Of the plan's steps, from 0. */
const StepIndex = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** In characters. */
export const longestInstruction = 10_000
export const Instruction = Schema.String.check(
  Schema.isMinLength(1, { message: "An instruction cannot be empty" }),
  Schema.isMaxLength(longestInstruction, { message: "An instruction has at most 10,000 characters" })
)
/** What the hub takes; events of before may hold blanks. */
export const SaidInstruction = Instruction.check(
  Schema.makeFilter((text: string) => /\S/u.test(text) || "An instruction cannot be empty")
)

/** `model` is the provider's own name for it, when a model understood the instruction; `draft`: nobody had to, it came as one. */
export const Origin = Schema.Struct({
  by: Schema.Literals(["phrasebook", "model", "draft"]),
  model: Schema.optionalKey(text(200)),
  tookMs: Schema.optionalKey(Schema.Finite),
  /** What asking the model took and cost, over all rounds. */
  usage: Schema.optionalKey(Usage),
  cost: Schema.optionalKey(Cost)
})
export type Origin = typeof Origin.Type

/** A host of which nobody could say whether it was meant: it is no target. */
export const Unjudged = Schema.Struct({ host: Schema.String, reason: Schema.String })
export type Unjudged = typeof Unjudged.Type

/** One question of a condition, and what was found. */
export const Finding = Schema.Struct({
  asked: Schema.String,
  answer: Schema.Literals(["true", "false", "unknown"]),
  found: Schema.optionalKey(text(300))
})
export type Finding = typeof Finding.Type

/** `act`: the step itself, or the read that it is. `condition`: a read that decides whether it is done. `before`: a look while the plan waits for approval. */
export const Purpose = Schema.Literals(["act", "condition", "before"])
export type Purpose = typeof Purpose.Type

/** Bytes of JSON that lie in `plan.result` under the command's id. */
export const StoredResult = Schema.Struct({ bytes: Schema.Int, sha256: Schema.String })
export type StoredResult = typeof StoredResult.Type

const command = {
  step: StepIndex,
  purpose: Purpose,
  /** Who carries it out. */
  agentId: AgentId,
  /** The target on whose behalf another host is asked (conditions). */
  targetId: Schema.optionalKey(AgentId),
  commandId: CommandId
}

const ended = {
  ...command,
  /** One sentence for people. */
  summary: text(2_000),
  /** What was read, or the facts that prove an act; at most `dataLimit` bytes. */
  data: Schema.optionalKey(Schema.Json),
  /** Instead of `data` when that is larger. */
  stored: Schema.optionalKey(StoredResult),
  /** The proof of the catalogue was seen to hold. Absent for reads. */
  proven: Schema.optionalKey(Schema.Boolean),
  truncated: Schema.optionalKey(Schema.Literal(true)),
  /** By the agent's clock, milliseconds since 1970. */
  startedAt: Schema.optionalKey(Schema.Int),
  finishedAt: Schema.optionalKey(Schema.Int),
  /** `deadline`: the agent said nothing until it was over. What it says later counts. */
  said: Schema.Literals(["agent", "deadline"])
}

export const Counts = Schema.Struct({
  succeeded: Schema.Int,
  failed: Schema.Int,
  rolledBack: Schema.Int,
  refused: Schema.Int,
  expired: Schema.Int,
  unknown: Schema.Int,
  skipped: Schema.Int
})
export type Counts = typeof Counts.Type

/** `skipped`: its conditions held nowhere. */
export const PlanOutcome = Schema.Literals(["succeeded", "failed", "unknown", "cancelled", "skipped"])
export type PlanOutcome = typeof PlanOutcome.Type

export const PlanEvent = Schema.TaggedUnion({
  InstructionGiven: {
    planId: PlanId,
    /** As it was said; of a draft, the draft in words. */
    text: Instruction,
    /** The account, which the rule of the second person looks at. */
    by: Who,
    /** Nothing of it will be carried out. */
    dryRun: Schema.Boolean,
    /** `none`: what it means follows at once. `model`: a job asks one. */
    ask: Schema.Literals(["none", "model"]),
    /** The model to ask, where the person chose one. */
    model: Schema.optionalKey(text(200)),
    conversationId: Schema.optionalKey(text(200))
  },
  PlanProposed: {
    plan: Plan,
    hash: Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/u, { expected: "a SHA-256 in hexadecimal digits" })),
    origin: Origin,
    /** What the words were taken to mean, for people. */
    understood: Schema.Array(text(500)).check(Schema.isMaxLength(50)),
    unjudged: Schema.Array(Unjudged)
  },
  PlanNotUnderstood: {
    reason: text(2_000),
    /** What to answer. */
    questions: Schema.Array(text(500)).check(Schema.isMaxLength(10)),
    /** Instructions that say the same without doubt, one for each way to understand it. */
    readings: Schema.Array(text(1_000)).check(Schema.isMaxLength(10)),
    /** Where a model was asked. */
    origin: Schema.optionalKey(Origin)
  },
  /** `typed`: the short code was typed. */
  PlanApproved: { hash: Schema.String, by: Who, typed: Schema.optionalKey(Schema.Literal(true)) },
  PlanRejected: { by: Who, reason: Schema.optionalKey(text(1_000)) },
  PlanExpired: {},
  /** Targets that have begun come to their end, no further one begins. */
  PlanCancelRequested: { by: Who, reason: Schema.optionalKey(text(1_000)) },
  StepDispatched: {
    ...command,
    host: Schema.String,
    action: Schema.String,
    /** Absent: as the plan's step has them. */
    args: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
    /** Of the plan, for the grant. */
    hash: Schema.String,
    /** Milliseconds since 1970. It may not begin later. */
    deadline: Schema.Int,
    timeoutMs: Schema.Int,
    guardMillis: Schema.optionalKey(Schema.Int),
    /** Why it is done here, when there was a condition. */
    findings: Schema.optionalKey(Schema.Array(Finding))
  },
  StepAccepted: command,
  StepSucceeded: ended,
  StepFailed: ended,
  StepRolledBack: ended,
  /** Nothing was done. */
  StepRefused: ended,
  StepOutcomeUnknown: ended,
  /** Its deadline was over before it began: nothing was done. */
  StepExpired: ended,
  /** It had succeeded, and what it did fell over later: it has failed. */
  StepRelapsed: {
    ...command,
    summary: text(2_000),
    data: Schema.optionalKey(Schema.Json),
    /** By the agent's clock, milliseconds since 1970. */
    relapsedAt: Schema.Int
  },
  StepSkipped: {
    step: StepIndex,
    agentId: AgentId,
    /** `earlier`: an earlier step did not succeed there. `drift`: the target is not what was approved any more. */
    why: Schema.Literals(["condition", "condition-unknown", "earlier", "drift"]),
    reason: text(2_000),
    findings: Schema.Array(Finding)
  },
  /** A person has a model, without tools, look through the logs that the plan read. It costs money, so it is an event. */
  LogsExplanationRequested: { explanationId: CommandId, by: Who, model: Schema.optionalKey(text(200)) },
  LogsExplained: {
    explanationId: CommandId,
    findings: Schema.Array(LogFinding).check(Schema.isMaxLength(30)),
    /** Lines that the model was shown. */
    lines: Schema.Int,
    /** Findings that were left out: their quotes stand nowhere in the logs. */
    unfounded: Schema.Int,
    origin: Origin
  },
  LogsExplanationFailed: { explanationId: CommandId, reason: text(2_000), origin: Schema.optionalKey(Origin) },
  /** Targets that never began are skipped by it, for `reason`. */
  PlanFinished: { outcome: PlanOutcome, counts: Counts, reason: Schema.optionalKey(text(2_000)) }
})
export type PlanEvent = typeof PlanEvent.Type

export const planEvents = makeEventTypes<PlanEvent>({
  schema: PlanEvent,
  types: [
    "InstructionGiven",
    "PlanProposed",
    "PlanNotUnderstood",
    "PlanApproved",
    "PlanRejected",
    "PlanExpired",
    "PlanCancelRequested",
    "StepDispatched",
    "StepAccepted",
    "StepSucceeded",
    "StepFailed",
    "StepRolledBack",
    "StepRefused",
    "StepOutcomeUnknown",
    "StepExpired",
    "StepRelapsed",
    "StepSkipped",
    "LogsExplanationRequested",
    "LogsExplained",
    "LogsExplanationFailed",
    "PlanFinished"
  ]
})

export const planStream = (planId: string): string => `plan/${planId}`
export const planIdOf = (stream: string): string => stream.slice("plan/".length)

const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

/**
 * @param at milliseconds since 1970, UTC
 * @param random at least six bytes
 */
export const makePlanId = (at: number, random: Uint8Array): string => {
  const day = new Date(at).toISOString().slice(0, 10).replaceAll("-", "")
  return `p-${day}-${Array.from(random.subarray(0, 6), (byte) => letters[byte % 32]).join("")}`
}
