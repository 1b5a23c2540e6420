/**
 * What an approval is bound to: the hash of one frozen plan of one requester.
 *
 * Owns: which parts are hashed. Does not own: canonical JSON (`agent/canonical.ts`), the short code for people (`code.ts`).
 * Invariants: everything of the plan is in it, so nothing of an approved plan can change; the order of keys is not.
 */
import { Schema } from "effect"
import { canonicalHash } from "../agent/canonical.ts"
import { Plan } from "./plan.ts"

/** As the log stores it. */
export const encodedPlan = Schema.encodeSync(Schema.toCodecJson(Plan))

/** @param by the account whose plan it is */
export const planHash = (planId: string, by: string, plan: Plan): string =>
  canonicalHash({ v: 1, planId, by, plan: encodedPlan(plan) })
