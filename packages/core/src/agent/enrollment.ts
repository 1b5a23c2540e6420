/**
 * How a host becomes an agent and how an agent signs in: what both say over HTTP before there is a socket.
 *
 * Owns: paths, schemas and the texts that are signed. Does not own: invites and keys (hub, agent), the socket's messages (`protocol.ts`).
 * Invariants: the agent's private key never travels; an invite works once; a signature holds for one nonce and one agent.
 */
import { Schema } from "effect"

const Text = (length: number) => Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(length))

export const agentPaths = {
  enroll: "/api/v1/agents/enroll",
  challenge: "/api/v1/agents/challenge",
  session: "/api/v1/agents/session",
  socket: "/agents"
} as const

/** The socket's close codes with a meaning of their own. */
export const closeCodes = { signInAgain: 4401, revoked: 4403, clone: 4409, slowDown: 4429 } as const

/** Of an Ed25519 key in SPKI form, base64. */
export const PublicKey = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9+/]{59}=$/u, { expected: "an Ed25519 public key in base64" })
)
const Signature = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9+/]{86}==$/u, { expected: "64 bytes in base64" }))
export const InviteToken = Schema.String.check(
  Schema.isPattern(/^sbx_[A-Za-z0-9_-]{43}$/u, { expected: "an invite, as signalbox agent invite printed it" })
)

export const EnrollRequest = Schema.Struct({
  token: InviteToken,
  publicKey: PublicKey,
  /** Of `enrollText`: whoever enrolls holds the key. */
  signature: Signature,
  hostname: Text(255),
  /** SHA-256 over the machine's id: tells a clone from the machine. */
  machineId: Text(100),
  version: Text(50)
})
export type EnrollRequest = typeof EnrollRequest.Type
export const enrollText = (of: { readonly token: string; readonly publicKey: string }): string =>
  `signalbox enroll\n${of.token}\n${of.publicKey}`

export const EnrollAnswer = Schema.Struct({
  agentId: Text(100),
  /** What the host is called in selectors. */
  name: Text(255),
  /** By which the hub signs grants. */
  hubKey: PublicKey,
  /** Opt-in actions that the invite allows. */
  allows: Schema.Array(Text(64)).check(Schema.isMaxLength(100))
})
export type EnrollAnswer = typeof EnrollAnswer.Type

const AgentId = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9-]{0,99}$/u, { expected: "the id of an agent" })
)
export const ChallengeRequest = Schema.Struct({ agentId: AgentId })
export const ChallengeAnswer = Schema.Struct({ nonce: Text(200) })

export const SessionRequest = Schema.Struct({ agentId: AgentId, nonce: Text(200), signature: Signature })
export type SessionRequest = typeof SessionRequest.Type
export const sessionText = (of: { readonly agentId: string; readonly nonce: string }): string =>
  `signalbox session\n${of.agentId}\n${of.nonce}`

export const SessionAnswer = Schema.Struct({
  /** A JWT of a few minutes: it opens the socket. */
  token: Text(4_000)
})
