/**
 * What one action of the catalogue is: data, from which plans, risk, help, the model's tool schema and the agents' checks derive.
 *
 * Owns: the shape of an entry and the order of risks. Does not own: the entries (`catalog.ts`), how one is carried out (agent), who
 * must agree (plan room).
 * Invariants: an entry holds no shell text; what is not in the catalogue has the highest risk and is never carried out.
 */
import { Schema } from "effect"
import { risks } from "./risks.ts"

export const Risk = Schema.Literals(risks)
export type Risk = typeof Risk.Type

export const highest = (...of: ReadonlyArray<Risk>): Risk =>
  of.reduce((top, one) => (risks.indexOf(one) > risks.indexOf(top) ? one : top), "low")
export const raised = (risk: Risk): Risk => risks[Math.min(risks.indexOf(risk) + 1, risks.length - 1)] ?? "critical"

/** Why a step has the risk it has: the catalogue's base, then each rule that raised it. */
export const RiskReason = Schema.Struct({ risk: Risk, reason: Schema.String })
export type RiskReason = typeof RiskReason.Type

export interface Action<Args> {
  readonly title: string
  readonly description: string
  readonly args: Schema.Codec<Args, unknown>
  /** `reads` changes nothing on the host. */
  readonly effect: "reads" | "acts"
  readonly risk: Risk
  /** What these arguments add to the base, whatever the target. */
  readonly raises?: (args: Args) => ReadonlyArray<RiskReason>
  /** Carried out by the root helper, or by the agent's own unprivileged process. */
  readonly privilege: "agent" | "root"
  /** A read-only action that is looked at before, shown with the plan. */
  readonly before?: string
  /** How success is shown after the act, in words for people. The exit code of a program alone is never the proof. */
  readonly proof: string
  /** How it is taken back, in words; "none" is said to whoever approves. */
  readonly undo: string
  readonly timeoutMs: number
  /** Acts with the same key on one host wait for each other; reads never wait. */
  readonly key?: (args: Args) => string
  /** Arguments that are free text: they may hold anything, so the log holds only what they look like with secrets masked. */
  readonly free?: ReadonlyArray<string>
  /** Off unless the host's agent was told to allow it. */
  readonly optIn?: true
}
