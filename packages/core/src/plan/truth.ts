/**
 * Three-valued logic: what cannot be known is neither true nor false.
 *
 * Invariant: `unknown` becomes `true` or `false` only where the other parts decide alone (false and anything, true or anything).
 */
import type { Finding } from "./events.ts"

export type Truth = Finding["answer"]

export const truthOf = (holds: boolean): Truth => (holds ? "true" : "false")
export const not = (one: Truth): Truth => (one === "unknown" ? one : truthOf(one === "false"))
export const all = (of: ReadonlyArray<Truth>): Truth =>
  of.includes("false") ? "false" : of.includes("unknown") ? "unknown" : "true"
export const any = (of: ReadonlyArray<Truth>): Truth =>
  of.includes("true") ? "true" : of.includes("unknown") ? "unknown" : "false"
