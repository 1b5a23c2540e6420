/**
 * That this hub lives, as other hubs and workers see it; and the end of its sockets before the server ends.
 *
 * Does not own: the table (core's `agent/presence.ts`), the sockets.
 * Invariant: built after the server and so released before it.
 */
import { Effect, Layer, Schedule } from "effect"
import { hubBeatMillis, hubEnds, hubLives } from "@signalbox/core/agent/presence.ts"
import { AgentSockets } from "./AgentSockets.ts"
import { HubSelf } from "./HubSelf.ts"

export const announceHub = Layer.effectDiscard(
  Effect.gen(function* () {
    const { id, machineId } = yield* HubSelf
    const beat = hubLives({ id, machineId }).pipe(
      Effect.catch((error) => Effect.logDebug(`that this hub lives was not said: ${error.message}`))
    )
    yield* Effect.addFinalizer(() => Effect.ignore(Effect.timeoutOption(hubEnds(id), "2 seconds")))
    yield* beat
    yield* Effect.forkScoped(Effect.repeat(beat, Schedule.spaced(hubBeatMillis)))
  })
)

export const endSockets = Layer.effectDiscard(
  Effect.acquireRelease(AgentSockets, (sockets) => sockets.close("the hub stops"))
)
