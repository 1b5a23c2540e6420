/**
 * Where the running hub of a home is: HOME/hub.json, written by the hub, read by every client.
 *
 * Owns: the file. Does not own: telling a living hub from a dead one (`find.ts`), reaching it.
 * Invariants: readers see a whole file or none; a hub takes away only its own; a pid that another program got counts as dead.
 */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs/promises"
import { DateTime, Effect, Schema } from "effect"
import { LogId } from "../log/log-id.ts"
import { isRunning } from "./find.ts"
import type { HomePaths } from "./Home.ts"

export const HubInfo = Schema.Struct({
  url: Schema.String.check(Schema.isPattern(/^https?:\/\/[^\s]+$/u)),
  pid: Schema.Int.check(Schema.isGreaterThan(0)),
  startedAt: Schema.DateTimeUtcFromString,
  version: Schema.String,
  /** Where its line protocol is; absent: not served. */
  bridge: Schema.optionalKey(
    Schema.Struct({
      host: Schema.String,
      port: Schema.Int,
      tls: Schema.Boolean,
      /** Of the certificate it serves with. */
      fingerprint: Schema.optionalKey(Schema.String)
    })
  ),
  /** Where other machines reach it; absent: they do not. */
  tls: Schema.optionalKey(Schema.Struct({ url: Schema.String, fingerprint: Schema.String })),
  /** What it shows to those who speak TLS; `problem` is why newer files were not taken in its place. */
  certificate: Schema.optionalKey(
    Schema.Struct({
      fingerprint: Schema.String,
      expiresAt: Schema.String,
      problem: Schema.optionalKey(Schema.String)
    })
  ),
  /** Which database it uses: shown without its password; `log` tells it apart from every other. Older hubs do not say. */
  database: Schema.optionalKey(
    Schema.Struct({ server: Schema.String, origin: Schema.Literals(["embedded", "url"]), log: LogId })
  )
})
export type HubInfo = typeof HubInfo.Type

export type HubState =
  | { readonly _tag: "Running"; readonly hub: HubInfo }
  /** A hub was here and did not say goodbye. */
  | { readonly _tag: "Stale"; readonly hub: HubInfo }
  | { readonly _tag: "None" }

export class HubFileError extends Schema.TaggedError<HubFileError>()("HubFileError", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `The file ${this.path}, which tells where the hub is, cannot be used (${this.reason}). Remove it and start the hub again.`
  }
}

const Json = Schema.fromJsonString(HubInfo)
const decode = Schema.decodeUnknownEffect(Json)
const encode = Schema.encodeUnknownEffect(Json)

/** For as long as the scope is open the home says that the hub is here. */
export const announceHub = (home: Pick<HomePaths, "hubFile">, hub: HubInfo) =>
  Effect.acquireRelease(writeHubFile(home, hub), () => Effect.ignore(removeHubFile(home, hub.pid)))

export const writeHubFile = (home: Pick<HomePaths, "hubFile">, hub: HubInfo): Effect.Effect<void, HubFileError> =>
  encode(hub).pipe(
    Effect.mapError((error) => new HubFileError({ path: home.hubFile, reason: error.message })),
    Effect.flatMap((text) =>
      attempt(home.hubFile, async () => {
        const making = `${home.hubFile}.${randomBytes(4).toString("hex")}`
        try {
          await fs.writeFile(making, `${text}\n`, { mode: 0o600 })
          await fs.rename(making, home.hubFile)
        } finally {
          await fs.rm(making, { force: true })
        }
      })
    )
  )

export const readHubFile = (home: Pick<HomePaths, "hubFile">): Effect.Effect<HubState, HubFileError> =>
  Effect.gen(function* () {
    const text = yield* attempt(home.hubFile, () =>
      fs.readFile(home.hubFile, "utf8").catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === "ENOENT") return undefined
        throw cause
      })
    )
    if (text === undefined) return { _tag: "None" }
    const hub = yield* decode(text).pipe(
      Effect.mapError(() => new HubFileError({ path: home.hubFile, reason: "it was not written by a hub" }))
    )
    const runs = yield* Effect.sync(() => isRunning(hub.pid, DateTime.toEpochMillis(hub.startedAt)))
    return { _tag: runs ? "Running" : "Stale", hub }
  })

const removeHubFile = (home: Pick<HomePaths, "hubFile">, pid: number): Effect.Effect<void, HubFileError> =>
  Effect.flatMap(readHubFile(home), (state) =>
    state._tag !== "None" && state.hub.pid === pid
      ? attempt(home.hubFile, () => fs.rm(home.hubFile, { force: true }))
      : Effect.void
  )

const attempt = <A>(path: string, act: () => Promise<A>): Effect.Effect<A, HubFileError> =>
  Effect.tryPromise({
    try: act,
    catch: (cause) =>
      new HubFileError({
        path,
        reason: cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)
      })
  })
