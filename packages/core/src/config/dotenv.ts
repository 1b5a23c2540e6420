/**
 * `.env` of the working directory, read once at the edge before anything asks for a setting.
 *
 * Owns: when it is read, and what is said when it cannot be. Does not own: the reading (`find.ts`), the settings (`Settings.ts`).
 * Invariant: as with Node's process.loadEnvFile, what the environment already has wins over the file.
 */
import { join } from "node:path"
import { Effect, Schema } from "effect"
import { applyDotEnv } from "./find.ts"

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
    try: () => applyDotEnv(path, environment),
    catch: (cause) => new DotEnvError({ path, reason: cause instanceof Error ? cause.message : String(cause) })
  })
}
