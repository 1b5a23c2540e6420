/**
 * The directory of one installation's state: database, keys, credentials, logs, where the hub is.
 *
 * Owns: finding the directory, making it private, the names inside. Does not own: what is in the files.
 * Invariants: nobody but its owner can read it (as root its group may pass through, for the database's user); a home that
 * exists keeps its mode, and one that others can read is refused.
 */
import * as fs from "node:fs/promises"
import { dirname } from "node:path"
import { Config, Context, Effect, Layer, Option, Schema } from "effect"
import { homeOf, homePaths } from "./find.ts"

/** The home cannot be used. */
export class HomeError extends Schema.TaggedError<HomeError>()("HomeError", {
  path: Schema.String,
  problem: Schema.Literals(["unwritable", "readable-by-others", "not-a-directory", "disk-full"]),
  reason: Schema.String
}) {
  override get message(): string {
    switch (this.problem) {
      case "readable-by-others":
        return `The directory ${this.path} holds keys and can be read by others (${this.reason}). Run: chmod go-rwx ${this.path}`
      case "not-a-directory":
        return `${this.path} is not a directory. Set $SIGNALBOX_HOME to a directory of yours.`
      case "disk-full":
        return `The directory ${this.path} cannot be written: the disk is full. Free some space and start again.`
      case "unwritable":
        return `The directory ${this.path} cannot be written (${this.reason}). Set $SIGNALBOX_HOME to a directory of yours.`
    }
  }
}

export interface HomePaths {
  readonly directory: string
  /** Ed25519 keys, the key of secrets at rest. */
  readonly keys: string
  /** Tokens, each a file of mode 0600. */
  readonly credentials: string
  readonly logs: string
  /** The certificate and its key. */
  readonly tls: string
  /** Where the running hub is. */
  readonly hubFile: string
}

export class Home extends Context.Service<Home, HomePaths>()("@signalbox/core/config/Home") {
  /** Found by the environment, made when missing. */
  static readonly layer: Layer.Layer<Home, HomeError> = Layer.effect(
    Home,
    Effect.flatMap(
      Effect.suspend(() => homeDirectory),
      (directory) => openHome(directory)
    )
  )
  static readonly layerAt = (directory: string): Layer.Layer<Home, HomeError> =>
    Layer.effect(
      Home,
      Effect.suspend(() => openHome(directory))
    )
}

const variable = (name: string): Config.Config<string | undefined> =>
  Config.option(Config.String(name)).pipe(
    Config.map((value) => Option.getOrUndefined(Option.filter(value, (text) => text.trim() !== "")))
  )

/** `$SIGNALBOX_HOME`, else `$XDG_DATA_HOME/signalbox`, else `~/.local/share/signalbox`. Makes nothing. */
export const homeDirectory: Effect.Effect<string> = Effect.gen(function* () {
  return homeOf(yield* variable("SIGNALBOX_HOME"), yield* variable("XDG_DATA_HOME"))
}).pipe(Effect.orDie) // a text that may be missing cannot be invalid

/** Makes what is missing and refuses what is not private. */
export const openHome = (directory: string): Effect.Effect<HomePaths, HomeError> =>
  Effect.tryPromise({
    try: async () => {
      const paths = homePaths(directory)
      await makePrivate(directory)
      const { mode } = await fs.stat(directory)
      if (!isPrivate(mode)) throw new HomeError({ path: directory, problem: "readable-by-others", reason: octal(mode) })
      await fs.access(directory, fs.constants.W_OK | fs.constants.X_OK)
      for (const path of [paths.keys, paths.credentials, paths.logs])
        await fs.mkdir(path, { recursive: true, mode: 0o700 })
      return paths
    },
    catch: (cause) => toHomeError(directory, cause)
  })

/** `mkdir -p` with mode 0700. Node's own never ends where making a directory answers ENOENT (below /proc). */
export const makePrivate = async (path: string): Promise<void> => {
  const make = async (): Promise<string> =>
    fs.mkdir(path, { mode: 0o700 }).then(
      () => "",
      async (cause: NodeJS.ErrnoException) => {
        if (cause.code === "ENOENT") return "ENOENT"
        if (cause.code === "EEXIST" && (await fs.stat(path)).isDirectory()) return ""
        throw cause
      }
    )
  if ((await make()) === "") return
  if (dirname(path) !== path) await makePrivate(dirname(path))
  if ((await make()) !== "") throw Object.assign(new Error(`no such place: ${path}`), { code: "EACCES" })
}

/** Nobody else may list or write it; the group may pass through (0710). */
export const isPrivate = (mode: number): boolean => (mode & 0o067) === 0

const octal = (mode: number): string => `mode ${(mode & 0o777).toString(8).padStart(4, "0")}`

const toHomeError = (path: string, cause: unknown): HomeError => {
  if (cause instanceof HomeError) return cause
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  const problem =
    code === "ENOSPC" || code === "EDQUOT"
      ? "disk-full"
      : code === "ENOTDIR" || code === "EEXIST"
        ? "not-a-directory"
        : "unwritable"
  return new HomeError({ path, problem, reason: code || (cause instanceof Error ? cause.message : String(cause)) })
}
