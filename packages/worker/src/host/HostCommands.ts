/** What a worker says about hosts: checks and keys. The same rules of ids as for tasks, see `task/TaskCommands.ts`. */
import { Context, Effect, Layer } from "effect"
import { hostEvents, hostStream } from "@signalbox/core/host/events.ts"
import type { HostCommand } from "@signalbox/core/host/decider.ts"
import { hostDecider } from "@signalbox/core/host/room.ts"
import type { HostView } from "@signalbox/core/host/view.ts"
import { Commands, type ExecuteError } from "@signalbox/core/log/Commands.ts"
import { uuidV5 } from "@signalbox/core/projection/Reactor.ts"
import { Leases } from "@signalbox/core/queue/Lease.ts"

export class HostCommands extends Context.Service<
  HostCommands,
  {
    /** @param key names the fact within the host: "check/<position of the wish>" */
    readonly run: (name: string, command: HostCommand, key: string) => Effect.Effect<HostView | undefined, ExecuteError>
    readonly load: (name: string) => Effect.Effect<HostView | undefined, ExecuteError>
    /** As `load`, without those that were removed: hosts that something may be done on. */
    readonly find: (name: string) => Effect.Effect<HostView | undefined, ExecuteError>
  }
>()("@signalbox/worker/host/HostCommands") {
  static readonly layer: Layer.Layer<HostCommands, never, Commands | Leases> = Layer.effect(
    HostCommands,
    Effect.gen(function* () {
      const commands = yield* Commands
      const { holder } = yield* Leases
      const load = (name: string) =>
        Effect.map(commands.load(hostDecider(name), hostEvents, hostStream(name)), (loaded) => loaded.state)
      return HostCommands.of({
        load,
        find: (name) => Effect.map(load(name), (view) => (view?.removed === true ? undefined : view)),
        run: (name, command, key) =>
          Effect.map(
            commands.execute({
              decider: hostDecider(name),
              types: hostEvents,
              stream: hostStream(name),
              command,
              commandId: uuidV5(JSON.stringify(["host", name, key])),
              body: key,
              actor: `worker:${holder}`
            }),
            (executed) => executed.state
          )
      })
    })
  )
}
