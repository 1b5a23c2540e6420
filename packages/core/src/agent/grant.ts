/**
 * Grants: the hub's signature under exactly one command, and the agent's check of it; the same for the word that ends a guard.
 *
 * Owns: what is signed, signing, checking, the reasons of a refusal. Does not own: the keys (hub's home, agent's configuration), that a
 * command acts once (receipts).
 * Invariants: a grant fits one agent, one command id, one action, one set of arguments and one stretch of time, and anything else is
 * refused with the reason that comes first in the list; nothing is done before all of them hold.
 */
import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto"
import { canonicalHash, canonicalJson } from "./canonical.ts"
import type { Grant, HubMessage } from "./protocol.ts"

export type CommandRequest = Extract<HubMessage, { readonly _tag: "command_request" }>

/** Of the agent's and the hub's clocks, in milliseconds: a grant may begin that much before the agent thinks it may. It never lasts longer. */
const clockSkewMillis = 60_000

export const grantRefusals = {
  "not-signed": "The hub's signature under this command does not hold, so nothing was done.",
  "other-agent": "This command was granted to another agent, so nothing was done.",
  "other-command": "The grant was given for another command, so nothing was done.",
  "other-action": "The grant was given for another action, so nothing was done.",
  "other-arguments": "The grant was given for other arguments, so nothing was done.",
  "too-early": "The grant does not hold yet, so nothing was done. Compare the clocks of the hub and of this host."
} as const
export type GrantRefusal = keyof typeof grantRefusals

export const argsHash = (args: CommandRequest["args"]): string => canonicalHash(args)

/** @returns base64 of 64 bytes */
export const signGrant = (grant: Grant, hubKey: KeyObject): string =>
  sign(null, Buffer.from(canonicalJson(grant)), hubKey).toString("base64")

/** Whether this request is what the hub granted to this agent; that it has not expired is asked when it is about to begin. */
export const checkGrant = (
  request: Omit<CommandRequest, "_tag">,
  by: { readonly agentId: string; readonly hubKey: KeyObject; readonly now: number }
): GrantRefusal | undefined => {
  const { grant } = request
  if (!signed(canonicalJson(grant), request.signature, by.hubKey)) return "not-signed"
  if (grant.agentId !== by.agentId) return "other-agent"
  if (grant.commandId !== request.commandId) return "other-command"
  if (grant.action !== request.action) return "other-action"
  if (grant.guardMillis !== request.guardMillis || grant.timeoutMs !== request.timeoutMs) return "other-arguments"
  if (grant.argsHash !== argsHash(request.args)) return "other-arguments"
  return by.now + clockSkewMillis < grant.notBefore ? "too-early" : undefined
}

/** What the hub signs when it still reaches an agent after a guarded act. No grant and no token begins like this. */
interface Release {
  readonly agentId: string
  readonly commandId: string
}
const releaseText = ({ agentId, commandId }: Release): string => `signalbox guard released\n${agentId}\n${commandId}`

export const signRelease = (release: Release, hubKey: KeyObject): string =>
  sign(null, Buffer.from(releaseText(release)), hubKey).toString("base64")

export const releaseHolds = (release: Release, signature: string, hubKey: KeyObject): boolean =>
  signed(releaseText(release), signature, hubKey)

const signed = (text: string, signature: string, hubKey: KeyObject): boolean => {
  const bytes = Buffer.from(signature, "base64")
  return bytes.length === 64 && verify(null, Buffer.from(text), hubKey, bytes)
}

/** Base64 of the key's SPKI form: how public keys travel and rest. */
export const publicKeyText = (key: KeyObject): string =>
  (key.type === "private" ? createPublicKey(key) : key).export({ type: "spki", format: "der" }).toString("base64")

/** @returns undefined for what is no Ed25519 key */
export const publicKeyFrom = (text: string): KeyObject | undefined =>
  ed25519(() => createPublicKey({ key: Buffer.from(text, "base64"), type: "spki", format: "der" }))

/** @param pem PKCS #8 */
export const privateKeyFrom = (pem: string): KeyObject | undefined => ed25519(() => createPrivateKey(pem))

const ed25519 = (parse: () => KeyObject): KeyObject | undefined => {
  try {
    const key = parse()
    return key.asymmetricKeyType === "ed25519" ? key : undefined
  } catch {
    return undefined // no key at all
  }
}
