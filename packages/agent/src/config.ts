/**
 * What this host's agent was told: the hub, its keys, and which actions the host's owner allows.
 *
 * Owns: the file's schema, reading it with its checks, writing it whole. Does not own: enrollment, the agent's private key.
 * Invariants: the file is written by rename; root's helper refuses one that anybody but root can change.
 */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs/promises"
import { dirname } from "node:path"
import { actionNames, catalog, type ActionName } from "@signalbox/core/action/catalog.ts"
import type { Action } from "@signalbox/core/action/Action.ts"
import { PublicKey } from "@signalbox/core/agent/enrollment.ts"
import { Result, Schema } from "effect"
import { RelayConfig } from "./relay-config.ts"
import { codeOf, reasonOf, Trouble } from "./trouble.ts"

const Names = Schema.Array(Schema.String.check(Schema.isMaxLength(64))).check(Schema.isMaxLength(100))

export const AgentConfig = Schema.Struct({
  hub: Schema.String.check(
    Schema.isPattern(/^https?:\/\/[^\s/]+$/u, { expected: "the hub's address, like https://hub:49152" })
  ),
  /** SHA-256 of the hub's certificate; without it an authority that this host trusts must have signed it. */
  fingerprint: Schema.optionalKey(
    Schema.String.check(Schema.isPattern(/^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/u, { expected: "a SHA-256 fingerprint" }))
  ),
  agentId: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(100)),
  name: Schema.String.check(Schema.isMaxLength(255)),
  hubKey: PublicKey,
  /** Opt-in actions, like shell.run. */
  allows: Names,
  /** Absent: all of the catalogue that are not opt-in. */
  actions: Schema.optionalKey(Names),
  /** Other agents may reach the hub through this one. */
  relay: Schema.optionalKey(RelayConfig)
})
export type AgentConfig = typeof AgentConfig.Type

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(AgentConfig), { onExcessProperty: "error" })

/** @param options.rootOnly the reader acts as root upon what it reads */
export const readConfig = async (path: string, options: { readonly rootOnly: boolean }): Promise<AgentConfig> => {
  const text = await fs.readFile(path, "utf8").catch((cause: unknown) => {
    throw new Trouble(
      codeOf(cause) === "ENOENT"
        ? `This host is not enrolled: ${path} is not there. Run signalbox agent invite on the hub and what it prints here.`
        : `${path} cannot be read (${codeOf(cause) || reasonOf(cause)}). Let root own it with mode 0644.`
    )
  })
  if (options.rootOnly) await refuseForeign(path)
  const decoded = decode(text)
  if (Result.isFailure(decoded))
    throw new Trouble(
      `${path} does not fit: ${decoded.failure.message}. Mend it, or move it away and enroll this host anew.`
    )
  return decoded.success
}

const refuseForeign = async (path: string): Promise<void> => {
  const own = process.getuid?.() ?? 0
  for (const one of [path, dirname(path)]) {
    const { uid, mode } = await fs.stat(one)
    if (uid !== own || (mode & 0o022) !== 0)
      throw new Trouble(
        `${one} can be changed by others than root, so nothing in it is believed. Run chown root ${one} and chmod go-w ${one}.`
      )
  }
}

export interface Owner {
  readonly uid: number
  readonly gid: number
}

/**
 * @param owner given by descriptor, before the file has its name: the directory may be another user's, who could put a link in its place
 */
export const writeWhole = async (
  path: string,
  content: string | Uint8Array,
  mode: number,
  owner?: Owner
): Promise<void> => {
  const making = `${path}.${randomBytes(4).toString("hex")}`
  try {
    const file = await fs.open(making, "wx", mode)
    try {
      await file.writeFile(content)
      await file.chmod(mode) // whatever the umask is
      if (owner !== undefined) await file.chown(owner.uid, owner.gid)
      await file.sync()
    } finally {
      await file.close()
    }
    await fs.rename(making, path)
    const directory = await fs.open(dirname(path), "r")
    await directory.sync().finally(() => directory.close())
  } finally {
    await fs.rm(making, { force: true })
  }
}

/** What this agent may be asked for: of what it can carry out, what its owner allows. */
export const capabilities = (
  config: Pick<AgentConfig, "allows" | "actions">,
  performed: ReadonlyArray<string>
): ReadonlyArray<ActionName> =>
  actionNames.filter((name) => {
    const entry: Pick<Action<never>, "optIn"> = catalog[name]
    if (!performed.includes(name)) return false
    if (entry.optIn === true && !config.allows.includes(name)) return false
    return config.actions === undefined || config.actions.includes(name)
  })
