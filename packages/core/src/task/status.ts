/** The statuses of a task, as words alone: `view.ts` has the schema, the groups and the fold. Imports nothing. */
export const taskStatuses = [
  "queued",
  "starting",
  "running",
  "waiting",
  "succeeded",
  "failed",
  "killed",
  "timed_out",
  "interrupted",
  "lost",
  "unknown"
] as const
