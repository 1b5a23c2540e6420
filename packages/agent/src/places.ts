/**
 * Where the agent keeps what, and who may read it.
 *
 * Owns: the paths. Does not own: what is in the files.
 * Invariants: what decides (configuration, the hub's keys) belongs to root and the unprivileged process only reads it.
 */
import { join } from "node:path"

export interface Places {
  /** Root's, read by both processes: hub, its keys, what this host allows. */
  readonly config: string
  /** The unprivileged process's own. */
  readonly state: string
  readonly key: string
  /** Root's own. */
  readonly helperState: string
  /** root:signalbox-agent 0660 */
  readonly socket: string
}

/** @param root "" but in tests, where the whole tree is somewhere else */
export const placesBelow = (root: string): Places => ({
  config: join("/", root, "etc/signalbox-agent/agent.json"),
  state: join("/", root, "var/lib/signalbox-agent"),
  key: join("/", root, "var/lib/signalbox-agent/key.pem"),
  helperState: join("/", root, "var/lib/signalbox-agent-helper"),
  socket: join("/", root, "run/signalbox-agent/helper.sock")
})
