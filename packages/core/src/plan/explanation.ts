/**
 * What a model found in the logs that a plan read: findings, in one fixed shape.
 *
 * Owns: those schemas. Does not own: how a model is asked (`explaining.ts`), the events around it (`events.ts`).
 * Invariant: a finding is text to show; nothing acts on it.
 */
import { Schema } from "effect"

export const Finding = Schema.Struct({
  kind: Schema.Literals(["error", "crash", "security", "resource", "network", "configuration", "other"]),
  unit: Schema.String.check(Schema.isMaxLength(200)),
  count: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })),
  /** One line of the logs, as it stood there after secrets were taken out. */
  quote: Schema.String.check(Schema.isMaxLength(700))
}).annotate({ identifier: "LogFinding" })
export type LogFinding = typeof Finding.Type
