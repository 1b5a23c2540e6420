/**
 * What a look at a host found. Owns: the schema shared by `host check` (worker), the API and the screens.
 * Invariant: "missing" and "could not look" are different: a part that could not be read is absent.
 */
import { Schema } from "effect"

export const HostReport = Schema.Struct({
  reachable: Schema.Boolean,
  /** Why not reachable, with the mend. */
  problem: Schema.optionalKey(Schema.String),
  latencyMs: Schema.optionalKey(Schema.Finite),
  os: Schema.optionalKey(Schema.String),
  kernel: Schema.optionalKey(Schema.String),
  user: Schema.optionalKey(Schema.String),
  root: Schema.optionalKey(Schema.Boolean),
  bootId: Schema.optionalKey(Schema.String),
  uptimeSeconds: Schema.optionalKey(Schema.Finite),
  load: Schema.optionalKey(Schema.Array(Schema.Finite)),
  cpus: Schema.optionalKey(Schema.Int),
  memoryTotalBytes: Schema.optionalKey(Schema.Int),
  memoryAvailableBytes: Schema.optionalKey(Schema.Int),
  diskFreeBytes: Schema.optionalKey(Schema.Int),
  /** Version, or null when tmux is missing. */
  tmux: Schema.optionalKey(Schema.NullOr(Schema.String)),
  tools: Schema.optionalKey(
    Schema.Array(Schema.Struct({ name: Schema.String, version: Schema.NullOr(Schema.String) }))
  ),
  sessions: Schema.optionalKey(Schema.Int),
  warnings: Schema.Array(Schema.String)
}).annotate({ identifier: "HostReport" })
export type HostReport = typeof HostReport.Type
