/**
 * The part of the HTTP contract that is about plans and the catalogue of actions.
 *
 * Owns: paths, payloads and limits. Does not own: a plan's life (plan room), who may do what (accounts).
 */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { Risk } from "../action/Action.ts"
import { PlanId, SaidInstruction } from "../plan/events.ts"
import { Draft } from "../plan/plan.ts"
import { PlanStatus, PlanView } from "../plan/view.ts"
import { Auth, command, failures, Limit, Needs } from "./auth.ts"
import { Invalid, Unavailable } from "./problems.ts"

const Done = Schema.Struct({ planId: PlanId, position: Schema.Int, plan: PlanView }).annotate({
  identifier: "PlanAnswer"
})
const Reason = Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(1_000)))
const one = { params: { planId: PlanId } }

/** An entry of the catalogue, for people and programs. */
export const ActionInfo = Schema.Struct({
  name: Schema.String,
  title: Schema.String,
  description: Schema.String,
  effect: Schema.Literals(["reads", "acts"]),
  risk: Risk,
  proof: Schema.String,
  undo: Schema.String,
  optIn: Schema.Boolean,
  /** JSON schema of its arguments. */
  args: Schema.Json
}).annotate({ identifier: "ActionInfo" })
export type ActionInfo = typeof ActionInfo.Type

export class PlansGroup extends HttpApiGroup.make("plans")
  .add(
    /** Newest first; contents of files and what was read are left out, `get` has them. */
    HttpApiEndpoint.get("list", "/", {
      query: {
        status: Schema.optionalKey(Schema.Array(PlanStatus)),
        /** Only plans made before this one: the next page. */
        before: Schema.optionalKey(PlanId),
        limit: Schema.optionalKey(Limit)
      },
      success: Schema.Struct({ plans: Schema.Array(PlanView), position: Schema.Int }),
      error: [Invalid, Unavailable]
    }).annotate(Needs, "read"),
    /** As the log has it now. */
    HttpApiEndpoint.get("get", "/:planId", {
      ...one,
      success: Schema.Struct({ plan: PlanView, position: Schema.Int }),
      error: failures
    }).annotate(Needs, "read"),
    /**
     * An instruction in words, or a draft. The answer is a plan that was proposed (what only reads is approved at once), one that was not
     * understood, or one for which a model is being asked: follow its stream `plan/<id>` from `position`.
     */
    HttpApiEndpoint.post("give", "/", {
      payload: Schema.Struct({
        ...command,
        text: Schema.optionalKey(SaidInstruction),
        draft: Schema.optionalKey(Draft),
        /** Nothing is carried out, nothing can be approved. */
        dryRun: Schema.optionalKey(Schema.Boolean),
        /** Which model to ask where the phrasebook does not understand; default the current one. */
        model: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(240)))
      }),
      success: Done.pipe(HttpApiSchema.status(201)),
      error: failures
    }).annotate(Needs, "instruct"),
    /** `hash`: of exactly what was looked at. `code`: the short code, where it has to be typed. */
    HttpApiEndpoint.post("approve", "/:planId/approve", {
      ...one,
      payload: Schema.Struct({
        ...command,
        hash: Schema.String.check(Schema.isMaxLength(100)),
        code: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(100)))
      }),
      success: Done,
      error: failures
    }).annotate(Needs, "approve"),
    HttpApiEndpoint.post("reject", "/:planId/reject", {
      ...one,
      payload: Schema.Struct({ ...command, reason: Reason }),
      success: Done,
      error: failures
    }).annotate(Needs, "instruct"),
    /** What has begun comes to its end, nothing further begins. */
    HttpApiEndpoint.post("cancel", "/:planId/cancel", {
      ...one,
      payload: Schema.Struct({ ...command, reason: Reason }),
      success: Done,
      error: failures
    }).annotate(Needs, "instruct"),
    /**
     * A model, without tools, looks through the logs that the plan read; secrets are taken out before. Its findings are in the plan's
     * `explanation` once `status` there is not `asked` any more: follow the stream `plan/<id>` from `position`.
     */
    HttpApiEndpoint.post("explain", "/:planId/explain", {
      ...one,
      payload: Schema.Struct({
        ...command,
        model: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(240)))
      }),
      success: Done,
      error: failures
    }).annotate(Needs, "instruct"),
    /** The whole answer of one command on one host. */
    HttpApiEndpoint.get("result", "/:planId/results/:commandId", {
      params: { planId: PlanId, commandId: Schema.String.check(Schema.isUUID()) },
      success: Schema.Struct({ data: Schema.Json }),
      error: failures
    }).annotate(Needs, "read")
  )
  .middleware(Auth)
  .prefix("/api/v1/plans") {}

export class ActionsGroup extends HttpApiGroup.make("actions")
  .add(
    HttpApiEndpoint.get("list", "/", {
      success: Schema.Struct({ actions: Schema.Array(ActionInfo) })
    }).annotate(Needs, "read")
  )
  .middleware(Auth)
  .prefix("/api/v1/actions") {}
