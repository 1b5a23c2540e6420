/**
 * Who must agree before a plan is carried out, as one table.
 *
 * Owns: what each risk asks for, how long a proposal stands, and the judgment of one approval. Does not own: risks (`risk.ts`), accounts
 * and their roles, the rest of a plan's life (`decider.ts`).
 * Invariants: pure, and without schemas, because what is typed most is shown at once; only what changes nothing goes without anybody; every refusal says why and what would help.
 */
import { type AccountRole, type Permission, permissions, reaches } from "../account/permissions.ts"
import type { Risk } from "../action/Action.ts"
import type { Plan } from "./plan.ts"
import { effectOf } from "../action/told.ts"
import { isShortCode } from "./code.ts"

export interface Gate {
  /** `none`: it runs at once. `confirm`: somebody says yes. `second`: somebody else than who asked for it. */
  readonly approval: "none" | "confirm" | "second"
  /** The short code has to be typed. */
  readonly typed: boolean
  readonly role: AccountRole
  readonly minutes: number
}

const gates: Readonly<Record<Risk, Gate>> = {
  low: { approval: "confirm", typed: false, role: permissions.approve.role, minutes: 15 },
  medium: { approval: "confirm", typed: false, role: permissions.approve.role, minutes: 15 },
  high: { approval: "confirm", typed: false, role: permissions.approveHigh.role, minutes: 10 },
  critical: { approval: "second", typed: true, role: permissions.approveHigh.role, minutes: 5 }
}

export const readsOnly = (steps: ReadonlyArray<{ readonly action: string }>): boolean =>
  steps.every((step) => effectOf(step.action) === "reads")

/** What of a plan decides it. */
type Judged = Pick<Plan, "risk"> & { readonly steps: ReadonlyArray<{ readonly action: string }> }

export const gateOf = (plan: Judged): Gate =>
  plan.risk === "low" && readsOnly(plan.steps) ? { ...gates.low, approval: "none" } : gates[plan.risk]

/** What whoever approves it must be permitted. */
export const approvalNeeds = (plan: Judged): Permission =>
  gateOf(plan).role === permissions.approve.role ? "approve" : "approveHigh"

export const standsFor = (risk: Risk): number => gates[risk].minutes * 60_000

/** Who approves, as the edge knows him. */
export interface Approval {
  readonly by: string
  readonly role: AccountRole
  /** There is nobody else: the only account of this installation. */
  readonly alone: boolean
  readonly code?: string
}

/** @returns why this approval does not do, in one sentence; undefined when it does */
export const approvalFault = (
  proposal: { readonly plan: Plan; readonly hash: string; readonly by: string },
  { by, role, alone, code }: Approval
): string | undefined => {
  const gate = gateOf(proposal.plan)
  const { risk } = proposal.plan
  if (!reaches(role, gate.role))
    return `A plan of ${risk} risk is approved by an account with the role ${gate.role}; ${by} is ${role}.`
  if (gate.approval === "second" && !alone && by === proposal.by)
    return `A plan of critical risk is approved by somebody else than who asked for it, and ${by} did.`
  if (gate.typed && (code === undefined || !isShortCode(code, proposal.hash)))
    return `A plan of critical risk is approved by typing the short code that is shown with it${code === undefined ? "" : `, and ${JSON.stringify(code.slice(0, 20))} is not it`}.`
  return undefined
}
