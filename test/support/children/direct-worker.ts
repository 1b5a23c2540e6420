/**
 * A worker that kills itself with SIGKILL at a named point of a direct launch. Settings come as JSON in CHILD.
 *
 * `here`: the host has answered. `taken`: the slot is its own. `staged`: the host has the files, and the launch is marked as sent.
 * `dispatched`: TaskDispatched is in the log. `go`: all that, and the last word was not said. `sent`: the host has answered, and
 * nobody was told.
 */
import { flushCompileCache } from "node:module"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer, Logger, Option, Schema } from "effect"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { Slots } from "@signalbox/core/queue/Slots.ts"
import { Standby } from "@signalbox/worker/host/Standby.ts"
import { TaskCommands } from "@signalbox/worker/task/TaskCommands.ts"
import { runWorker, workerServices } from "@signalbox/worker/Worker.ts"
import { withoutModels } from "../models.ts"

flushCompileCache() // of a child that is killed nothing is kept (`temporary.ts` says where)

const Settings = Schema.Struct({
  url: Schema.String,
  home: Schema.String,
  point: Schema.Literals(["here", "taken", "staged", "dispatched", "go", "sent"])
})
const settings = Schema.decodeUnknownSync(Schema.fromJsonString(Settings))(process.env["CHILD"])

const die = Effect.sync(() => process.kill(process.pid, "SIGKILL")).pipe(Effect.andThen(Effect.never))
const dieAt = (point: typeof settings.point): Effect.Effect<void> => (settings.point === point ? die : Effect.void)

const Mortal = Layer.effectContext(
  Effect.gen(function* () {
    const [slots, commands, standby] = [yield* Slots, yield* TaskCommands, yield* Standby]
    return Layer.mergeAll(
      Layer.succeed(Slots, {
        ...slots,
        take: (host, wanted) => Effect.tap(slots.take(host, wanted), () => dieAt("taken"))
      }),
      Layer.succeed(TaskCommands, {
        ...commands,
        dispatchDirectly: (task) => Effect.tap(commands.dispatchDirectly(task), () => dieAt("dispatched"))
      }),
      Layer.succeed(Standby, {
        ...standby,
        take: (host) =>
          Effect.map(
            standby.take(host),
            Option.map((launcher) => ({
              ...launcher,
              here: Effect.tap(launcher.here, () => dieAt("here")),
              stage: (taskId, files) =>
                launcher.stage(taskId, files).pipe(
                  Effect.tap(() => dieAt("staged")),
                  Effect.map(({ launch }) => ({
                    launch: Effect.andThen(
                      dieAt("go"),
                      Effect.tap(launch, () => dieAt("sent"))
                    )
                  }))
                )
            }))
          )
      })
    )
  }).pipe(Effect.flatMap(Layer.build))
)

const services = Mortal.pipe(
  Layer.provideMerge(workerServices({ name: `mortal-${process.pid}`, localHome: settings.home })),
  Layer.provideMerge(withoutModels),
  Layer.provideMerge(eventLogLayer),
  Layer.provideMerge(Db.layer(settings.url)),
  Layer.provideMerge(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)]))
)

NodeRuntime.runMain(runWorker.pipe(Effect.provide(services)))
