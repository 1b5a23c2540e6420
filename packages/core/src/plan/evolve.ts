/**
 * The fold of a plan's events into its view.
 *
 * Owns: `evolvePlan`, counts and outcome. Does not own: the shape (`view.ts`), decisions, what comes next (`progress.ts`).
 * Invariants: pure; an event that does not fit the state changes nothing; the same fold serves the command side, the dispatcher, the read
 * model, the screens and the replay; of what was read it keeps little, whatever the number of targets.
 */
import type { Counts, PlanEvent, PlanOutcome } from "./events.ts"
import { readingOf } from "./facts.ts"
import type { PlanView, ReadView, Said, TargetState, TargetView } from "./view.ts"

export interface PlanMeta {
  readonly at: string
  readonly actor: string
  readonly version: number
}

/** Of one result's data, and of all together, in characters of JSON. */
const heldEach = 4 * 1024
const heldTogether = 256 * 1024

export const evolvePlan = (view: PlanView | undefined, event: PlanEvent, meta: PlanMeta): PlanView | undefined => {
  if (event._tag === "InstructionGiven") return view ?? given(event, meta)
  if (view === undefined) return undefined
  return { ...changed(view, event, meta), version: meta.version, updatedAt: meta.at }
}

type Of<Tag extends PlanEvent["_tag"]> = Extract<PlanEvent, { readonly _tag: Tag }>
export type EndedTag =
  "StepSucceeded" | "StepFailed" | "StepRolledBack" | "StepRefused" | "StepOutcomeUnknown" | "StepExpired"

const given = ({ _tag, ask: _ask, ...said }: Of<"InstructionGiven">, { at, actor, version }: PlanMeta): PlanView => ({
  ...said,
  actor,
  status: "asked",
  understood: [],
  unjudged: [],
  steps: [],
  createdAt: at,
  held: 0,
  version,
  updatedAt: at
})

const changed = (view: PlanView, event: Exclude<PlanEvent, Of<"InstructionGiven">>, meta: PlanMeta): PlanView => {
  switch (event._tag) {
    case "PlanProposed":
      return view.plan === undefined ? proposed(view, event, meta) : view
    case "PlanNotUnderstood":
      return view.status === "asked"
        ? {
            ...view,
            status: "not-understood",
            question: questionOf(event),
            finishedAt: meta.at,
            ...(event.origin === undefined ? {} : { origin: event.origin })
          }
        : view
    case "PlanApproved":
      return { ...view, status: "approved", approved: { by: event.by, at: meta.at } }
    case "PlanRejected":
      return { ...view, status: "rejected", rejected: saidOf(event, meta), finishedAt: meta.at }
    case "PlanExpired":
      return { ...view, status: "expired", finishedAt: meta.at }
    case "PlanCancelRequested":
      return { ...view, cancel: saidOf(event, meta) }
    case "StepDispatched":
      return dispatched(view, event, meta)
    case "StepAccepted":
      return atCommand(view, event, {
        target: (target) => ({ ...target, state: "accepted", acceptedAt: meta.at }),
        read: (read) => ({ ...read, state: "accepted" })
      })
    case "StepRelapsed":
      return relapsed(view, event, meta)
    case "StepSkipped":
      return atTarget(view, event.step, event.agentId, (target) => ({
        ...target,
        state: "skipped",
        why: event.why,
        summary: event.reason,
        finishedAt: meta.at,
        ...(event.findings.length === 0 ? {} : { findings: event.findings })
      }))
    case "LogsExplanationRequested": {
      const { _tag, ...asked } = event
      return { ...view, explanation: { ...asked, at: meta.at, status: "asked" } }
    }
    case "LogsExplained":
    case "LogsExplanationFailed": {
      const { _tag, ...told } = event
      const status = _tag === "LogsExplained" ? "explained" : "failed"
      return view.explanation?.explanationId === event.explanationId
        ? { ...view, explanation: { ...view.explanation, ...told, status } }
        : view
    }
    case "PlanFinished":
      return finished(view, event, meta)
    default:
      return ended(view, event, meta)
  }
}

const saidOf = (event: { readonly by: string; readonly reason?: string }, { at }: PlanMeta): typeof Said.Type => ({
  by: event.by,
  at,
  ...(event.reason === undefined ? {} : { reason: event.reason })
})
const questionOf = ({ reason, questions, readings }: Of<"PlanNotUnderstood">): NonNullable<PlanView["question"]> => ({
  reason,
  questions,
  readings
})

const proposed = (
  { model: _model, ...view }: PlanView,
  { plan, hash, origin, understood, unjudged }: Of<"PlanProposed">,
  { at }: PlanMeta
): PlanView => ({
  ...view,
  status: view.dryRun ? "previewed" : "proposed",
  plan,
  hash,
  origin,
  understood,
  unjudged,
  proposedAt: at,
  steps: plan.steps.map((step) => step.targets.map(({ agentId, host }) => ({ agentId, host, state: "waiting" })))
})

const dispatched = (view: PlanView, event: Of<"StepDispatched">, { at }: PlanMeta): PlanView => {
  const until = event.deadline + event.timeoutMs
  const { commandId, deadline } = event
  const findings = event.findings === undefined ? {} : { findings: event.findings }
  if (event.purpose !== "act") {
    const { purpose, agentId, host, action, args } = event
    const read: ReadView = { purpose, commandId, agentId, host, action, args: args ?? {}, state: "dispatched", until }
    const next = atTarget(view, event.step, event.targetId ?? agentId, (target) => ({
      ...target,
      ...(purpose === "condition" ? { state: "asking" } : {}),
      reads: [...(target.reads ?? []), read]
    }))
    return purpose === "condition" ? begun(next, at) : next
  }
  return begun(
    atTarget(view, event.step, event.agentId, (target) => ({
      ...target,
      state: "dispatched",
      commandId,
      deadline,
      until,
      dispatchedAt: at,
      ...findings
    })),
    at
  )
}

const begun = (view: PlanView, at: string): PlanView => ({
  ...view,
  status: "running",
  startedAt: view.startedAt ?? at
})

const stateAfter: Readonly<Record<EndedTag, TargetState>> = {
  StepSucceeded: "succeeded",
  StepFailed: "failed",
  StepRolledBack: "rolled-back",
  StepRefused: "refused",
  StepOutcomeUnknown: "unknown",
  StepExpired: "expired"
}

const ended = (view: PlanView, event: Of<EndedTag>, { at }: PlanMeta): PlanView => {
  const state = stateAfter[event._tag]
  const size = event.data === undefined ? 0 : JSON.stringify(event.data).length
  const held = size <= heldEach && view.held + size <= heldTogether
  const next = atCommand(view, event, {
    target: (target) => ({
      ...withoutResult(target),
      state,
      summary: event.summary,
      finishedAt: at,
      said: event.said,
      ...(event.startedAt === undefined || event.finishedAt === undefined
        ? {}
        : { tookMs: Math.max(0, event.finishedAt - event.startedAt) }),
      ...(event.proven === undefined ? {} : { proven: event.proven }),
      ...(event.data !== undefined && held ? { data: event.data } : {}),
      ...(event.stored !== undefined || (event.data !== undefined && !held) ? { more: true } : {}),
      ...(event.stored === undefined ? {} : { stored: event.stored }),
      ...(event.truncated === undefined ? {} : { truncated: event.truncated })
    }),
    read: (read) => ({
      ...read,
      state,
      summary: event.summary,
      ...(event._tag === "StepSucceeded" ? { reading: readingOf(read.action, event.data) } : {})
    })
  })
  const kept = event.purpose === "act" && held && next !== view ? { ...next, held: view.held + size } : next
  // What came after the end changes what the end was.
  return view.finishedAt === undefined || kept === view ? kept : settled(kept, view.cancel !== undefined)
}

/** The same as if it had been told at once: what has not begun does not begin, and the end is another. */
const relapsed = (view: PlanView, event: Of<"StepRelapsed">, { at }: PlanMeta): PlanView => {
  const next = atTarget(view, event.step, event.agentId, (target) =>
    target.commandId === event.commandId && target.state === "succeeded"
      ? {
          ...target,
          state: "failed",
          proven: false,
          summary: event.summary,
          relapsedAfterMs: Math.max(0, event.relapsedAt - Date.parse(target.finishedAt ?? at))
        }
      : target
  )
  return view.finishedAt === undefined ? next : settled(next, view.cancel !== undefined)
}

const withoutResult = ({
  summary: _s,
  tookMs: _t,
  proven: _p,
  data: _d,
  more: _m,
  stored: _st,
  truncated: _tr,
  relapsedAfterMs: _ra,
  ...rest
}: TargetView): TargetView => rest

const finished = (view: PlanView, event: Of<"PlanFinished">, { at }: PlanMeta): PlanView => {
  const { reason } = event
  const steps = view.steps.map((targets) =>
    targets.map((target): TargetView =>
      target.state === "waiting" || target.state === "asking"
        ? { ...target, state: "skipped", why: "stopped", ...(reason === undefined ? {} : { summary: reason }) }
        : target
    )
  )
  return {
    ...view,
    steps,
    status: event.outcome,
    counts: event.counts,
    finishedAt: at,
    ...(reason === undefined ? {} : { reason })
  }
}

const settled = (view: PlanView, cancelled: boolean): PlanView => {
  const counts = countsOf(view.steps)
  return { ...view, counts, status: outcomeOf(counts, cancelled) }
}

/** Of targets of all steps; what has not begun counts as skipped. */
export const countsOf = (steps: PlanView["steps"]): Counts => {
  const of = (...states: ReadonlyArray<TargetState>): number =>
    steps.reduce((sum, targets) => sum + targets.filter((target) => states.includes(target.state)).length, 0)
  return {
    succeeded: of("succeeded"),
    failed: of("failed"),
    rolledBack: of("rolled-back"),
    refused: of("refused"),
    expired: of("expired"),
    unknown: of("unknown"),
    skipped: of("skipped", "waiting", "asking")
  }
}

export const outcomeOf = (counts: Counts, cancelled: boolean): PlanOutcome => {
  if (counts.failed + counts.rolledBack + counts.refused + counts.expired > 0) return "failed"
  if (counts.unknown > 0) return "unknown"
  if (cancelled) return "cancelled"
  return counts.succeeded === 0 ? "skipped" : "succeeded"
}

const atTarget = (
  view: PlanView,
  step: number,
  agentId: string,
  change: (target: TargetView) => TargetView
): PlanView => {
  const targets = view.steps[step]
  const at = targets?.findIndex((target) => target.agentId === agentId) ?? -1
  if (targets === undefined || at < 0) return view
  return { ...view, steps: replaced(view.steps, step, () => replaced(targets, at, change)) }
}

const atCommand = (
  view: PlanView,
  event: Pick<Of<"StepAccepted">, "step" | "purpose" | "agentId" | "targetId" | "commandId">,
  change: {
    readonly target: (target: TargetView) => TargetView
    readonly read: (read: ReadView) => ReadView
  }
): PlanView =>
  atTarget(view, event.step, event.targetId ?? event.agentId, (target) => {
    if (event.purpose === "act") return target.commandId === event.commandId ? change.target(target) : target
    const at = target.reads?.findIndex((read) => read.commandId === event.commandId) ?? -1
    return at < 0 ? target : { ...target, reads: replaced(target.reads ?? [], at, change.read) }
  })

const replaced = <A>(list: ReadonlyArray<A>, at: number, change: (one: A) => A): ReadonlyArray<A> =>
  list.map((one, nth) => (nth === at ? change(one) : one))
