/**
 * The token by which the programs of one home prove to the hub that they belong to its owner (local admin).
 *
 * Owns: the file HOME/credentials/admin-token. Does not own: accounts and tokens of people (room `account`).
 * Invariants: 256 random bits, made once whoever comes first; nobody but the owner can read it, and a token that others could
 * have read is refused rather than used.
 */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs/promises"
import { join } from "node:path"
import { Effect, Redacted, Schema } from "effect"
import { readToken } from "./find.ts"
import type { HomePaths } from "./Home.ts"

export class CredentialError extends Schema.TaggedError<CredentialError>()("CredentialError", {
  path: Schema.String,
  problem: Schema.Literals(["readable-by-others", "malformed", "missing", "unreadable"]),
  reason: Schema.String
}) {
  override get message(): string {
    switch (this.problem) {
      case "readable-by-others":
        return `The token in ${this.path} can be read by others (${this.reason}), so it is not safe any more. Remove the file and start the hub again for a new one.`
      case "malformed":
        return `The file ${this.path} does not hold a token. Remove it and start the hub again for a new one.`
      case "missing":
        return `There is no token at ${this.path}: no hub was started with this home. Start one: signalbox up`
      case "unreadable":
        return `The token in ${this.path} cannot be read (${this.reason}). Use the user who started the hub, or another $SIGNALBOX_HOME.`
    }
  }
}

export const adminTokenFile = (home: Pick<HomePaths, "credentials">): string => join(home.credentials, "admin-token")

/** The token as clients need it. */
export const readAdminToken = (
  home: Pick<HomePaths, "credentials">
): Effect.Effect<Redacted.Redacted<string>, CredentialError> => {
  const path = adminTokenFile(home)
  return Effect.try({
    try: () => {
      const found = readToken(path)
      if ("token" in found) return Redacted.make(found.token)
      throw new CredentialError({ path, ...found })
    },
    catch: (cause) => toCredentialError(path, cause)
  })
}

/** The token as the hub needs it: made when there is none yet. */
export const ensureAdminToken = (
  home: Pick<HomePaths, "credentials">
): Effect.Effect<Redacted.Redacted<string>, CredentialError> =>
  readAdminToken(home).pipe(
    Effect.catchIf(
      (error) => error.problem === "missing",
      () => Effect.andThen(makeToken(adminTokenFile(home)), readAdminToken(home))
    )
  )

/** A complete file appears under the name, or the one of a faster process stays. */
const makeToken = (path: string): Effect.Effect<void, CredentialError> =>
  Effect.tryPromise({
    try: async () => {
      const making = `${path}.${randomBytes(4).toString("hex")}`
      try {
        await fs.writeFile(making, `sbx_${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" })
        await fs.link(making, path)
      } catch (cause) {
        if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause
      } finally {
        await fs.rm(making, { force: true })
      }
    },
    catch: (cause) => toCredentialError(path, cause)
  })

const toCredentialError = (path: string, cause: unknown): CredentialError => {
  if (cause instanceof CredentialError) return cause
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)
  return new CredentialError({ path, problem: code === "ENOENT" ? "missing" : "unreadable", reason: code })
}
