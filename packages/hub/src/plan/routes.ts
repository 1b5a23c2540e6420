/**
 * The plans and actions groups of the API: thin handlers over `Plans`.
 *
 * Owns: from requests to the service and back. Does not own: what an instruction means (`plan/understand.ts`), the rules (`decider.ts`).
 */
import { Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { actionInfos } from "@signalbox/core/action/info.ts"
import { refusalOf } from "@signalbox/core/account/permissions.ts"
import { Fleet } from "@signalbox/core/agent/Fleet.ts"
import { CurrentActor } from "@signalbox/core/api/auth.ts"
import { HubApi } from "@signalbox/core/api/contract.ts"
import { Forbidden, Invalid, NotFound } from "@signalbox/core/api/problems.ts"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { Catalog } from "@signalbox/core/model/Catalog.ts"
import { approvalNeeds } from "@signalbox/core/plan/gate.ts"
import { listPlans } from "@signalbox/core/plan/list.ts"
import { type Done, type PlanBy, Plans } from "@signalbox/core/plan/Plans.ts"
import { understand } from "@signalbox/core/plan/understand.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { answer, origin, read } from "../edge/answer.ts"

export const PlansRoutes = HttpApiBuilder.group(
  HubApi,
  "plans",
  Effect.fnUntraced(function* (handlers) {
    const plans = yield* Plans
    const models = yield* ReadModels
    const log = yield* EventLog
    const fleet = yield* Fleet
    const catalog = yield* Catalog
    const db = yield* Db

    /** The model that would be asked; none is no error. */
    const askable = (name: string | undefined) =>
      name === undefined
        ? catalog.current
        : Effect.asSome(catalog.resolve(name)).pipe(Effect.map(Option.getOrUndefined))
    const meaning = Effect.fnUntraced(function* (text: string, name: string | undefined) {
      const [members, model] = yield* Effect.all([fleet.members, askable(name)], { concurrency: 2 })
      return understand({ text, model }, members, () => performance.now())
    })
    const shown = (done: Done) => ({ planId: done.plan.planId, ...done })

    return handlers.handleAll({
      list: ({ query: { limit = 100, ...filter } }) =>
        read(
          Effect.gen(function* () {
            const position = yield* models.position
            return { plans: yield* listPlans({ ...filter, limit }).pipe(Effect.provideService(Db, db)), position }
          })
        ),
      get: ({ params: { planId } }) =>
        answer(
          Effect.gen(function* () {
            const position = yield* log.head
            return { plan: yield* plans.load(planId), position }
          })
        ),
      give: ({ payload: { commandId, text, draft, dryRun = false, model } }) =>
        answer(
          Effect.gen(function* () {
            if ((text === undefined) === (draft === undefined))
              return yield* Effect.fail(new Invalid({ detail: "Give either text or draft." }))
            const by = yield* signed(commandId)
            const what =
              draft === undefined
                ? yield* meaning(text ?? "", model)
                : { draft, origin: { by: "draft" as const }, understood: [] }
            return shown(yield* plans.instruct({ dryRun, meaning: what, ...(text === undefined ? {} : { text }) }, by))
          })
        ),
      approve: ({ params: { planId }, payload: { commandId, ...said } }) =>
        Effect.gen(function* () {
          const actor = yield* CurrentActor
          const { plan } = yield* answer(plans.load(planId))
          const refusal = refusalOf(actor, plan === undefined ? "approve" : approvalNeeds(plan))
          if (refusal !== undefined) return yield* Effect.fail(new Forbidden({ detail: refusal }))
          const { role, alone } = actor
          return yield* answer(
            Effect.gen(function* () {
              return shown(yield* plans.approve(planId, said, { ...(yield* signed(commandId)), role, alone }))
            })
          )
        }),
      reject: ({ params: { planId }, payload: { commandId, reason } }) =>
        answer(Effect.flatMap(signed(commandId), (by) => Effect.map(plans.reject(planId, reason, by), shown))),
      cancel: ({ params: { planId }, payload: { commandId, reason } }) =>
        answer(Effect.flatMap(signed(commandId), (by) => Effect.map(plans.cancel(planId, reason, by), shown))),
      explain: ({ params: { planId }, payload: { commandId, model } }) =>
        answer(
          Effect.gen(function* () {
            const ref = model === undefined ? undefined : yield* catalog.resolve(model)
            return shown(yield* plans.explain(planId, ref, yield* signed(commandId)))
          })
        ),
      result: ({ params: { planId, commandId } }) =>
        answer(
          Effect.gen(function* () {
            const data = yield* plans.result(planId, commandId)
            return data === undefined
              ? yield* Effect.fail(
                  new NotFound({ what: commandId, detail: `${planId} has no answer of a command ${commandId}.` })
                )
              : { data }
          })
        )
    })
  })
)

export const ActionsRoutes = HttpApiBuilder.group(HubApi, "actions", (handlers) =>
  Effect.succeed(handlers.handleAll({ list: () => Effect.succeed({ actions: actionInfos }) }))
)

const signed = (commandId: string | undefined): Effect.Effect<PlanBy, never, CurrentActor> =>
  Effect.map(origin(commandId === undefined ? {} : { commandId }), (by) => ({ ...by, account: by.actor }))
