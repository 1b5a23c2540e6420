/**
 * Heartbeats on their way into the tables, and this hub's own.
 *
 * Owns: gathering them, the hub's row, ending sessions of hubs that died, forgetting. Does not own: the tables (core's `agent/presence.ts`).
 * Invariants: one statement a second for however many agents, but the first heartbeat of a connection is written at once; what cannot be
 * written is dropped: the next one comes.
 */
import { randomUUID } from "node:crypto"
import { Context, Effect, Layer, Schedule } from "effect"
import { Agents } from "@signalbox/core/agent/Agents.ts"
import { type Beat, forgetOldSamples, orphanSessions, recordBeats } from "@signalbox/core/agent/presence.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"

const gatherFor = "1 second"
const lookForOrphans = "15 seconds"
const mostKnown = 100_000

export class Heartbeats extends Context.Service<Heartbeats, { readonly told: (beat: Beat) => Effect.Effect<void> }>()(
  "@signalbox/hub/agent/Heartbeats"
) {
  static readonly layer: Layer.Layer<Heartbeats, never, Agents | Db> = Layer.effect(
    Heartbeats,
    Effect.gen(function* () {
      const db = yield* Db
      const agents = yield* Agents
      const waiting = new Map<string, Beat>()
      const known = new Set<string>()

      const write = (beats: ReadonlyArray<Beat>) =>
        recordBeats(beats).pipe(
          Effect.provideService(Db, db),
          Effect.catch((error) => Effect.logDebug(`heartbeats were not recorded: ${error.message}`))
        )
      const flush = Effect.suspend(() => {
        if (waiting.size === 0) return Effect.void
        const beats = [...waiting.values()]
        waiting.clear()
        return write(beats)
      })
      yield* Effect.forkScoped(Effect.repeat(flush, Schedule.spaced(gatherFor)))

      const endOrphans = Effect.gen(function* () {
        for (const { agentId, session } of yield* orphanSessions)
          yield* agents.execute(
            agentId,
            { _tag: "Disconnect", session, reason: "the hub that held its connection has ended" },
            { commandId: randomUUID(), actor: "hub" }
          )
      }).pipe(
        Effect.provideService(Db, db),
        Effect.catch((error) => Effect.logDebug(`sessions of dead hubs were not ended: ${error.message}`))
      )
      yield* Effect.forkScoped(Effect.repeat(endOrphans, Schedule.spaced(lookForOrphans)))
      const forget = forgetOldSamples.pipe(Effect.provideService(Db, db), Effect.ignore)
      yield* Effect.forkScoped(Effect.repeat(forget, Schedule.spaced("10 minutes")))

      return Heartbeats.of({
        told: (beat) =>
          Effect.suspend(() => {
            if (known.has(beat.session)) return Effect.sync(() => void waiting.set(beat.agentId, beat))
            if (known.size > mostKnown) known.clear()
            known.add(beat.session)
            return write([beat])
          })
      })
    })
  )
}
