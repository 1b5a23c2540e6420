/**
 * What a dispatcher does next with a plan, out of its view, the fleet and the time.
 *
 * Owns: dispatching acts and the reads of conditions, skipping, giving up what has not answered; when to look again. Does not own: order,
 * batch and end (core's `progress.ts`), appending (`run.ts`).
 * Invariants: pure; whoever computes moves from the same view makes the same commands; a condition that is not known to hold means that
 * nothing is done; an act that may have begun is never said to have expired.
 */
import {
  type Args,
  beforeOf,
  commandIdOf,
  graceMillis,
  guardOf,
  timeoutOf,
  waitMillis
} from "@signalbox/core/plan/acts.ts"
import type { FleetMember } from "@signalbox/core/agent/Fleet.ts"
import { evaluate, type Question, questionsOf, type Verdict } from "@signalbox/core/plan/conditions.ts"
import { isOpenRead, type Move } from "@signalbox/core/plan/decider.ts"
import { targetDrift } from "@signalbox/core/plan/drift.ts"
import { argsLimit, type Finding, type Purpose } from "@signalbox/core/plan/events.ts"
import type { Step } from "@signalbox/core/plan/plan.ts"
import { failedBefore, isActing, mayBegin } from "@signalbox/core/plan/progress.ts"
import { effectOf } from "@signalbox/core/action/told.ts"
import type { PlanView, ReadView, TargetView } from "@signalbox/core/plan/view.ts"

/** Of one append. */
const mostMoves = 400
/** Clocks differ, and answers take their time. */
const slackMillis = 2_000

export interface Next {
  readonly moves: ReadonlyArray<Move>
  /** Milliseconds since 1970: something may have to be given up then. */
  readonly lookAt: number | undefined
}

export interface Now {
  readonly members: ReadonlyMap<string, FleetMember>
  readonly now: number
}

export const nextMoves = (view: PlanView, at: Now): Next => {
  const late = overdue(view, at)
  const begin = beginnings(view, at)
  return { moves: [...late.moves, ...begin].slice(0, mostMoves), lookAt: late.lookAt }
}

const beginnings = (view: PlanView, at: Now): ReadonlyArray<Move> => {
  const begin = mayBegin(view)
  const step = begin === undefined ? undefined : view.plan?.steps[begin.step]
  if (begin === undefined || step === undefined || view.hash === undefined) return []
  const where: Where = { planId: view.planId, hash: view.hash, nth: begin.step, step, at }
  return begin.targets.slice(0, mostMoves).flatMap((target) => {
    const earlier = failedBefore(view, begin.step, target.agentId)
    return earlier === undefined
      ? beginning(where, target)
      : [skip(where, target, "earlier", `Step ${earlier + 1} did not succeed on ${target.host}.`, [])]
  })
}

interface Where {
  readonly planId: string
  readonly hash: string
  readonly nth: number
  readonly step: Step
  readonly at: Now
}

const beginning = (where: Where, target: TargetView): ReadonlyArray<Move> => {
  const { step, at } = where
  const drift = targetDrift(step, target, at.members.get(target.agentId), at.now)
  if (drift !== undefined) return [skip(where, target, "drift", drift, [])]
  if (step.when === undefined) return [act(where, target)]
  const asked = questionsOf(step.when).map((question) => ask(where, target, question))
  const fresh = asked.flatMap(({ dispatch }) => (dispatch === undefined ? [] : [dispatch]))
  if (fresh.length > 0) return fresh
  if (asked.some(({ read }) => read !== undefined && isOpenRead(read))) return []
  return decided(where, target, judged(where, target, step.when))
}

const judged = (where: Where, target: TargetView, when: NonNullable<Step["when"]>): Verdict =>
  evaluate(when, {
    target: target.host,
    reading: (question) => {
      const { read, unable } = ask(where, target, question)
      if (unable !== undefined) return { unknown: unable }
      if (read?.state === "succeeded" && read.reading !== undefined) return read.reading
      return { unknown: read?.summary ?? `${question.host ?? target.host} did not answer` }
    },
    online: (host) => askedOf(where.step, target, host, where.at)?.online
  })

const decided = (where: Where, target: TargetView, { answer, findings, why }: Verdict): ReadonlyArray<Move> => {
  if (answer === "true") return [act(where, target, findings)]
  const seen = findings
    .map(({ asked, found }) => (found === undefined ? asked : `${asked} (found: ${found})`))
    .join("; ")
  return answer === "false"
    ? [skip(where, target, "condition", `The condition does not hold on ${target.host}: ${seen}.`, findings)]
    : [
        skip(
          where,
          target,
          "condition-unknown",
          `Nobody can tell whether the condition holds on ${target.host}, so nothing was done: ${why.join("; ")}.`,
          findings
        )
      ]
}

interface Asked {
  readonly read?: ReadView
  readonly dispatch?: Move
  /** Why it cannot be asked. */
  readonly unable?: string
}

const ask = (where: Where, target: TargetView, question: Question): Asked => {
  const commandId = commandIdOf(where.planId, where.nth, target.agentId, "condition", question)
  const read = target.reads?.find((one) => one.commandId === commandId)
  if (read !== undefined) return { read }
  const member = askedOf(where.step, target, question.host, where.at)
  if (member === undefined) return { unable: `${question.host ?? target.host} is not in the fleet any more` }
  if (!member.online) return { unable: `${member.host} is not connected` }
  return {
    dispatch: dispatch(where, { ...question, member, targetId: target.agentId, purpose: "condition", commandId })
  }
}

/** Frozen by id; a host that has another name now is not who was meant. */
const askedOf = (step: Step, target: TargetView, host: string | undefined, at: Now): FleetMember | undefined => {
  if (host === undefined) return at.members.get(target.agentId)
  const frozen = step.asks?.find((one) => one.host === host)
  const member = frozen === undefined ? undefined : at.members.get(frozen.agentId)
  return member?.host === host ? member : undefined
}

const act = (where: Where, target: TargetView, findings?: ReadonlyArray<Finding>): Move => {
  const { action, args, contents } = where.step
  const guardMillis = guardOf(action, args)
  return {
    ...dispatch(where, {
      action,
      ...(contents === undefined && Buffer.byteLength(JSON.stringify(args)) <= argsLimit ? { args } : {}),
      member: target,
      targetId: target.agentId,
      purpose: "act",
      commandId: commandIdOf(where.planId, where.nth, target.agentId, "act")
    }),
    ...(guardMillis === undefined ? {} : { guardMillis }),
    ...(findings === undefined ? {} : { findings })
  }
}

const dispatch = (
  { nth, hash, at }: Pick<Where, "nth" | "hash" | "at">,
  of: {
    readonly action: string
    /** Absent: as the plan has them. */
    readonly args?: Args
    readonly member: { readonly agentId: string; readonly host: string }
    readonly targetId: string
    readonly purpose: Purpose
    readonly commandId: string
  }
): Extract<Move, { readonly _tag: "StepDispatched" }> => ({
  _tag: "StepDispatched",
  step: nth,
  purpose: of.purpose,
  agentId: of.member.agentId,
  ...(of.targetId === of.member.agentId ? {} : { targetId: of.targetId }),
  commandId: of.commandId,
  host: of.member.host,
  action: of.action,
  ...(of.args === undefined ? {} : { args: of.args }),
  hash,
  deadline: at.now + waitMillis(of.action, of.purpose),
  timeoutMs: timeoutOf(of.action)
})

type Skipped = Extract<Move, { readonly _tag: "StepSkipped" }>
const skip = (
  { nth }: Where,
  target: TargetView,
  why: Skipped["why"],
  reason: string,
  findings: ReadonlyArray<Finding>
): Move => ({
  _tag: "StepSkipped",
  step: nth,
  agentId: target.agentId,
  why,
  reason: reason.slice(0, 2_000).toWellFormed(),
  findings
})

/** Until then it is waited; then, with a move, it is given up. */
interface Due {
  readonly until: number
  readonly move?: Move
}

/** What has been waited for long enough, and when the next one will have been. */
const overdue = (view: PlanView, at: Now): Next => {
  const dues = view.steps.flatMap((targets, step) =>
    targets.flatMap((target) => [...readsDue(step, target), ...(isActing(target) ? actDue(step, target, at) : [])])
  )
  return {
    moves: dues.flatMap(({ until, move }) => (move !== undefined && at.now >= until ? [move] : [])),
    lookAt: dues.reduce<number | undefined>(
      (first, { until }) => (until > at.now ? Math.min(first ?? until, until) : first),
      undefined
    )
  }
}

const readsDue = (step: number, target: TargetView): ReadonlyArray<Due> =>
  (target.reads ?? [])
    .filter((read) => read.purpose === "condition" && isOpenRead(read))
    .map((read) => ({
      until: read.until + slackMillis,
      move: {
        _tag: "StepOutcomeUnknown",
        step,
        purpose: "condition",
        agentId: read.agentId,
        ...(read.agentId === target.agentId ? {} : { targetId: target.agentId }),
        commandId: read.commandId,
        summary: `${read.host} did not answer in time.`,
        said: "deadline"
      }
    }))

const actDue = (step: number, target: TargetView, { members, now }: Now): ReadonlyArray<Due> => {
  const { agentId, host, state, commandId, deadline, until } = target
  if (commandId === undefined || deadline === undefined || until === undefined) return []
  const said = { step, purpose: "act", agentId, commandId, said: "deadline" } as const
  const begun = deadline + slackMillis
  if (state === "dispatched" && now < begun) return [{ until: begun }]
  if (state === "dispatched" && neverThere(target, members.get(agentId)))
    return [
      {
        until: begun,
        move: {
          _tag: "StepExpired",
          ...said,
          summary: `${host} was not connected until the deadline, so nothing was done.`
        }
      }
    ]
  const summary =
    state === "accepted" ? `${host} began and has not said how it ended.` : `${host} has not said whether it began.`
  return [{ until: until + graceMillis, move: { _tag: "StepOutcomeUnknown", ...said, summary } }]
}

/** Its agent has had no connection since, so the command never reached it. */
const neverThere = (target: TargetView, member: FleetMember | undefined): boolean =>
  member === undefined ||
  (!member.online &&
    (member.lastSeen === null || member.lastSeen < Date.parse(target.dispatchedAt ?? "") - slackMillis))

/** Above this many a look at each is no help to whoever approves. */
const mostLooks = 100

/** The looks before, while a plan waits for approval: what is there now. */
export const looks = (view: PlanView, at: Now): ReadonlyArray<Move> => {
  const { plan, hash } = view
  if (plan === undefined || hash === undefined) return []
  return plan.steps
    .flatMap((step, nth) => {
      const look = beforeOf(step.action, step.args)
      if (look === undefined || effectOf(look.action) !== "reads") return []
      return step.targets
        .filter((target) => at.members.get(target.agentId)?.online === true)
        .map((target) =>
          dispatch(
            { nth, hash, at },
            {
              ...look,
              member: target,
              targetId: target.agentId,
              purpose: "before",
              commandId: commandIdOf(view.planId, nth, target.agentId, "before")
            }
          )
        )
    })
    .slice(0, mostLooks)
}
