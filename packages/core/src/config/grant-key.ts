/**
 * The Ed25519 key by which hubs sign what agents may do.
 *
 * Owns: the file HOME/keys/grant-key.pem, or the one that SIGNALBOX_GRANT_KEY names for several hubs of one installation. Does not own:
 * what is signed (`agent/grant.ts`), the tokens of sign-in.
 * Invariants: made once, whoever comes first; nobody but its owner can read it, and one that others could have read is refused.
 */
import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto"
import * as fs from "node:fs/promises"
import { join } from "node:path"
import { Effect, Schema } from "effect"
import { privateKeyFrom } from "../agent/grant.ts"
import type { HomePaths } from "./Home.ts"

export class GrantKeyError extends Schema.TaggedError<GrantKeyError>()("GrantKeyError", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `The key ${this.path}, by which agents know this installation's hubs, cannot be used: ${this.reason}.`
  }
}

/** @param chosen another place than the home's */
export const ensureGrantKey = (
  home: Pick<HomePaths, "keys">,
  chosen: string | undefined
): Effect.Effect<KeyObject, GrantKeyError> => {
  const path = chosen ?? join(home.keys, "grant-key.pem")
  return Effect.tryPromise({
    try: async () => (await read(path)) ?? (await make(path)),
    catch: (cause) =>
      cause instanceof GrantKeyError ? cause : new GrantKeyError({ path, reason: codeOf(cause) || String(cause) })
  })
}

const read = async (path: string): Promise<KeyObject | undefined> => {
  const file = await fs.open(path, "r").catch((cause: unknown) => {
    if (codeOf(cause) === "ENOENT") return undefined
    throw cause
  })
  if (file === undefined) return undefined
  try {
    const { mode, size } = await file.stat()
    if ((mode & 0o077) !== 0)
      throw new GrantKeyError({
        path,
        reason: `others can read it (mode ${(mode & 0o777).toString(8).padStart(4, "0")}). If nobody else was on this machine, run chmod 600 on it; if somebody was, remove it and enroll all agents anew`
      })
    const key = size > 10_000 ? undefined : privateKeyFrom(await file.readFile("utf8"))
    if (key === undefined) throw new GrantKeyError({ path, reason: "it holds no Ed25519 key in PEM form" })
    return key
  } finally {
    await file.close()
  }
}

/** A whole file appears under the name, or the one of a faster process stays. */
const make = async (path: string): Promise<KeyObject> => {
  const making = `${path}.${randomBytes(4).toString("hex")}`
  const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" })
  try {
    await fs.writeFile(making, pem, { mode: 0o600, flag: "wx" })
    await fs.link(making, path).catch((cause: unknown) => {
      if (codeOf(cause) !== "EEXIST") throw cause
    })
  } finally {
    await fs.rm(making, { force: true })
  }
  const key = await read(path)
  if (key === undefined) throw new GrantKeyError({ path, reason: "it was made and is gone" })
  return key
}

const codeOf = (cause: unknown): string => (cause instanceof Error && "code" in cause ? String(cause.code) : "")
