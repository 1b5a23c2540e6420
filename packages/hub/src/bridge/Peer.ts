/**
 * Who is on the other side of a connection.
 *
 * Owns: the id, what INFO says, who may what. Does not own: checking tokens (`edge/auth.ts`).
 * Invariants: the id of who has not signed in is the SHA-256 of the address, so that it is the same tomorrow and names nobody;
 * who signs in is known by the account; another machine may do nothing before that, and this one only what its owner allows.
 */
import { createHash } from "node:crypto"
import { type AccountRole, may, refusalOf } from "@signalbox/core/account/permissions.ts"
import type { Command } from "./command.ts"

export interface Peer {
  readonly address: string
  readonly port: number
  /** ISO 8601. */
  readonly connectedAt: string
  /** Talks to models before it has signed in: it is on this machine, and the owner lets that be. */
  readonly trusted: boolean
  /** Null: the line is not encrypted. */
  readonly tls: { readonly version: string; readonly cipher: string } | null
  /** Once signed in. */
  readonly account: { readonly name: string; readonly role: AccountRole } | undefined
}

export const clientId = (peer: Pick<Peer, "address">): string => createHash("sha256").update(peer.address).digest("hex")

/** Whose conversations and summaries are shared. */
export const clientOf = (peer: Peer): string => peer.account?.name ?? clientId(peer)
/** As events name the actor. */
export const actorOf = (peer: Peer): string => peer.account?.name ?? `bridge:${clientId(peer).slice(0, 16)}`

/** @returns why not, in one sentence; undefined when this command is for this client */
export const bridgeRefusal = (peer: Peer, { word, allowed, needs }: Command): string | undefined => {
  if (allowed === "anyone") return undefined
  if (peer.account !== undefined) return refusalOf(peer.account, needs)
  return allowed === "local" && peer.trusted
    ? undefined
    : `${word} is for those who have signed in. Sign in with AUTH token.`
}

/** What whoever sits at this machine may do, and whoever has signed in and may talk to models. */
export const mayTalk = (peer: Peer): boolean =>
  peer.account === undefined ? peer.trusted : may(peer.account.role, "chat")

export const infoLine = (peer: Peer): string =>
  [
    `ID: ${clientId(peer)}`,
    `IP: ${peer.address}`,
    `Port: ${peer.port}`,
    `Connected: ${peer.connectedAt}`,
    `TLS: ${peer.tls === null ? "none" : `${peer.tls.version} ${peer.tls.cipher}`}`,
    `Signed in: ${peer.account === undefined ? (peer.trusted ? "no" : "no, AUTH token is due") : `${peer.account.name} (${peer.account.role})`}`
  ].join(" | ")
