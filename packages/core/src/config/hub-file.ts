/**
 * Where the running hub of a home is: HOME/hub.json, written by the hub, read by every client.
 *
 * Owns: the file and telling a living hub from a dead one. Does not own: reaching it.
 * Invariants: readers see a whole file or none; a hub takes away only its own; a pid that another program got counts as dead.
 */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs/promises"
import { DateTime, Effect, Schema } from "effect"
import type { HomePaths } from "./Home.ts"

export const HubInfo = Schema.Struct({
  url: Schema.String.check(Schema.isPattern(/^https?:\/\/[^\s]+$/u)),
  pid: Schema.Int.check(Schema.isGreaterThan(0)),
  startedAt: Schema.DateTimeUtcFromString,
  version: Schema.String,
  /** Where its line protocol is; absent: not served. */
  bridge: Schema.optionalKey(Schema.Struct({ host: Schema.String, port: Schema.Int, tls: Schema.Boolean }))
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
    const runs = yield* attempt(home.hubFile, () => isRunning(hub.pid, DateTime.toEpochMillis(hub.startedAt)))
    return { _tag: runs ? "Running" : "Stale", hub }
  })

const removeHubFile = (home: Pick<HomePaths, "hubFile">, pid: number): Effect.Effect<void, HubFileError> =>
  Effect.flatMap(readHubFile(home), (state) =>
    state._tag !== "None" && state.hub.pid === pid
      ? attempt(home.hubFile, () => fs.rm(home.hubFile, { force: true }))
      : Effect.void
  )

/** A process that began after `startedAt` is not the one that wrote it; one that has ended and waits to be reaped is dead. */
const isRunning = async (pid: number, startedAt: number): Promise<boolean> => {
  try {
    process.kill(pid, 0)
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EPERM")) return false
  }
  if (process.platform !== "linux") return true
  const [stat, system] = await Promise.all([
    fs.readFile(`/proc/${pid}/stat`, "utf8").catch(() => ""),
    fs.readFile("/proc/stat", "utf8").catch(() => "")
  ])
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  if (fields[0] === "Z" || fields[0] === "X") return false
  const ticks = Number(fields[19])
  const boot = Number(/^btime (\d+)$/m.exec(system)?.[1])
  if (!Number.isFinite(ticks) || !Number.isFinite(boot)) return true
  const began = boot * 1000 + ticks * 10 // the kernel shows 100 ticks a second to programs; btime is in whole seconds
  return began <= startedAt + 2_000
}

const attempt = <A>(path: string, act: () => Promise<A>): Effect.Effect<A, HubFileError> =>
  Effect.tryPromise({
    try: act,
    catch: (cause) =>
      new HubFileError({
        path,
        reason: cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)
      })
  })
