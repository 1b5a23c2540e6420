/**
 * The key with which this home's hub signs sessions.
 *
 * Owns: the file HOME/keys/session-key. Does not own: what is signed (hub).
 * Invariants: 256 random bits, made once, readable by the owner alone; who removes the file ends every session and nothing else.
 */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs/promises"
import { join } from "node:path"
import { Effect, Redacted } from "effect"
import { CredentialError } from "./credentials.ts"
import type { HomePaths } from "./Home.ts"

export const sessionKeyFile = (home: Pick<HomePaths, "keys">): string => join(home.keys, "session-key")

/** Made when there is none yet. */
export const ensureSessionKey = (
  home: Pick<HomePaths, "keys">
): Effect.Effect<Redacted.Redacted<Uint8Array>, CredentialError> => {
  const path = sessionKeyFile(home)
  return Effect.tryPromise({
    try: async () => {
      await make(path)
      const file = await fs.open(path, "r") // one open file: what is checked is what is read
      try {
        const { mode } = await file.stat()
        if ((mode & 0o077) !== 0)
          throw new CredentialError({
            path,
            problem: "readable-by-others",
            reason: `mode ${(mode & 0o777).toString(8).padStart(4, "0")}`
          })
        const key = Buffer.from((await file.readFile("utf8")).trim(), "base64url")
        if (key.length !== 32) throw new CredentialError({ path, problem: "malformed", reason: "" })
        return Redacted.make(new Uint8Array(key))
      } finally {
        await file.close()
      }
    },
    catch: (cause) =>
      cause instanceof CredentialError
        ? cause
        : new CredentialError({
            path,
            problem: "unreadable",
            reason: cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)
          })
  })
}

/** A complete file appears under the name, or the one that is there stays. */
const make = async (path: string): Promise<void> => {
  const making = `${path}.${randomBytes(4).toString("hex")}`
  try {
    await fs.writeFile(making, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" })
    await fs.link(making, path)
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause
  } finally {
    await fs.rm(making, { force: true })
  }
}
