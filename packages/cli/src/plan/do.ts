/**
 * `do`: an instruction to its end.
 *
 * Owns: the way from words to approval to results, and the exit code: 0 it is done, 1 it failed or was refused, 2 it waits for approval or
 * cannot be told. Does not own: what is printed (`print.ts`), the rules of approval (core's `gate.ts`).
 * Invariants: what is approved here is exactly what was shown here; nothing is approved because nobody was there to ask.
 */
import { randomUUID } from "node:crypto"
import { createInterface } from "node:readline/promises"
import { Effect } from "effect"
import { risks } from "@signalbox/core/action/risks.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { gateOf } from "@signalbox/core/plan/gate.ts"
import { isRunning } from "@signalbox/core/plan/progress.ts"
import { shortCode } from "@signalbox/core/plan/code.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import { withHub } from "../client/hub.ts"
import { answer, CommandFailed, Json, talk } from "../output.ts"
import { followPlan } from "./follow.ts"
import { begun } from "./begun.ts"
import { howToApprove, planJson, preview, widthOf } from "./print.ts"
import { ending, exitCode, targetText } from "./result-text.ts"

export interface DoFlags {
  readonly dryRun: boolean
  readonly yesUpTo: "low" | "medium" | undefined
  readonly noWait: boolean
  readonly model: string | undefined
}

export const run = (text: string, flags: DoFlags) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { plan: first, position } = yield* hub.plans.give({
        payload: {
          commandId: begun() ?? randomUUID(),
          text,
          ...(flags.dryRun ? { dryRun: true } : {}),
          ...(flags.model === undefined ? {} : { model: flags.model })
        }
      })
      if (first.status === "asked") yield* talk("The phrasebook does not know this; a model is being asked.")
      const proposed =
        first.status === "asked"
          ? yield* watched(
              followPlan(first, position, () => Effect.void),
              first
            )
          : first
      if (proposed.status !== "proposed") return yield* carried(proposed, position, flags.noWait)
      if (!(yield* Json)) yield* talk(preview(proposed, widthOf(process.stderr)))
      const agreed = yield* agreement(proposed, flags.yesUpTo)
      if (agreed === undefined) {
        if (!(yield* Json)) yield* talk(`It waits for approval: ${howToApprove(proposed)}`)
        yield* answer(planJson(proposed), () => "")
        return yield* Effect.fail(new CommandFailed({ reason: "", code: 2 }))
      }
      const done =
        agreed === "no"
          ? yield* hub.plans.reject({ params: { planId: proposed.planId }, payload: { commandId: randomUUID() } })
          : yield* hub.plans.approve({
              params: { planId: proposed.planId },
              payload: { commandId: randomUUID(), hash: proposed.hash ?? "", ...agreed }
            })
      return yield* carried(done.plan, done.position, flags.noWait)
    })
  )

/** From an approved (or ended) plan to its end: results as they come, then the exit code. */
export const carried = Effect.fnUntraced(function* (plan: PlanView, position: number, noWait: boolean) {
  const json = yield* Json
  const shown = new Set<string>()
  const tell = (now: PlanView) =>
    json
      ? Effect.void
      : Effect.forEach(fresh(now, shown), (text) => Effect.sync(() => process.stdout.write(`${text}\n`)), {
          discard: true
        })
  const fresh = (now: PlanView, told: Set<string>): ReadonlyArray<string> =>
    now.steps.flatMap((targets, step) =>
      targets.flatMap((target) => {
        const key = `${step} ${target.agentId} ${target.state}`
        if (target.finishedAt === undefined || told.has(key)) return []
        told.add(key)
        return [targetText(target, { planId: now.planId, hosts: now.steps.flat().length })]
      })
    )
  yield* tell(plan)
  if (!noWait && !json && isRunning(plan) && plan.plan !== undefined && gateOf(plan.plan).approval !== "none")
    yield* talk(`${plan.planId} is being carried out. Ctrl-C leaves it going on.`)
  const last = noWait ? plan : yield* watched(followPlan(plan, position, tell), plan)
  if (json) yield* answer(planJson(last), () => "")
  else if (last.status === "not-understood" || last.status === "previewed")
    yield* talk(preview(last, widthOf(process.stderr)))
  else if (noWait) yield* talk(`${last.planId} is ${last.status}. See plan show ${last.planId}.`)
  else yield* talk(`${last.planId}: ${ending(last)}`)
  const code = exitCode(last, noWait)
  if (code > 0) return yield* Effect.fail(new CommandFailed({ reason: "", code }))
})

/** Who leaves in the middle stops nothing, and is told so. */
const watched = <A, E, R>(following: Effect.Effect<A, E, R>, { planId }: PlanView) =>
  Effect.onInterrupt(following, () =>
    talk(`\n${planId} goes on. Watch it: signalbox plan show ${planId}. Stop it: signalbox plan cancel ${planId}`)
  )

/** @returns what goes with the approval, "no", or undefined: there is nobody to ask */
const agreement = (plan: PlanView, yesUpTo: "low" | "medium" | undefined) =>
  Effect.gen(function* () {
    if (plan.plan === undefined) return undefined
    const gate = gateOf(plan.plan)
    if (yesUpTo !== undefined && risks.indexOf(plan.plan.risk) <= risks.indexOf(yesUpTo)) return {}
    if (!process.stdin.isTTY || !process.stderr.isTTY || (yield* Json)) return undefined
    const code = shortCode(plan.hash ?? "")
    const question = gate.typed ? `This is critical. Type ${code} to approve it, or nothing: ` : "Approve it? [y/N] "
    const said = (yield* ask(question)).trim()
    if (gate.typed) return said.toLowerCase().replaceAll(/\s/gu, "") === code.toLowerCase() ? { code } : ("no" as const)
    return /^y(?:es)?$/iu.test(said) ? {} : ("no" as const)
  })

const ask = (question: string): Effect.Effect<string> =>
  Effect.promise(async (signal) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr })
    try {
      return await lines.question(question, { signal })
    } catch {
      process.stderr.write("\n") // Ctrl-C, or the end of the input: it is no yes, and the line has not ended
      return ""
    } finally {
      lines.close()
    }
  })
