/**
 * What a worker says about plans.
 *
 * Owns: the worker's actor name. Does not own: the rules (core's plan decider).
 * Invariant: command ids are new each time: what is said twice is told by the plan's state, and decided on the newest one.
 */
import { randomUUID } from "node:crypto"
import { Context, Effect, Layer } from "effect"
import { Commands, type ExecuteError } from "@signalbox/core/log/Commands.ts"
import type { PlanCommand } from "@signalbox/core/plan/decider.ts"
import { planEvents, planStream } from "@signalbox/core/plan/events.ts"
import { planDecider } from "@signalbox/core/plan/room.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import { Leases } from "@signalbox/core/queue/Lease.ts"

export class PlanCommands extends Context.Service<
  PlanCommands,
  {
    /**
     * @param seen the plan as it was heard of a moment ago: it need not be read once more
     * @returns the plan after it
     */
    readonly run: (
      planId: string,
      command: PlanCommand,
      seen?: PlanView
    ) => Effect.Effect<PlanView | undefined, ExecuteError>
    /** The plan as the log has it now. */
    readonly load: (planId: string) => Effect.Effect<PlanView | undefined, ExecuteError>
  }
>()("@signalbox/worker/plan/PlanCommands") {
  static readonly layer: Layer.Layer<PlanCommands, never, Commands | Leases> = Layer.effect(
    PlanCommands,
    Effect.gen(function* () {
      const commands = yield* Commands
      const { holder } = yield* Leases
      return PlanCommands.of({
        load: (planId) =>
          Effect.map(commands.load(planDecider, planEvents, planStream(planId)), (loaded) => loaded.state),
        run: (planId, command, seen) =>
          Effect.map(
            commands.execute({
              decider: planDecider,
              types: planEvents,
              stream: planStream(planId),
              command,
              commandId: randomUUID(),
              actor: `worker:${holder}`,
              ...(seen === undefined ? {} : { seen: { state: seen, version: seen.version } })
            }),
            (executed) => executed.state
          )
      })
    })
  )
}
