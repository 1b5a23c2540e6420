/** The one `Transport` of a worker: this machine or SSH, by the host's kind. */
import { Effect, Layer, Stream } from "effect"
import { type LocalOptions, makeLocalTransport } from "./LocalTransport.ts"
import { makeSshTransport, type SshOptions } from "./SshTransport.ts"
import { Transport } from "./Transport.ts"

export interface TransportOptions {
  readonly ssh: SshOptions
  readonly local?: LocalOptions
}

export const transportLayer = (options: TransportOptions): Layer.Layer<Transport> =>
  Layer.effect(
    Transport,
    Effect.gen(function* () {
      const ssh = yield* makeSshTransport(options.ssh)
      const local = makeLocalTransport(options.local ?? {})
      return Transport.of({
        exec: (host, command, how) => (host.kind === "local" ? local : ssh).exec(host, command, how),
        stream: (host, command, how) =>
          Stream.suspend(() => (host.kind === "local" ? local : ssh).stream(host, command, how)),
        open: (host, command) => (host.kind === "local" ? local : ssh).open(host, command),
        offeredKey: (host) => (host.kind === "local" ? local : ssh).offeredKey(host),
        retryNow: ssh.retryNow
      })
    })
  )
