/** Acts on plans: `list`, `show`, `approve`, `reject`, `cancel`, `result`, `explain`. */
import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import type { LogFinding } from "@signalbox/core/plan/explanation.ts"
import type { PlanStatus, PlanView } from "@signalbox/core/plan/view.ts"
import { age } from "@signalbox/tui/format.ts"
import { withHub } from "../client/hub.ts"
import { type Column, table } from "../client/table.ts"
import { answer, failed } from "../output.ts"
import { carried } from "./do.ts"
import { followPlan } from "./follow.ts"
import { dataText, howToApprove, planJson, preview, targetText, widthOf } from "./print.ts"

const columns: ReadonlyArray<Column<PlanView>> = [
  { title: "PLAN", cell: (plan) => plan.planId, keep: true },
  {
    title: "STATUS",
    cell: (plan) => plan.status,
    color: (plan) => (plan.status === "succeeded" ? "green" : plan.status === "failed" ? "red" : undefined)
  },
  { title: "RISK", cell: (plan) => plan.plan?.risk ?? "" },
  { title: "BY", cell: (plan) => plan.by },
  { title: "AGE", cell: (plan) => age(plan.createdAt, Date.now()) },
  { title: "INSTRUCTION", cell: (plan) => plan.text, flexible: true }
]

export const list = (status: PlanStatus | undefined, limit: number) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { plans } = yield* hub.plans.list({
        query: { limit, ...(status === undefined ? {} : { status: [status] }) }
      })
      yield* answer({ plans: plans.map(planJson) }, () =>
        plans.length === 0 ? 'No plans yet. Say what is to be done: signalbox do "…"' : table(columns, plans)
      )
    })
  )

export const show = (planId: string) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { plan } = yield* hub.plans.get({ params: { planId } })
      yield* answer(planJson(plan), () => {
        const ends = plan.steps.flat().filter((target) => target.state !== "waiting")
        const of = { planId, hosts: ends.length }
        const state =
          plan.status === "proposed"
            ? `It waits for approval: ${howToApprove(plan)}`
            : ["succeeded", "failed", "expired"].includes(plan.status)
              ? `It has ${plan.status}.`
              : `It is ${plan.status}.`
        return [preview(plan, widthOf(process.stdout)), ...ends.map((target) => targetText(target, of)), state].join(
          "\n"
        )
      })
    })
  )

export const approve = (
  planId: string,
  given: { readonly hash: string | undefined; readonly code: string | undefined; readonly noWait: boolean }
) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { plan } = yield* hub.plans.get({ params: { planId } })
      const hash = given.hash ?? plan.hash
      if (hash === undefined)
        return yield* Effect.fail(failed(`${planId} is ${plan.status}: there is nothing to approve.`))
      const done = yield* hub.plans.approve({
        params: { planId },
        payload: { commandId: randomUUID(), hash, ...(given.code === undefined ? {} : { code: given.code }) }
      })
      yield* carried(done.plan, done.position, given.noWait)
    })
  )

export const stop = (planId: string, how: "reject" | "cancel", reason: string | undefined) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { plan } = yield* hub.plans[how]({
        params: { planId },
        payload: { commandId: randomUUID(), ...(reason === undefined ? {} : { reason }) }
      })
      yield* answer(planJson(plan), () => `${planId} is ${plan.cancel === undefined ? plan.status : "being stopped"}.`)
    })
  )

/** Waits for the findings: a model reads for seconds, not hours. */
export const explain = (planId: string, model: string | undefined) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const asked = yield* hub.plans.explain({
        params: { planId },
        payload: { commandId: randomUUID(), ...(model === undefined ? {} : { model }) }
      })
      const plan = yield* followPlan(
        asked.plan,
        asked.position,
        () => Effect.void,
        (view) => view.explanation?.status !== "asked"
      )
      const { explanation } = plan
      if (explanation?.findings === undefined)
        return yield* Effect.fail(failed(explanation?.reason ?? `${planId} was not explained.`))
      const { findings, lines = 0, unfounded = 0, origin } = explanation
      yield* answer({ planId, findings, lines, unfounded, model: origin?.model ?? null }, () =>
        [
          findings.length === 0
            ? `Nothing is wrong in the ${lines} lines that were read.`
            : table(findingColumns, findings),
          ...(unfounded === 0 ? [] : [`${unfounded} more were left out: what they quote stands nowhere in the logs.`])
        ].join("\n")
      )
    })
  )

const findingColumns: ReadonlyArray<Column<LogFinding>> = [
  { title: "KIND", cell: (one) => one.kind, keep: true },
  { title: "COUNT", cell: (one) => String(one.count) },
  { title: "UNIT", cell: (one) => one.unit },
  { title: "QUOTE", cell: (one) => one.quote, flexible: true }
]

export const result = (planId: string, host: string) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { plan } = yield* hub.plans.get({ params: { planId } })
      const commands = plan.steps.flat().filter((target) => target.host === host && target.commandId !== undefined)
      if (commands.length === 0) return yield* Effect.fail(failed(`${planId} did nothing on ${host}.`))
      const results = yield* Effect.forEach(commands, ({ commandId = "" }) =>
        hub.plans.result({ params: { planId, commandId } })
      )
      yield* answer({ planId, host, results: results.map((one) => one.data) }, () =>
        results.map((one) => dataText(one.data)).join("\n\n")
      )
    })
  )
