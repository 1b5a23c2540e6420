/**
 * One SSH connection: from a host's configuration to a signed-in client, or one sentence why not.
 *
 * Owns: the host-key check, the sign-in, the jump, keepalive, the mapping of ssh2's errors. Does not own: sharing and backing
 * off (`Pool.ts`), what is run on it (`channel.ts`).
 * Invariants: an unknown, changed or revoked host key never gets as far as a sign-in; a connection that is gone says so in
 * `lost`, with the reason, before its channels end.
 */
import { readFileSync } from "node:fs"
import type { Duplex } from "node:stream"
import type { HostConfig } from "@signalbox/core/host/config.ts"
import { Effect } from "effect"
import ssh2, { type AnyAuthMethod, type Client, type ServerHostKeyAlgorithm } from "ssh2"
import { credentials, type Surroundings } from "./credentials.ts"
import { fingerprint, formatPublicKey, type Judgement, judge, judgePinned, keyType } from "./known-hosts.ts"
import { type HostError, HostRefused, HostUnreachable } from "./Transport.ts"

export interface Dialing extends Surroundings {
  /** In the order of ssh: the person's, then the machine's. Files that do not exist are empty. */
  readonly knownHosts: ReadonlyArray<string>
  readonly readyTimeoutMs: number
  readonly keepaliveMs: number
  readonly keepaliveCount: number
}

export interface Connection {
  readonly host: string
  readonly client: Client
  /** Why it is gone; undefined while it lives. */
  readonly lost: () => string | undefined
  readonly onLost: (listener: (reason: string) => void) => () => void
}

/** `via`: the connection to the jump host, when there is one. */
export const dial = (
  host: HostConfig,
  around: Dialing,
  via: Connection | undefined
): Effect.Effect<Connection, HostError> =>
  Effect.gen(function* () {
    const proof = credentials(host, around)
    if (proof instanceof HostRefused) return yield* proof
    const known = readKnownHosts(around.knownHosts)
    const before = judgeHost(host, known)
    let refused: HostRefused | undefined
    const result = yield* Effect.result(
      open(host, around, via, {
        username: proof.username,
        authHandler: [...proof.methods],
        ...(before.types.length === 0 ? {} : { algorithms: { serverHostKey: [...before.types] } }),
        hostVerifier: (key: Buffer) => {
          refused = hostKeyRefusal(host, judgeHost(host, known, key).verdict, key)
          return refused === undefined
        }
      })
    )
    if (result._tag === "Success") return result.success
    if (refused !== undefined) return yield* refused
    const error = result.failure
    if (before.types.length > 0 && /no matching host key/iu.test(error.message)) {
      // It has no key of a type that we know: show the one it has.
      const key = yield* offeredKey(host, around, via)
      return yield* hostKeyRefusal(host, "changed", key) ?? unreachable(host, error.message)
    }
    if (error.level === "client-authentication")
      return yield* new HostRefused({
        host: host.name,
        problem: "authentication",
        reason:
          `${host.name} refused ${proof.tried.join(" and ")} for ${proof.username}: put the public key into ` +
          `~/.ssh/authorized_keys there (ssh-copy-id), or change the user or key with signalbox host edit ${host.name}`
      })
    return yield* unreachable(
      host,
      via === undefined ? sentence(error.message, host) : `through ${via.host}: ${sentence(error.message, host)}`
    )
  })

/** The key that the host shows first, without signing in. */
export const offeredKey = (
  host: HostConfig,
  around: Dialing,
  via: Connection | undefined
): Effect.Effect<Buffer, HostUnreachable> =>
  Effect.gen(function* () {
    let seen: Buffer | undefined
    const result = yield* Effect.result(
      open(host, around, via, {
        username: host.user ?? "signalbox",
        hostVerifier: (key: Buffer) => {
          seen = Buffer.from(key)
          return false
        }
      })
    )
    if (seen !== undefined) return seen
    const why = result._tag === "Failure" ? result.failure.message : "it showed no host key"
    return yield* unreachable(host, sentence(why, host))
  })

interface DialError {
  readonly message: string
  readonly level: string | undefined
}

const open = (
  host: HostConfig,
  around: Dialing,
  via: Connection | undefined,
  config: {
    readonly username: string
    readonly hostVerifier: (key: Buffer) => boolean
    readonly authHandler?: Array<AnyAuthMethod>
    readonly algorithms?: { readonly serverHostKey: Array<ServerHostKeyAlgorithm> }
  }
): Effect.Effect<Connection, DialError> =>
  Effect.callback((resume) => {
    const client = new ssh2.Client()
    const listeners = new Set<(reason: string) => void>()
    let gone: string | undefined
    let ready = false
    const lose = (reason: string): void => {
      if (gone !== undefined) return
      gone = reason
      for (const listener of listeners) listener(reason)
      listeners.clear()
    }
    const fail = (error: DialError): void => {
      lose(sentence(error.message, host))
      client.destroy()
      if (!ready) resume(Effect.fail(error))
    }
    client
      // ssh2 leaves Nagle on: without this every exec waits about 80 ms.
      .on("connect", () => client.setNoDelay(true))
      .on("ready", () => {
        ready = true
        resume(
          Effect.succeed({
            host: host.name,
            client,
            lost: () => gone,
            onLost: (listener) => {
              if (gone === undefined) listeners.add(listener)
              else listener(gone)
              return () => void listeners.delete(listener)
            }
          })
        )
      })
      .on("error", (error: Error & { level?: string }) => fail({ message: error.message, level: error.level }))
      .on("end", () => fail({ message: "the host closed the connection", level: undefined }))
      .on("close", () => fail({ message: "the connection was closed", level: undefined }))
    const start = (sock?: Duplex): void => {
      try {
        client.connect({
          host: host.address,
          port: host.port,
          readyTimeout: around.readyTimeoutMs,
          keepaliveInterval: around.keepaliveMs,
          keepaliveCountMax: around.keepaliveCount,
          ...config,
          ...(sock === undefined ? {} : { sock })
        })
      } catch (error) {
        fail({ message: error instanceof Error ? error.message : String(error), level: undefined })
      }
    }
    if (via === undefined) start()
    else
      via.client.forwardOut("127.0.0.1", 0, host.address, host.port, (error, stream) => {
        if (error === undefined) start(stream)
        else fail({ message: error.message, level: undefined })
      })
    return Effect.sync(() => client.destroy())
  })

const judgeHost = (host: HostConfig, knownHosts: string, key?: Buffer): Judgement => {
  const known = judge(knownHosts, host.address, host.port, key)
  return known.verdict === "revoked" || host.hostKeys.length === 0 ? known : judgePinned(host.hostKeys, key)
}

const readKnownHosts = (paths: ReadonlyArray<string>): string =>
  paths
    .map((path) => {
      try {
        return readFileSync(path, "utf8")
      } catch {
        // Absent or unreadable knows nothing, and what nobody knows does not connect.
        return ""
      }
    })
    .join("\n")

const hostKeyRefusal = (host: HostConfig, verdict: Judgement["verdict"], key: Buffer): HostRefused | undefined => {
  const shown = `${keyType(key)} ${fingerprint(key)}`
  switch (verdict) {
    case "ok":
      return undefined
    case "unknown":
      return new HostRefused({
        host: host.name,
        problem: "host-key-unknown",
        reason:
          `${host.name} (${host.address}:${host.port}) shows a host key that is not known: ${shown}. ` +
          `If that is its key, accept it with signalbox host check ${host.name} --accept-new`
      })
    case "changed":
      return new HostRefused({
        host: host.name,
        problem: "host-key-changed",
        reason:
          `${host.name} (${host.address}:${host.port}) shows another host key than the known one: ${shown}. ` +
          `It was installed anew, or somebody stands in between. Ask its owner for the fingerprint; ` +
          `if it is this one, signalbox host check ${host.name} --replace-key`
      })
    case "revoked":
      return new HostRefused({
        host: host.name,
        problem: "host-key-revoked",
        reason:
          `${host.name} (${host.address}:${host.port}) shows a host key that known_hosts marks as revoked: ${shown}. ` +
          `It must not be trusted; give the host a new key`
      })
  }
}

/** "type base64" and its fingerprint. */
export const describeKey = (
  key: Buffer
): { readonly type: string; readonly key: string; readonly fingerprint: string } => ({
  type: keyType(key),
  key: formatPublicKey(key),
  fingerprint: fingerprint(key)
})

const sentence = (message: string, host: HostConfig): string => {
  const at = `${host.address}:${host.port}`
  if (/ECONNREFUSED|Connection refused/u.test(message))
    return `nothing listens at ${at} (is sshd running, is the port right?)`
  if (/ENOTFOUND|EAI_AGAIN/u.test(message)) return `the name ${host.address} has no address (check the spelling or DNS)`
  if (/EHOSTUNREACH|ENETUNREACH/u.test(message)) return `there is no route to ${host.address}`
  if (/Timed out|ETIMEDOUT/u.test(message)) return `${at} did not answer in time`
  if (/Keepalive timeout/u.test(message)) return `it stopped answering`
  if (/no matching/iu.test(message)) return `it shares no algorithm with us (${message})`
  return message
}

const unreachable = (host: HostConfig, reason: string): HostUnreachable =>
  new HostUnreachable({ host: host.name, reason })
