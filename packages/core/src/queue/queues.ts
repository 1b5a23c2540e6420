/**
 * Every queue, as a table: what runs in it and how patient we are with it.
 *
 * Invariant: retries here are crash recovery. Whether a task is tried again is decided in the log.
 */
import { queue, type QueueDefinition } from "./Queue.ts"

export const queues = {
  /** Grants slots and starts what may start. Milliseconds. */
  dispatch: queue("task.dispatch", { concurrency: 4, expireSeconds: 60, retryLimit: 100, retryDelayMaxSeconds: 30 }),
  /** Writes files and starts tmux on a host. Seconds; a host that does not answer is tried for about two minutes. */
  launch: queue("task.launch", {
    concurrency: 16,
    expireSeconds: 120,
    retryLimit: 6,
    retryDelaySeconds: 2,
    retryDelayMaxSeconds: 30
  }),
  /** TERM, grace, KILL. As long as the grace; tried until the host is back. */
  kill: queue("task.kill", {
    concurrency: 16,
    expireSeconds: 900,
    retryLimit: 200,
    retryDelaySeconds: 2,
    retryDelayMaxSeconds: 60
  }),
  /** Types what a person says; a host or program that does not take it is tried for about ten minutes. */
  message: queue("task.message", {
    concurrency: 16,
    expireSeconds: 90,
    retryLimit: 20,
    retryDelaySeconds: 1,
    retryDelayMaxSeconds: 45
  }),
  /** Tells the world that a task has ended; a target that does not answer is tried for about half an hour. */
  notify: queue("task.notify", {
    concurrency: 4,
    expireSeconds: 120,
    retryLimit: 12,
    retryDelaySeconds: 2,
    retryDelayMaxSeconds: 300
  }),
  /** Asks a model and streams its reply. Minutes; what was asked once is never asked again by a retry. */
  reply: queue("conversation.reply", {
    concurrency: 32,
    expireSeconds: 3600,
    retryLimit: 100,
    retryDelaySeconds: 1,
    retryDelayMaxSeconds: 30
  }),
  /** Has a model summarize a conversation's past. */
  summary: queue("conversation.summary", { concurrency: 4, expireSeconds: 900, retryLimit: 20, retryDelaySeconds: 1 }),
  /** Looks at a host, pins keys. */
  host: queue("host.visit", { concurrency: 8, expireSeconds: 120, retryLimit: 3, retryDelaySeconds: 1 }),
  /** Asks a model for the plan of an instruction. What was asked once is never asked again by a retry. */
  planPropose: queue("plan.propose", { concurrency: 8, expireSeconds: 900, retryLimit: 20, retryDelaySeconds: 1 }),
  /** Has a model look through logs. */
  planExplain: queue("plan.explain", { concurrency: 4, expireSeconds: 900, retryLimit: 20, retryDelaySeconds: 1 }),
  /** Makes a host an agent: a Node of 100 MB may have to go there. */
  hostPrepare: queue("host.prepare", { concurrency: 8, expireSeconds: 900, retryLimit: 2, retryDelaySeconds: 1 }),
  /** Carries a plan out, as long as that takes. Whoever takes over goes on where the log says it is. */
  planRun: queue("plan.run", {
    concurrency: 64,
    expireSeconds: 86_400,
    retryLimit: 1_000,
    retryDelaySeconds: 1,
    retryDelayMaxSeconds: 10
  }),
  /** Looks at what a proposed plan would find; lets it expire. */
  planProposal: queue("plan.proposal", {
    concurrency: 16,
    expireSeconds: 60,
    retryLimit: 100,
    retryDelayMaxSeconds: 30
  }),
  /** Fires schedules at their minute. */
  schedule: queue("schedule.tick", { concurrency: 2, expireSeconds: 60, retryLimit: 100, retryDelayMaxSeconds: 30 })
} as const satisfies Record<string, QueueDefinition>
