/**
 * What an approval is bound to: the hash of one frozen plan of one requester, and its short code for people.
 *
 * Owns: which parts are hashed, the code and how a typed one is compared. Does not own: canonical JSON (`agent/canonical.ts`).
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

/** First and last four digits, as screens show the hash: 9c41-e07a. */
export const shortCode = (hash: string): string => `${hash.slice(0, 4)}-${hash.slice(-4)}`

/** As people type it: 9C41 E07A, 9c41…e07a, 9c41e07a. */
export const isShortCode = (typed: string, hash: string): boolean =>
  typed.toLowerCase().replaceAll(/[\s.…_-]/gu, "") === shortCode(hash).replace("-", "")
