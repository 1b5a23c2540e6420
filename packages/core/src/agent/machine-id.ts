/**
 * Which machine this is, told to others only hashed: what an agent says of its host, and a hub of its own.
 *
 * Invariant: the same text on both sides, so that a hub's machine is known among the hosts.
 */
import { createHash } from "node:crypto"

/** @param own /etc/machine-id, else the host's name */
export const hashedMachineId = (own: string): string =>
  createHash("sha256").update(`signalbox ${own.trim()}`).digest("hex")
