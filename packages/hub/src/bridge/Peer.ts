/**
 * Who is on the other side of a connection.
 *
 * Owns: the id, what INFO says, who may what. Does not own: checking tokens (`edge/auth.ts`).
 * Invariants: the id of who has not signed in is the SHA-256 of the address, so that it is the same tomorrow and names nobody;
 * who signs in is known by the account; another machine may do nothing before that, and this one only what its owner allows.
 */
import { createHash } from "node:crypto"
import type { Allowed } from "./command.ts"

export interface Peer {
  readonly address: string
  readonly port: number
  /** ISO 8601. */
  readonly connectedAt: string
  /** Talks to models before it has signed in: it is on this machine, and the owner lets that be. */
  readonly trusted: boolean
  /** Null: the line is not encrypted. */
  readonly tls: { readonly version: string; readonly cipher: string } | null
  /** The account, once signed in. */
  readonly account: string | undefined
}

export const clientId = (peer: Pick<Peer, "address">): string => createHash("sha256").update(peer.address).digest("hex")

/** Whose conversations and summaries are shared. */
export const clientOf = (peer: Peer): string => peer.account ?? clientId(peer)
/** As events name the actor. */
export const actorOf = (peer: Peer): string => peer.account ?? `bridge:${clientId(peer).slice(0, 16)}`

export const mayUse = (peer: Peer, allowed: Allowed): boolean =>
  allowed === "anyone" || peer.account !== undefined || (allowed === "local" && peer.trusted)

export const infoLine = (peer: Peer): string =>
  [
    `ID: ${clientId(peer)}`,
    `IP: ${peer.address}`,
    `Port: ${peer.port}`,
    `Connected: ${peer.connectedAt}`,
    `TLS: ${peer.tls === null ? "none" : `${peer.tls.version} ${peer.tls.cipher}`}`,
    `Signed in: ${peer.account ?? (peer.trusted ? "no" : "no, AUTH token is due")}`
  ].join(" | ")

/** 127.0.0.1 for ::ffff:127.0.0.1: one machine, one id. */
export const plainAddress = (address: string | undefined): string => (address ?? "").replace(/^::ffff:(?=\d)/iu, "")
