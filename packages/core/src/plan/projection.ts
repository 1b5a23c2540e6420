/** The read models of plans: `read.plan`, and the commands of all plans by agent in `read.plan_command`. */
import { Effect } from "effect"
import type { RecordedEvent } from "../log/Event.ts"
import { Db } from "../postgres/Db.ts"
import type { Projection } from "../projection/Projection.ts"
import { viewProjection } from "../projection/view-projection.ts"
import { briefPlan } from "./brief.ts"
import { planEvents, planIdOf } from "./events.ts"
import { evolvePlan } from "./evolve.ts"
import { PlanView } from "./view.ts"

export const planProjection: Projection = viewProjection({
  name: "plan",
  version: 1,
  prefix: "plan/",
  table: "plan",
  types: planEvents,
  schema: PlanView,
  initial: () => undefined,
  evolve: evolvePlan,
  brief: briefPlan
})

const ends = ["StepSucceeded", "StepFailed", "StepRolledBack", "StepRefused", "StepOutcomeUnknown", "StepExpired"]

/** An outcome that only the deadline said leaves the command open: its agent may still tell. */
export const planCommandProjection: Projection = {
  name: "plan-command",
  version: 1,
  tables: ["plan_command"],
  types: ["StepDispatched", ...ends],
  apply: (events) =>
    Effect.gen(function* () {
      const db = yield* Db
      const dispatched: Array<object> = []
      const over = new Set<string>()
      for (const event of events) {
        const decoded = yield* Effect.fromResult(planEvents.decode(event))
        if (decoded === undefined) continue
        if (decoded._tag === "StepDispatched") dispatched.push(rowOf(event, decoded))
        else if ("said" in decoded && decoded.said === "agent") over.add(decoded.commandId)
      }
      if (dispatched.length > 0)
        yield* db.query(
          "write plan_command",
          (sql) => sql`
            insert into plan_command (command_id, plan_id, step, purpose, agent_id, target_id, version, deadline, over)
            select command_id, plan_id, step, purpose, agent_id, target_id, version, deadline, false
            from json_to_recordset(${JSON.stringify(dispatched)}::text::json) as r (command_id uuid, plan_id text, step int,
              purpose text, agent_id text, target_id text, version int, deadline bigint)
            on conflict (command_id) do nothing`
        )
      if (over.size > 0)
        yield* db.query(
          "close plan_command",
          (sql) => sql`update plan_command set over = true where command_id in ${sql([...over])}`
        )
    })
}

const rowOf = (
  { stream, version }: RecordedEvent,
  event: {
    readonly commandId: string
    readonly step: number
    readonly purpose: string
    readonly agentId: string
    readonly targetId?: string
    readonly deadline: number
  }
) => ({
  command_id: event.commandId,
  plan_id: planIdOf(stream),
  step: event.step,
  purpose: event.purpose,
  agent_id: event.agentId,
  target_id: event.targetId ?? null,
  version,
  deadline: event.deadline
})
