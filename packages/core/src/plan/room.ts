/** The plan room as one value, for `Commands.execute`. */
import type { Decider } from "../log/Decider.ts"
import { decidePlan, type PlanCommand, type PlanRejection } from "./decider.ts"
import type { PlanEvent } from "./events.ts"
import { evolvePlan } from "./evolve.ts"
import type { PlanView } from "./view.ts"

export const planDecider: Decider<PlanView | undefined, PlanCommand, PlanEvent, PlanRejection> = {
  initial: undefined,
  evolve: evolvePlan,
  decide: decidePlan
}
