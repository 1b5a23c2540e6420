/**
 * Making this host an agent: its key, the one-time invite, and the configuration that comes of it.
 *
 * Owns: the order of the steps and the files' owners. Does not own: installing the service (the hub's script).
 * Invariants: key and configuration change only when the hub has taken the key, so that one that says no leaves an enrolled host as it
 * was; a second try after a lost answer shows the same key, which the hub takes again; an enrolled host is enrolled anew only when told
 * to, and keeps what its owner has set; the invite is on no command line but comes from the environment.
 */
import type { KeyObject } from "node:crypto"
import { lchown, mkdir, readFile, rm, stat } from "node:fs/promises"
import { hostname } from "node:os"
import { dirname, join } from "node:path"
import { agentPaths, EnrollAnswer, enrollText, InviteToken } from "@signalbox/core/agent/enrollment.ts"
import { publicKeyFrom, publicKeyText } from "@signalbox/core/agent/grant.ts"
import { Result, Schema } from "effect"
import { ask } from "./ask.ts"
import { AgentConfig, type Owner, readConfig, writeWhole } from "./config.ts"
import { machineId } from "./facts.ts"
import { agentGroup } from "./helper.ts"
import { makeKey, readKey, signText, writeKey } from "./identity.ts"
import type { Places } from "./places.ts"
import { Trouble } from "./trouble.ts"
import { version } from "./version.ts"

export interface EnrollOptions {
  readonly places: Places
  readonly hub: string
  readonly fingerprint: string | undefined
  readonly token: string
  readonly replace: boolean
}

const decodeConfig = Schema.decodeUnknownResult(AgentConfig)

export const enroll = async (options: EnrollOptions): Promise<AgentConfig> => {
  const { places, token } = options
  const there = await stat(places.config).then(
    () => true,
    () => false
  )
  if (there && !options.replace)
    throw new Trouble(`This host is enrolled already (${places.config}). Enroll it anew with --replace.`)
  if (Result.isFailure(Schema.decodeUnknownResult(InviteToken)(token)))
    throw new Trouble("TOKEN is no invite. Run signalbox agent invite on the hub and give what it prints.")
  const target = {
    hub: options.hub.replace(/\/+$/u, ""),
    ...(options.fingerprint === undefined ? {} : { fingerprint: options.fingerprint.toUpperCase() })
  }
  await mkdir(dirname(places.config), { recursive: true, mode: 0o755 })
  // root's directory: what is not the host's key yet is nobody else's business
  const trial = join(dirname(places.config), "enrolling.pem")
  const key = await keyOfTrial(trial)
  const publicKey = publicKeyText(key)
  const answer = await ask(
    target,
    agentPaths.enroll,
    {
      token,
      publicKey,
      signature: signText(enrollText({ token, publicKey }), key),
      hostname: hostname(),
      machineId: await machineId(),
      version
    },
    EnrollAnswer
  )
  if (publicKeyFrom(answer.hubKey) === undefined)
    throw new Trouble("The hub gave no Ed25519 key for its grants. Install an agent of the hub's own version.")
  const config = decodeConfig({ ...(await ownersWishes(places.config, there)), ...target, ...answer })
  if (Result.isFailure(config)) throw new Trouble(`What the hub answered does not fit: ${config.failure.message}`)
  const owner = await agentUser()
  await mkdir(places.state, { recursive: true, mode: 0o700 })
  if (owner !== undefined) await lchown(places.state, owner.uid, owner.gid)
  await writeKey(places.key, key, owner)
  await writeWhole(places.config, `${JSON.stringify(config.success, undefined, 2)}\n`, 0o644)
  await rm(trial, { force: true })
  return config.success
}

const keyOfTrial = async (path: string): Promise<KeyObject> => {
  const before = await readKey(path).catch(() => undefined) // none, or not to be trusted
  if (before !== undefined) return before
  const key = makeKey()
  await writeKey(path, key)
  return key
}

/** What the hub does not decide survives a new enrollment. */
const ownersWishes = async (path: string, there: boolean): Promise<Pick<AgentConfig, "actions" | "relay">> => {
  if (!there) return {}
  const { actions, relay } = await readConfig(path, { rootOnly: true })
  return { ...(actions === undefined ? {} : { actions }), ...(relay === undefined ? {} : { relay }) }
}

/** Run by root, the unprivileged process's files become its own; run by anybody else they are already. */
const agentUser = async (): Promise<Owner | undefined> => {
  if (process.getuid?.() !== 0) return undefined
  const passwd = await readFile("/etc/passwd", "utf8").catch(() => "")
  const found = new RegExp(`^${agentGroup}:[^:]*:(\\d+):(\\d+):`, "mu").exec(passwd)
  return found === null ? undefined : { uid: Number(found[1]), gid: Number(found[2]) } // a trial without the service's user
}
