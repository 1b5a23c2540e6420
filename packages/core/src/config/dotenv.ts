/**
 * `.env` of the working directory, read once at the edge before anything asks for a setting.
 *
 * Owns: reading the file into an environment. Does not own: the settings (`Settings.ts`).
 * Invariant: as with Node's process.loadEnvFile, what the environment already has wins over the file.
 */
import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { parseEnv } from "node:util"
import { Effect, Schema } from "effect"

const MAX_BYTES = 1024 * 1024

/** There is a `.env`, and it cannot be used. */
export class DotEnvError extends Schema.TaggedError<DotEnvError>()("DotEnvError", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `The settings file ${this.path} cannot be read (${this.reason}). Mend it or take it away.`
  }
}

/**
 * SDKs and child processes read the environment themselves, so the file is put into it rather than beside it.
 * @returns the names that were set; empty when there is no file
 */
export const loadDotEnv = (
  directory: string,
  environment: NodeJS.ProcessEnv
): Effect.Effect<ReadonlyArray<string>, DotEnvError> => {
  const path = join(directory, ".env")
  return Effect.try({
    try: () => {
      const stat = statSync(path, { throwIfNoEntry: false })
      if (stat === undefined || stat.isDirectory()) return []
      if (stat.size > MAX_BYTES) throw new DotEnvError({ path, reason: "it is larger than 1 MB" })
      const added: Array<string> = []
      for (const [name, value] of Object.entries(parseEnv(readFileSync(path, "utf8")))) {
        if (value === undefined || environment[name] !== undefined) continue
        environment[name] = value
        added.push(name)
      }
      return added
    },
    catch: (cause) =>
      cause instanceof DotEnvError
        ? cause
        : new DotEnvError({ path, reason: cause instanceof Error ? cause.message : String(cause) })
  })
}
