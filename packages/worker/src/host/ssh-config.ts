/**
 * Hosts out of a person's `~/.ssh/config`.
 *
 * Owns: which aliases there are, their settings as ssh would compute them, what cannot be taken over (said, not dropped
 * silently). Does not own: adding hosts, the key files.
 * Invariants: the computation is pure and never runs a command (`Match exec` is not evaluated); patterns are no hosts; one
 * alias that cannot be taken over does not hinder the others.
 */
import { globSync, readFileSync, statSync } from "node:fs"
import { isAbsolute, join } from "node:path"
import { HostConfig } from "@signalbox/core/host/config.ts"
import { Effect, Schema } from "effect"
import { type Line, LineType, parse } from "ssh-config"

export interface Imported {
  readonly hosts: ReadonlyArray<HostConfig>
  /** One sentence for each thing that was left out. */
  readonly notes: ReadonlyArray<string>
}

export class SshConfigError extends Schema.TaggedError<SshConfigError>()("SshConfigError", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.path} cannot be imported: ${this.reason}`
  }
}

const maxBytes = 1024 * 1024
const deepestInclude = 8

/** Reads the file and what it includes. `home`: where `~` and relative includes lead. */
export const importSshConfig = (path: string, home: string, user: string): Effect.Effect<Imported, SshConfigError> =>
  Effect.try({
    try: () => parseSshConfig(withIncludes(path, home, 0), user),
    catch: (error) =>
      error instanceof SshConfigError
        ? error
        : new SshConfigError({
            path,
            reason: `${error instanceof Error ? error.message : String(error)}: mend that line`
          })
  })

/** `user`: who signs in where the file names nobody. Throws what the parser throws on broken quotes. */
export const parseSshConfig = (text: string, user: string): Imported => {
  const config = parse(text)
  const aliases = aliasesOf(config)
  const notes: Array<string> = []
  const hosts: Array<HostConfig> = []
  if (hasMatchExec(config)) notes.push("Match exec blocks were left out: an import runs no commands")
  for (const alias of aliases) {
    const found = config.compute(alias, { ignoreCase: true, matchExec: false })
    const one = (key: string): string | undefined => {
      const value: unknown = found[key]
      const first: unknown = Array.isArray(value) ? value[0] : value
      return typeof first === "string" && first !== "" ? first : undefined
    }
    const address = (one("hostname") ?? alias).replaceAll("%h", alias).replaceAll("%%", "%")
    const keyFile = one("identityfile")
    const jump = jumpFrom(one("proxyjump"), aliases, user)
    if (jump.problem !== undefined) {
      notes.push(`${alias} was left out: ${jump.problem}`)
      continue
    }
    if (one("proxycommand") !== undefined && one("proxycommand")?.toLowerCase() !== "none" && jump.jump === undefined) {
      notes.push(`${alias} was left out: it is reached by a ProxyCommand; use ProxyJump`)
      continue
    }
    if (keyFile !== undefined && /%/u.test(keyFile))
      notes.push(`${alias}: its key file ${keyFile} has %-marks that ssh fills in; name the file itself`)
    // IdentitiesOnly needs nothing: a host with a key file never asks the agent here, unless it says `agent`.
    const remoteUser = one("user")
    const candidate = {
      name: alias,
      kind: "ssh",
      address,
      port: Number(one("port") ?? "22"),
      ...(remoteUser === undefined ? {} : { user: remoteUser }),
      ...(keyFile === undefined || /%/u.test(keyFile) || keyFile.toLowerCase() === "none" ? {} : { keyFile }),
      ...(jump.jump === undefined ? {} : { jump: jump.jump }),
      tags: [],
      hostKeys: [],
      defaults: {}
    }
    const decoded = Schema.decodeUnknownResult(HostConfig)(candidate)
    if (decoded._tag === "Failure")
      notes.push(`${alias} was left out: its name or port does not fit a host (letters, digits, . _ -)`)
    else if (decoded.success.port < 1 || decoded.success.port > 65_535)
      notes.push(`${alias} was left out: ${one("port")} is no port`)
    else hosts.push(decoded.success)
  }
  return { hosts, notes }
}

/** Every plain word of a `Host` line, once, in order. */
const aliasesOf = (config: ReadonlyArray<Line>): ReadonlyArray<string> => {
  const aliases = new Set<string>()
  for (const line of config) {
    if (line.type !== LineType.DIRECTIVE || line.param.toLowerCase() !== "host") continue
    const words = typeof line.value === "string" ? line.value.split(/\s+/u) : line.value.map((word) => word.val)
    for (const word of words) if (word !== "" && !/[*?!]/u.test(word)) aliases.add(word)
  }
  return [...aliases]
}

const hasMatchExec = (config: ReadonlyArray<Line>): boolean =>
  config.some(
    (line) =>
      line.type === LineType.DIRECTIVE &&
      line.param.toLowerCase() === "match" &&
      "criteria" in line &&
      "exec" in line.criteria
  )

const jumpFrom = (
  value: string | undefined,
  aliases: ReadonlyArray<string>,
  user: string
): { readonly jump?: string; readonly problem?: string } => {
  if (value === undefined || value.toLowerCase() === "none") return {}
  if (value.includes(","))
    return { problem: `its ProxyJump goes through several hosts (${value}); give each its own Host with one ProxyJump` }
  const bare = value.replace(/^ssh:\/\//u, "")
  if (aliases.includes(bare)) return { jump: bare }
  return { jump: bare.includes("@") ? bare : `${user}@${bare}` }
}

/** The text with every Include replaced by what it names, as ssh does: patterns in order, relative ones under ~/.ssh. */
const withIncludes = (path: string, home: string, depth: number): string => {
  if (depth > deepestInclude)
    throw new SshConfigError({ path, reason: "its Include lines go round in a circle: take one out" })
  return readConfig(path)
    .split("\n")
    .map((line) => {
      const [, indent = "", rest] = /^(\s*)include(?:\s+|\s*=\s*)(.+)$/iu.exec(line) ?? []
      if (rest === undefined) return line
      return [...rest.matchAll(/"([^"]*)"|(\S+)/gu)]
        .map(([, quoted, plain]) => quoted ?? plain ?? "")
        .map((word) =>
          word.startsWith("~/") ? join(home, word.slice(2)) : isAbsolute(word) ? word : join(home, ".ssh", word)
        )
        .flatMap((pattern) => globSync(pattern).toSorted())
        .map((file) => withIncludes(file, home, depth + 1).replaceAll(/^/gmu, indent))
        .join("\n")
    })
    .join("\n")
}

const readConfig = (path: string): string => {
  try {
    const stat = statSync(path)
    if (!stat.isFile()) throw new SshConfigError({ path, reason: "it is not a file: name another" })
    if (stat.size > maxBytes)
      throw new SshConfigError({ path, reason: `it is larger than ${maxBytes} bytes: name another` })
    return readFileSync(path, "utf8")
  } catch (error) {
    if (error instanceof SshConfigError) throw error
    const code = error instanceof Error && "code" in error ? error.code : undefined
    throw new SshConfigError({
      path,
      reason:
        code === "ENOENT"
          ? "it does not exist: name the right file"
          : code === "EACCES"
            ? "it may not be read: change its rights"
            : String(error)
    })
  }
}
