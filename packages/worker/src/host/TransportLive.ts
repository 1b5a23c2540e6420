/** The one `Transport` of a worker: this machine or SSH, by the host's kind. */
import { Effect, Layer, Stream } from "effect"
import { type LocalOptions, makeLocalTransport } from "./LocalTransport.ts"
import { makeSshTransport, type SshOptions } from "./SshTransport.ts"
import { Transport } from "./Transport.ts"

export interface TransportOptions {
  /** The id of the log whose tasks are run: a UUID. */
  readonly log: string
  readonly ssh: SshOptions
  readonly local?: LocalOptions
}

export const transportLayer = (options: TransportOptions): Layer.Layer<Transport> =>
  Layer.effect(
    Transport,
    Effect.gen(function* () {
      const ssh = yield* makeSshTransport(options.ssh)
      const local = makeLocalTransport(options.local ?? {})
      // Several logs may use the same user of a host: whatever runs there is told whose it is.
      const named = (command: string): string => `export SIGNALBOX_LOG=${options.log}; ${command}`
      return Transport.of({
        exec: (host, command, how) => (host.kind === "local" ? local : ssh).exec(host, named(command), how),
        stream: (host, command, how) =>
          Stream.suspend(() => (host.kind === "local" ? local : ssh).stream(host, named(command), how)),
        open: (host, command) => (host.kind === "local" ? local : ssh).open(host, named(command)),
        offeredKey: (host) => (host.kind === "local" ? local : ssh).offeredKey(host),
        retryNow: ssh.retryNow,
        reconfigured: ssh.reconfigured
      })
    })
  )
