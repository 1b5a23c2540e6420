/**
 * Hosts by SSH: ssh2 behind the `Transport` interface.
 *
 * Owns: which connection a command uses (through jump hosts too) and how many commands at once. Does not own: dialing,
 * channels, output (their own files).
 * Invariants: at most 8 channels per connection (sshd's MaxSessions is 10 and counts ended ones a little longer); a jump
 * chain never loops.
 */
import { homedir } from "node:os"
import { join } from "node:path"
import type { HostConfig } from "@signalbox/core/host/config.ts"
import { Effect, type Scope, Semaphore, Stream } from "effect"
import { openChannel } from "./channel.ts"
import { type Connection, describeKey, dial, type Dialing, offeredKey } from "./dial.ts"
import { makePool } from "./Pool.ts"
import { follow, type Running, runToEnd } from "./process.ts"
import { type HostError, HostRefused, type Transport } from "./Transport.ts"

export interface SshOptions extends Partial<Dialing> {
  /** The configuration of a host by name, for `jump`. */
  readonly resolve: (name: string) => Effect.Effect<HostConfig | undefined>
}

const channelsPerConnection = 8
const longestJumpChain = 4

export const makeSshTransport = (options: SshOptions): Effect.Effect<Transport["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const around = dialing(options)
    const pool = yield* makePool
    const slots = new WeakMap<Connection, Semaphore.Semaphore>()
    /** The jump hosts by which each host was reached last. */
    const jumps = new Map<string, ReadonlyArray<string>>()

    /** `hops`: from the host itself to the one that is dialed first. */
    const connectBy = (hops: ReadonlyArray<HostConfig>): Effect.Effect<Connection | undefined, HostError> => {
      const [host, ...rest] = hops
      if (host === undefined) return Effect.succeed(undefined)
      return pool.get(
        host.name,
        JSON.stringify(hops.map(identity)),
        Effect.flatMap(connectBy(rest), (via) => dial(host, around, via))
      )
    }
    const connect = (host: HostConfig): Effect.Effect<Connection, HostError> =>
      Effect.gen(function* () {
        const hops = yield* hopsOf(host, options.resolve)
        const [, ...over] = hops
        jumps.set(
          host.name,
          over.map((hop) => hop.name)
        )
        return (yield* connectBy(hops)) ?? (yield* refuse(host, `${host.name} has no way to it`))
      })

    const reconfigured: Transport["Service"]["reconfigured"] = (name, now) =>
      Effect.gen(function* () {
        const hops = now === undefined ? undefined : yield* Effect.option(hopsOf(now, options.resolve))
        const wanted = hops?._tag === "Some" ? hops.value : []
        yield* pool.close(name, wanted.length === 0 ? undefined : JSON.stringify(wanted.map(identity)))
        // A jump host that is given as user@address is nobody's but that of those who go through it.
        const before = jumps.get(name) ?? []
        const [, ...after] = wanted.map((hop) => hop.name)
        if (after.length === 0) jumps.delete(name)
        else jumps.set(name, after)
        const used = new Set([...jumps.values()].flat())
        for (const jump of before) if (jump.includes("@") && !used.has(jump)) yield* pool.close(jump)
      })

    const slotsOf = (connection: Connection): Semaphore.Semaphore => {
      const found = slots.get(connection) ?? Semaphore.makeUnsafe(channelsPerConnection)
      slots.set(connection, found)
      return found
    }

    /** Its release stops the process, then gives the slot back. */
    const start = (host: HostConfig, command: string): Effect.Effect<Running, HostError, Scope.Scope> =>
      Effect.gen(function* () {
        const connection = yield* connect(host)
        yield* slotsOf(connection).takeScoped(1)
        return yield* Effect.acquireRelease(
          openChannel(connection, command),
          (running) => Effect.sync(() => running.stop()),
          {
            interruptible: true
          }
        )
      })

    return {
      exec: (host, command, how) => runToEnd(host.name, start(host, command), how),
      stream: (host, command, how) => Stream.scoped(follow(host.name, start(host, command), how?.input)),
      open: start,
      offeredKey: (host) =>
        Effect.gen(function* () {
          const [, ...jumps] = yield* hopsOf(host, options.resolve)
          return describeKey(yield* offeredKey(host, around, yield* connectBy(jumps)))
        }),
      retryNow: pool.retryNow,
      reconfigured
    }
  })

/** A connection of its own, for a process that only attaches. Closed with the scope. */
export const dialOnce = (host: HostConfig, options: SshOptions): Effect.Effect<Connection, HostError, Scope.Scope> => {
  const around = dialing(options)
  return Effect.gen(function* () {
    const [first, ...then] = (yield* hopsOf(host, options.resolve)).toReversed()
    const made = (one: HostConfig, via: Connection | undefined) =>
      Effect.acquireRelease(dial(one, around, via), (connection) => Effect.sync(() => connection.client.end()), {
        interruptible: true
      })
    let connection = yield* made(first ?? host, undefined)
    for (const hop of then) connection = yield* made(hop, connection)
    return connection
  })
}

const dialing = (options: SshOptions): Dialing => {
  const home = options.home ?? homedir()
  return {
    home,
    env: options.env ?? process.env,
    knownHosts: options.knownHosts ?? [
      join(home, ".ssh", "known_hosts"),
      join(home, ".ssh", "known_hosts2"),
      "/etc/ssh/ssh_known_hosts"
    ],
    readyTimeoutMs: options.readyTimeoutMs ?? 15_000,
    keepaliveMs: options.keepaliveMs ?? 5_000,
    keepaliveCount: options.keepaliveCount ?? 2
  }
}

/** What makes another connection necessary when it changes. */
const identity = (host: HostConfig): string =>
  JSON.stringify([
    host.address,
    host.port,
    host.user,
    host.keyFile,
    host.agent,
    host.passwordRef,
    host.jump,
    host.hostKeys
  ])

/** The host, its jump host, that one's jump host… Known before anything is dialed, so that a circle is seen and not walked. */
const hopsOf = (
  host: HostConfig,
  resolve: SshOptions["resolve"]
): Effect.Effect<readonly [HostConfig, ...Array<HostConfig>], HostError> =>
  Effect.gen(function* () {
    const hops: [HostConfig, ...Array<HostConfig>] = [host]
    for (let next = yield* jumpConfig(host, resolve); next !== undefined; next = yield* jumpConfig(next, resolve)) {
      if (hops.length > longestJumpChain || hops.some((hop) => hop.name === next?.name))
        return yield* refuse(
          host,
          `the jump hosts of ${host.name} lead in a circle or through more than ${longestJumpChain} hosts: change one with signalbox host edit ${next.name}`
        )
      hops.push(next)
    }
    return hops
  })

const jumpConfig = (
  host: HostConfig,
  resolve: SshOptions["resolve"]
): Effect.Effect<HostConfig | undefined, HostError> =>
  Effect.gen(function* () {
    const jump = host.jump
    if (jump === undefined || jump === "") return undefined
    const direct = /^([^@\s]+)@(\[[^\]\s]+\]|[^:@\s]+)(?::(\d{1,5}))?$/u.exec(jump)
    if (direct !== null) {
      const [, user = "", address = "", port] = direct
      // The same proofs as for the host behind it, but its own host key.
      const { displayName: _shown, jump: _jump, user: _user, ...rest } = host
      return {
        ...rest,
        name: jump,
        user,
        address: address.replace(/^\[|\]$/gu, ""),
        port: port === undefined ? 22 : Number(port),
        hostKeys: []
      }
    }
    const found = yield* resolve(jump)
    if (found === undefined)
      return yield* refuse(
        host,
        `the jump host "${jump}" of ${host.name} is not known: signalbox host add ${jump}, or give it as user@address[:port]`
      )
    if (found.kind !== "ssh")
      return yield* refuse(host, `the jump host ${jump} of ${host.name} is not an SSH host: leave it out`)
    return found
  })

const refuse = (host: HostConfig, reason: string): HostRefused =>
  new HostRefused({ host: host.name, problem: "config", reason })
