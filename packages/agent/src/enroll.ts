/**
 * Making this host an agent: its key, the one-time invite, and the configuration that comes of it.
 *
 * Owns: the order of the steps and the files' owners. Does not own: installing the service (the hub's script).
 * Invariants: the configuration appears last, whole, and only when the hub has taken the key; an enrolled host is enrolled anew only when
 * told to; the invite is on no command line but comes from the environment.
 */
import { chown, mkdir, readFile, stat } from "node:fs/promises"
import { hostname } from "node:os"
import { dirname } from "node:path"
import { agentPaths, EnrollAnswer, enrollText, InviteToken } from "@signalbox/core/agent/enrollment.ts"
import { publicKeyFrom, publicKeyText } from "@signalbox/core/agent/grant.ts"
import { Result, Schema } from "effect"
import { ask } from "./ask.ts"
import { AgentConfig, writeWhole } from "./config.ts"
import { machineId } from "./facts.ts"
import { agentGroup } from "./helper.ts"
import { makeKey, signText } from "./identity.ts"
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
  await mkdir(places.state, { recursive: true, mode: 0o700 })
  await mkdir(dirname(places.config), { recursive: true, mode: 0o755 })
  const key = await makeKey(places.key)
  await giveToAgent([places.state, places.key])
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
  const config = decodeConfig({ ...target, ...answer })
  if (Result.isFailure(config)) throw new Trouble(`What the hub answered does not fit: ${config.failure.message}`)
  await writeWhole(places.config, `${JSON.stringify(config.success, undefined, 2)}\n`, 0o644)
  return config.success
}

/** Run by root, the unprivileged process's files become its own; run by anybody else they are already. */
const giveToAgent = async (paths: ReadonlyArray<string>): Promise<void> => {
  if (process.getuid?.() !== 0) return
  const passwd = await readFile("/etc/passwd", "utf8").catch(() => "")
  const found = new RegExp(`^${agentGroup}:[^:]*:(\\d+):(\\d+):`, "mu").exec(passwd)
  if (found === null) return // a trial without the service's user
  for (const path of paths) await chown(path, Number(found[1]), Number(found[2]))
}
