/**
 * Plans for those who have signed in: an instruction, the last plans, a yes or a no, and what came of it, as lines.
 *
 * Owns: their words on the wire, following one plan. Does not own: what an instruction means, the rules (core's plan room), who may
 * (`command.ts`, `gate.ts`).
 * Invariants: a yes is for the hash that was shown on this very connection, never for one that nobody has seen here; what agents told is
 * made harmless before it goes out.
 */
import { Effect, Result, Schema, Stream } from "effect"
import { Fleet } from "@signalbox/core/agent/Fleet.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { Catalog } from "@signalbox/core/model/Catalog.ts"
import { planEvents, PlanId, planStream } from "@signalbox/core/plan/events.ts"
import { gateOf } from "@signalbox/core/plan/gate.ts"
import { shortCode } from "@signalbox/core/plan/code.ts"
import { listPlans } from "@signalbox/core/plan/list.ts"
import { type Done, PlanNotFound, Plans } from "@signalbox/core/plan/Plans.ts"
import { isOver, isSettledPlan } from "@signalbox/core/plan/progress.ts"
import { effectOf } from "@signalbox/core/action/told.ts"
import { understand } from "@signalbox/core/plan/understand.ts"
import { evolvePlan } from "@signalbox/core/plan/evolve.ts"
import type { PlanView, TargetView } from "@signalbox/core/plan/view.ts"
import { actText, conditionText } from "@signalbox/core/plan/words.ts"
import { seen } from "../edge/answer.ts"
import { Tokens } from "../edge/auth.ts"
import { safeText } from "./safe-text.ts"
import { by, type Session, SignedOut } from "./state.ts"

const listed = 20
const mostHosts = 12
const mostLines = 40
const mostText = 300
/** So long a client is told how it goes; the plan itself goes on. */
const patience = "10 minutes"

export const giveInstruction = Effect.fnUntraced(function* (session: Session, text: string) {
  if (text === "") return yield* session.wire.say("Say what is to be done: DO restart nginx on all web servers\n")
  const plans = yield* Plans
  const [members, model] = yield* Effect.all(
    [Effect.flatMap(Fleet, (fleet) => fleet.members), Effect.flatMap(Catalog, (catalog) => catalog.current)],
    { concurrency: 2 }
  )
  const { commandId, actor } = by(session)
  const meaning = understand({ text, model }, members, () => performance.now())
  const done = yield* plans.instruct({ text, dryRun: false, meaning }, { commandId, actor, account: actor })
  if (done.plan.status === "asked") yield* session.wire.say("A model is being asked what it means …\n")
  yield* tell(session, done)
})

export const showPlans = Effect.fnUntraced(function* (session: Session, planId: string) {
  if (planId !== "") return yield* show(session, yield* load(planId))
  const found = yield* listPlans({ limit: listed })
  const lines = found.map(
    (plan) =>
      `${plan.planId}  ${plan.status.padEnd(14)}  ${(plan.plan?.risk ?? "").padEnd(8)}  ${oneLine(plan.by, 20).padEnd(12)}  ${oneLine(plan.text, 60)}`
  )
  yield* session.wire.say(
    `${lines.length === 0 ? "There are no plans yet. DO instruction makes one." : lines.join("\n")}\n`
  )
})

export const approvePlan = Effect.fnUntraced(function* (session: Session, rest: string) {
  const [planId = "", ...code] = rest.split(/\s+/u)
  const view = yield* load(planId)
  const hash = session.plans.get(planId)
  if (hash === undefined || hash !== view.hash) {
    yield* show(session, view)
    return yield* view.status === "proposed" ? session.wire.say("Look at it, then say APPROVE again.\n") : Effect.void
  }
  const { role, alone } = yield* actorOf(session)
  const { commandId, actor } = by(session)
  const typed = code.join("")
  const done = yield* (yield* Plans).approve(
    planId,
    { hash, ...(typed === "" ? {} : { code: typed.slice(0, 100) }) },
    { commandId, actor, account: actor, role, alone }
  )
  yield* session.wire.say(`${planId} is approved.\n`)
  yield* tell(session, done)
})

export const rejectPlan = Effect.fnUntraced(function* (session: Session, rest: string) {
  const [planId = ""] = rest.split(/\s/u, 1)
  const reason = rest.slice(planId.length).trim().slice(0, 1_000).toWellFormed()
  yield* load(planId)
  const { commandId, actor } = by(session)
  const { plan, position } = yield* (yield* Plans).reject(planId, reason === "" ? undefined : reason, {
    commandId,
    actor,
    account: actor
  })
  yield* seen(position)
  yield* session.wire.say(`${planId} is ${plan.status}.\n`)
})

const isPlanId = Schema.is(PlanId)
const load = (planId: string) =>
  isPlanId(planId)
    ? Effect.flatMap(Plans, (plans) => plans.load(planId))
    : Effect.fail(new PlanNotFound({ planId: safeText(planId).slice(0, 60) }))

const actorOf = (session: Session) =>
  session.credential === undefined
    ? Effect.fail(new SignedOut())
    : Effect.flatMap(Tokens, (tokens) =>
        session.credential === undefined ? Effect.die("signed out") : tokens.actorOf(session.credential)
      )

/** Until it waits for somebody, or is over. */
const tell = Effect.fnUntraced(function* (session: Session, { plan: first, position }: Done) {
  const { say } = session.wire
  let plan = first
  let last = position
  const toldOf = new Set<string>()
  const news = Effect.gen(function* () {
    for (const [nth, targets] of plan.steps.entries())
      for (const target of targets) {
        const key = `${nth} ${target.agentId}`
        if (!isOver(target) || toldOf.has(key)) continue
        toldOf.add(key)
        yield* say(yield* ended(plan, nth, target))
      }
  })
  yield* news
  if (!stops(plan)) {
    const log = yield* EventLog
    const followed = yield* log.follow({ stream: planStream(plan.planId), from: position + 1 }).pipe(
      Stream.mapEffect((one) =>
        Effect.gen(function* () {
          if (one._tag !== "Event") return
          last = one.event.position
          const event = Result.getOrUndefined(planEvents.decode(one.event))
          if (event !== undefined) plan = evolvePlan(plan, event, one.event) ?? plan
          yield* news
        })
      ),
      Stream.takeUntil(() => stops(plan)),
      Stream.runDrain,
      Effect.timeoutOption(patience)
    )
    if (followed._tag === "None") return yield* say(`${plan.planId} goes on; PLANS ${plan.planId} tells how.\n`)
  }
  yield* seen(last)
  yield* plan.finishedAt !== undefined && plan.plan !== undefined ? say(`${endText(plan)}\n`) : show(session, plan)
})

const stops = (plan: PlanView): boolean => isSettledPlan(plan) || plan.status === "proposed"

const endText = (plan: PlanView): string =>
  `${plan.planId} ${plan.status}${plan.reason === undefined ? "" : `: ${oneLine(plan.reason, mostText)}`}`

const show = Effect.fnUntraced(function* (session: Session, view: PlanView) {
  const { plan, question, hash } = view
  const { say } = session.wire
  if (question !== undefined) {
    const more = [
      ...question.questions.map((one) => `  ${oneLine(one, 500)}`),
      ...question.readings.map((one) => `  DO ${oneLine(one, 500)}`)
    ]
    return yield* say(`${[oneLine(question.reason, 2_000), ...more].join("\n")}\n`)
  }
  if (plan === undefined || hash === undefined) return yield* say(`${view.planId} is ${view.status}.\n`)
  const steps = plan.steps.flatMap((step, nth) => {
    const hosts = step.targets.map((one) => one.host)
    const more = hosts.length > mostHosts ? ` and ${hosts.length - mostHosts} more` : ""
    return [
      `  ${nth + 1}. ${actText(step)} on ${hosts.slice(0, mostHosts).join(" ")}${more}  [${step.risk}: ${step.reasons.map((one) => one.reason).join("; ")}]`,
      ...(step.when === undefined ? [] : [`     if ${conditionText(step.when)}`])
    ]
  })
  const unjudged = view.unjudged.map((one) => `  not judged: ${one.host}, ${oneLine(one.reason, mostText)}`)
  const waits = view.status === "proposed"
  const code = gateOf(plan).typed ? ` ${shortCode(hash)}` : ""
  const foot = waits
    ? [`  until ${plan.expiresAt.slice(11, 19)} UTC: APPROVE ${view.planId}${code}, or REJECT ${view.planId}`]
    : view.steps
        .flat()
        .filter(isOver)
        .map((target) => `  ${targetText(target)}`)
  if (waits) session.plans.set(view.planId, hash)
  const head = `${view.planId} is ${view.status}, risk ${plan.risk}: ${oneLine(view.text, 200)}`
  yield* say(`${safeText([head, ...steps, ...unjudged, ...foot].join("\n"))}\n`)
})

const targetText = (target: TargetView): string =>
  `${target.host}: ${target.state.replace("-", " ")}${target.proven === true ? ", proven" : target.proven === false ? ", not proven" : ""}${target.summary === undefined ? "" : `. ${oneLine(target.summary, mostText)}`}`

/** One host's end, and what was read there. */
const ended = Effect.fnUntraced(function* (plan: PlanView, nth: number, target: TargetView) {
  const { commandId } = target
  const reads = effectOf(plan.plan?.steps[nth]?.action ?? "") === "reads" && target.state === "succeeded"
  const data =
    target.data ??
    (reads && target.more === true && commandId !== undefined
      ? yield* Effect.flatMap(Plans, (plans) => plans.result(plan.planId, commandId))
      : undefined)
  const lines = reads && data !== undefined ? dataLines(data) : []
  const shown = lines.slice(-mostLines).map((line) => `    ${oneLine(line, 500)}`)
  const left = lines.length > mostLines ? [`    (${lines.length - mostLines} lines before these)`] : []
  return `${safeText([targetText(target), ...left, ...shown].join("\n"))}\n`
})

const decodeObject = Schema.decodeUnknownOption(Schema.Record(Schema.String, Schema.Json))
/** Of lists their entries, of things their parts. */
const dataLines = (data: Schema.Json): ReadonlyArray<string> => {
  if (Array.isArray(data)) return data.map(entryText)
  const fields = decodeObject(data)
  if (fields._tag === "None") return [entryText(data)]
  return Object.entries(fields.value).flatMap(([name, value]) =>
    Array.isArray(value) ? value.map(entryText) : [`${name}: ${entryText(value)}`]
  )
}
const entryText = (value: Schema.Json): string => {
  if (typeof value === "string") return value
  const fields = decodeObject(value)
  return fields._tag === "Some" && typeof fields.value["text"] === "string"
    ? fields.value["text"]
    : JSON.stringify(value)
}

const oneLine = (text: string, most: number): string =>
  safeText(text.replaceAll(/\s+/gu, " ")).trim().slice(0, most).toWellFormed()
