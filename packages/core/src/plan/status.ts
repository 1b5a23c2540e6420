/** The statuses of a plan and of its targets, as words alone: `view.ts` has the schemas, `evolve.ts` the fold. Imports nothing. */
export const planStatuses = [
  "asked",
  "not-understood",
  "previewed",
  "proposed",
  "approved",
  "running",
  "rejected",
  "expired",
  "succeeded",
  "failed",
  "unknown",
  "cancelled",
  "skipped"
] as const

/** `asking`: its condition is being looked at. `accepted`: its agent has begun. */
export const targetStates = [
  "waiting",
  "asking",
  "dispatched",
  "accepted",
  "succeeded",
  "failed",
  "rolled-back",
  "refused",
  "expired",
  "unknown",
  "skipped"
] as const
