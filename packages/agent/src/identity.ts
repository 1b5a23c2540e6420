/**
 * The agent's own key: Ed25519, made on this host, never leaving it.
 *
 * Owns: making and reading the key file. Does not own: what is signed with it (sign-in, enrollment).
 * Invariants: the file has mode 0600, and its owner, before anybody can reach it by name; one that others can read is refused with the mend.
 */
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto"
import * as fs from "node:fs/promises"
import { privateKeyFrom } from "@signalbox/core/agent/grant.ts"
import { writeWhole, type Owner } from "./config.ts"
import { codeOf, Trouble } from "./trouble.ts"

export const makeKey = (): KeyObject => generateKeyPairSync("ed25519").privateKey

export const writeKey = (path: string, key: KeyObject, owner?: Owner): Promise<void> =>
  writeWhole(path, key.export({ type: "pkcs8", format: "pem" }).toString(), 0o600, owner)

export const readKey = async (path: string): Promise<KeyObject> => {
  try {
    const { mode } = await fs.stat(path)
    if ((mode & 0o077) !== 0)
      throw new Trouble(
        `The key ${path} can be read by others (mode ${(mode & 0o777).toString(8)}). Enroll this host anew, or run chmod 600 on it if nobody else has been here.`
      )
    const key = privateKeyFrom(await fs.readFile(path, "utf8"))
    if (key === undefined) throw new Trouble(`${path} holds no Ed25519 key. Enroll this host anew.`)
    return key
  } catch (cause) {
    if (cause instanceof Trouble) throw cause
    throw new Trouble(`The key ${path} cannot be read (${codeOf(cause)}). Enroll this host anew.`)
  }
}

export const signText = (text: string, key: KeyObject): string => sign(null, Buffer.from(text), key).toString("base64")
