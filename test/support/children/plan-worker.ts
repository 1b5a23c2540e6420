/**
 * A worker that kills itself with SIGKILL at a named point of carrying out a plan. Settings come as JSON in CHILD.
 *
 * `leased`: the plan is its own and nothing was done. `before/N`, `after/N`: before and after its Nth append of moves.
 */
import { flushCompileCache } from "node:module"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer, Logger, Schema } from "effect"
import { Fleet, type FleetMember } from "@signalbox/core/agent/Fleet.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { PlanTail } from "@signalbox/core/plan/PlanTail.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { Leases } from "@signalbox/core/queue/Lease.ts"
import { PlanCommands } from "@signalbox/worker/plan/PlanCommands.ts"
import { PlanRuns } from "@signalbox/worker/plan/PlanRuns.ts"
import { runWorker, workerServices } from "@signalbox/worker/Worker.ts"
import { withoutModels } from "../models.ts"
import { member } from "../fleet.ts"

flushCompileCache() // of a child that is killed nothing is kept (`temporary.ts` says where)

const Settings = Schema.Struct({
  url: Schema.String,
  home: Schema.String,
  point: Schema.String,
  hosts: Schema.Array(Schema.String)
})
const settings = Schema.decodeUnknownSync(Schema.fromJsonString(Settings))(process.env["CHILD"])

const die = Effect.sync(() => process.kill(process.pid, "SIGKILL")).pipe(Effect.andThen(Effect.never))
const dieAt = (point: string): Effect.Effect<void> => (settings.point === point ? die : Effect.void)

const MortalCommands = Layer.effect(
  PlanCommands,
  Effect.map(PlanCommands, (commands) => {
    let nth = 0
    return PlanCommands.of({
      ...commands,
      run: (planId, command, seen) =>
        Effect.suspend(() => {
          if (
            command._tag !== "Advance" ||
            command.moves.some((move) => "purpose" in move && move.purpose === "before")
          )
            return commands.run(planId, command, seen)
          const turn = ++nth
          return Effect.andThen(
            dieAt(`before/${turn}`),
            Effect.tap(commands.run(planId, command, seen), () => dieAt(`after/${turn}`))
          )
        })
    })
  })
)
const MortalLeases = Layer.effect(
  Leases,
  Effect.map(Leases, (leases) => ({
    ...leases,
    withLease: (name, options, effect) =>
      leases.withLease(name, options, (lease) =>
        Effect.andThen(name.startsWith("plan/") ? dieAt("leased") : Effect.void, effect(lease))
      )
  }))
)

const members: ReadonlyArray<FleetMember> = settings.hosts.map((host) => member(host, { tags: ["web"] }))
const fleet = Layer.succeed(Fleet, { members: Effect.succeed(members) })
// as a layer of its own: the worker's services hold the one that does not die
const services = Layer.fresh(PlanRuns.layer).pipe(
  Layer.provideMerge(Layer.mergeAll(MortalLeases, MortalCommands)),
  Layer.provideMerge(Layer.merge(PlanTail.layer, fleet)),
  Layer.provideMerge(workerServices({ name: `mortal-${process.pid}`, localHome: settings.home, fleet })),
  Layer.provideMerge(withoutModels),
  Layer.provideMerge(eventLogLayer),
  Layer.provideMerge(Db.layer(settings.url)),
  Layer.provideMerge(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)]))
)

NodeRuntime.runMain(runWorker.pipe(Effect.provide(services)))
