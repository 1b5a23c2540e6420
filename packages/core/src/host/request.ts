/**
 * From what a person says of a host to its configuration. Pure.
 *
 * Owns: defaults, limits and plausibility. Does not own: whether the host answers (worker), whether it exists (decider).
 */
import { Result, Schema } from "effect"
import type { HostEdit, HostRequest } from "../api/contract.ts"
import type { HostConfig, TaskDefaults } from "./config.ts"

/** Well-formed and wrong: nothing was done. `reason` is for people. */
export class HostInvalid extends Schema.TaggedError<HostInvalid>()("HostInvalid", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

type Checked = Result.Result<HostConfig, HostInvalid>

export const toHostConfig = (request: HostRequest): Checked =>
  check({
    ...request,
    kind: "ssh",
    port: request.port ?? 22,
    tags: request.tags ?? [],
    hostKeys: request.hostKeys ?? [],
    defaults: request.defaults ?? {}
  })

/** Absent keys stay, null removes. Of `local` only names and task defaults can be changed. */
export const editHostConfig = (before: HostConfig, edit: HostEdit): Checked => {
  const merged = Object.fromEntries(
    Object.entries({ ...before, ...edit }).filter(([, value]) => value !== null)
  ) as HostConfig // null stands only where the field is optional, and is gone now
  if (before.kind === "local") {
    const fixed = ["address", "port", "user", "keyFile", "agent", "passwordRef", "jump"] as const
    const wrong = fixed.find((name) => edit[name] !== undefined && edit[name] !== null)
    if (wrong !== undefined) return refuse(`local is this machine: it has no ${wrong} to set.`)
  }
  return check(merged)
}

const refuse = (reason: string): Result.Result<never, HostInvalid> => Result.fail(new HostInvalid({ reason }))

const check = (config: HostConfig): Checked => {
  const reason =
    connection(config) ??
    tags(config.tags) ??
    defaults("", config.defaults) ??
    Object.entries(config.tools ?? {})
      .map(([tool, values]) => defaults(` of ${tool}`, values))
      .find((found) => found !== undefined)
  return reason === undefined ? Result.succeed(config) : refuse(reason)
}

const connection = (config: HostConfig): string | undefined => {
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9._:%-]{0,252})$|^\[?[0-9A-Fa-f:.%a-z0-9]+\]?$/.test(config.address))
    return `"${config.address.slice(0, 60)}" is not an address: give a host name or an IP address without user and port.`
  if (config.user !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}\$?$/.test(config.user))
    return `"${config.user.slice(0, 60)}" is not a user name.`
  if (config.jump !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9_.@:%[\]-]{0,300}$/.test(config.jump))
    return `"${config.jump.slice(0, 60)}" is not a jump host: give the name of a host or user@address:port.`
  if (config.jump === config.name) return `${config.name} cannot be its own jump host.`
  for (const [what, text] of [
    ["key file", config.keyFile],
    ["password reference", config.passwordRef],
    ["display name", config.displayName]
  ] as const)
    if (text !== undefined && (text.trim() === "" || text.length > 4096 || /[\0\n]/.test(text)))
      return `The ${what} must be one line of 1 to 4096 characters.`
  if (config.passwordRef !== undefined && !/^([A-Za-z_][A-Za-z0-9_]*|file:.+)$/.test(config.passwordRef))
    return "The password is given by reference: the name of an environment variable of the worker, or file:PATH."
  const bad = config.hostKeys.find((key) => !/^[a-z0-9@.-]{3,80} [A-Za-z0-9+/=]{16,16384}$/.test(key))
  if (bad !== undefined || config.hostKeys.length > 20)
    return 'Host keys are given as "type base64", as in known_hosts, and at most 20 of them.'
  return undefined
}

const tags = (list: ReadonlyArray<string>): string | undefined => {
  const bad = list.find((tag) => !/^[A-Za-z0-9][A-Za-z0-9._:-]{0,62}$/.test(tag))
  if (bad !== undefined) return `"${bad.slice(0, 60)}" is not a tag: use letters, digits, dots and dashes.`
  return list.length > 50 ? "A host can have at most 50 tags." : undefined
}

const longest = 30 * 24 * 3600 * 1000

const defaults = (of: string, values: TaskDefaults): string | undefined => {
  const { timeoutMs, idleTimeoutMs, maxTasks } = values
  for (const [what, ms] of [
    ["time limit", timeoutMs],
    ["idle time limit", idleTimeoutMs]
  ] as const)
    if (ms !== undefined && (ms < 1 || ms > longest)) return `The ${what}${of} must be between 1 ms and 30 days.`
  if (maxTasks !== undefined && (maxTasks < 1 || maxTasks > 1000))
    return `The number of tasks at once${of} must be between 1 and 1000, not ${maxTasks}.`
  const name = Object.keys(values.env ?? {}).find((one) => !/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(one))
  if (name !== undefined) return `"${name.slice(0, 60)}" is not a name of an environment variable.`
  const text = JSON.stringify(values)
  if (text.includes("\\u0000")) return `The defaults${of} hold a NUL character.`
  return Buffer.byteLength(text) > 64 * 1024 ? `The defaults${of} are larger than 64 kB.` : undefined
}
