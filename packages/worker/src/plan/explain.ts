/**
 * The job `plan.explain`: has a model without tools look through the logs that a plan read.
 *
 * Owns: collecting the logs, asking once (and once more about its form), that nothing is asked twice. Does not own: the question and how the
 * answer is read (core's `plan/explaining.ts`), redaction, the events' rules.
 * Invariants: the request carries no tool; whatever the logs say, the outcome is findings or a reason; what is found claimed is not asked
 * again.
 */
import { Clock, Effect, Exit, Result, Schedule } from "effect"
import { Secrets } from "@signalbox/core/config/secret.ts"
import { LiveText } from "@signalbox/core/conversation/LiveText.ts"
import { Catalog } from "@signalbox/core/model/Catalog.ts"
import type { ModelMessage, Usage } from "@signalbox/core/model/message.ts"
import { costOf } from "@signalbox/core/model/prices.ts"
import { logAction } from "@signalbox/core/plan/decider.ts"
import type { Origin, PlanEvent } from "@signalbox/core/plan/events.ts"
import {
  explainQuestion,
  explainSystem,
  type HostLogs,
  type Read,
  readFindings
} from "@signalbox/core/plan/explaining.ts"
import { PlanJob } from "@signalbox/core/plan/jobs.ts"
import { Plans } from "@signalbox/core/plan/Plans.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import { jobHandler } from "@signalbox/core/queue/Queue.ts"
import { queues } from "@signalbox/core/queue/queues.ts"
import { ask, makeHeard } from "../conversation/ask.ts"
import { PlanCommands } from "./PlanCommands.ts"
import { addedUsage, plainText } from "./said.ts"

const mostTokens = 8_000
const mostAnswers = 2
const mostHosts = 50
const patience = "4 minutes"
const died =
  "The worker died while the model read. It was not asked again; ask for an explanation anew if you want one."

export const planExplainHandler = jobHandler({
  queue: queues.planExplain.name,
  data: PlanJob,
  run: ({ planId }) => explain(planId),
  onExhausted: ({ planId }, { reason }) =>
    Effect.gen(function* () {
      const view = yield* (yield* PlanCommands).load(planId)
      if (view?.explanation?.status === "asked")
        yield* record(
          planId,
          failed(view.explanation.explanationId, `No model could be asked: ${plainText(reason, 500)}`)
        )
    }).pipe(Effect.catch((error) => Effect.logError(`${planId}: it was not recorded: ${error.message}`)))
})

const explain = (planId: string) =>
  Effect.gen(function* () {
    const view = yield* (yield* PlanCommands).load(planId)
    if (view?.explanation?.status !== "asked") return
    const { explanationId, model } = view.explanation
    const live = yield* LiveText
    const asked = explainQuestion(yield* logsOf(view), (yield* Secrets).scrub)
    if (asked === undefined) return yield* record(planId, failed(explanationId, "The logs that were read are empty."))
    const ref = model ?? (yield* (yield* Catalog).current)
    if (ref === undefined)
      return yield* record(planId, failed(explanationId, "There is no model to ask. See model list."))
    if (!(yield* live.claim(explanationId, 1, planId))) {
      yield* record(planId, failed(explanationId, died))
      return yield* Effect.ignore(live.drop(explanationId))
    }
    const spent: Spent = { usage: null }
    const began = yield* Clock.currentTimeMillis
    const read = yield* converse(ref, asked.question, spent).pipe(
      Effect.timeoutOrElse({
        duration: patience,
        orElse: () => Effect.succeed(Result.fail(`${ref} had not read the logs after ${patience}.`))
      }),
      Effect.onExit((exit) =>
        Exit.hasInterrupts(exit) ? Effect.ignore(record(planId, failed(explanationId, died))) : Effect.void
      )
    )
    const now = yield* Clock.currentTimeMillis
    const origin: Origin = {
      by: "model",
      model: ref.slice(0, 200),
      tookMs: now - began,
      ...(spent.usage === null
        ? {}
        : { usage: spent.usage, cost: costOf(ref, spent.usage, new Date(now).toISOString().slice(0, 10)) })
    }
    yield* record(
      planId,
      Result.isFailure(read)
        ? { ...failed(explanationId, read.failure), origin }
        : { _tag: "LogsExplained", explanationId, ...read.success, lines: asked.lines, origin }
    )
    yield* Effect.ignore(live.drop(explanationId))
  })

interface Spent {
  usage: Usage | null
}

/** No tools, whatever it says. */
const converse = (ref: string, question: string, spent: Spent) =>
  Effect.gen(function* () {
    const messages: Array<ModelMessage> = [{ role: "user", text: question }]
    let fault = ""
    for (let nth = 1; nth <= mostAnswers; nth++) {
      const heard = makeHeard()
      const request = { ref, system: explainSystem, messages: [...messages], maxOutputTokens: mostTokens }
      const answer = yield* ask(request, heard, undefined).pipe(
        Effect.onExit(() => Effect.sync(() => (spent.usage = addedUsage(spent.usage, heard.usage))))
      )
      if (answer._tag === "Failed")
        return Result.fail(`${ref} was asked and gave no answer: ${plainText(answer.message, 1_000)}`)
      const read: Result.Result<Read, string> = readFindings(heard.text, question)
      if (Result.isSuccess(read)) return Result.succeed(read.success)
      fault = read.failure
      messages.push({ role: "assistant", text: heard.text, calls: [] }, { role: "user", text: fault })
    }
    return Result.fail(`${ref} gave no findings that could be read. ${plainText(fault, 1_000)}`)
  })

const logsOf = (view: PlanView) =>
  Effect.gen(function* () {
    const plans = yield* Plans
    const read = view.steps
      .flatMap((targets, nth) => (view.plan?.steps[nth]?.action === logAction ? targets : []))
      .filter((target) => target.state === "succeeded" && target.commandId !== undefined)
      .slice(0, mostHosts)
    const logs: Array<HostLogs> = []
    for (const { host, commandId, data } of read)
      logs.push({ host, data: data ?? (yield* plans.result(view.planId, commandId ?? "")) })
    return logs
  })

type Outcome = Extract<PlanEvent, { readonly _tag: "LogsExplained" | "LogsExplanationFailed" }>

const failed = (
  explanationId: string,
  reason: string
): Extract<Outcome, { readonly _tag: "LogsExplanationFailed" }> => ({
  _tag: "LogsExplanationFailed",
  explanationId,
  reason: reason.slice(0, 2_000).toWellFormed()
})

/** What a model said is paid for: it is tried for a minute though its job is stopped. */
const record = (planId: string, outcome: Outcome) =>
  Effect.flatMap(PlanCommands, (commands) => commands.run(planId, { _tag: "Explained", with: outcome })).pipe(
    Effect.retry({
      schedule: Schedule.spaced("500 millis").pipe(Schedule.upTo({ duration: "1 minute" })),
      while: (error) => error._tag === "LogUnavailable"
    }),
    Effect.asVoid,
    Effect.uninterruptible
  )
