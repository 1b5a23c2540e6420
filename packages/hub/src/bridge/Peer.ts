/**
 * Who is on the other side of a connection.
 *
 * Owns: the id, what INFO says, who may what. Does not own: checking tokens (`edge/auth.ts`).
 * Invariants: the id of who has not signed in is the SHA-256 of the address, so that it is the same tomorrow and names nobody;
 * who signs in is known by the account; another machine may do nothing before that.
 */
import { createHash } from "node:crypto"
import type { Allowed } from "./command.ts"

export interface Peer {
  readonly address: string
  readonly port: number
  /** ISO 8601. */
  readonly connectedAt: string
  readonly loopback: boolean
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
  allowed === "anyone" || peer.account !== undefined || (allowed === "local" && peer.loopback)

export const infoLine = (peer: Peer): string =>
  [
    `ID: ${clientId(peer)}`,
    `IP: ${peer.address}`,
    `Port: ${peer.port}`,
    `Connected: ${peer.connectedAt}`,
    `TLS: ${peer.tls === null ? "none" : `${peer.tls.version} ${peer.tls.cipher}`}`,
    `Signed in: ${peer.account ?? "no"}`
  ].join(" | ")
