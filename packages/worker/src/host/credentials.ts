/**
 * How we prove who we are to an SSH host: key file, agent, password by reference, or ssh's default keys.
 *
 * Owns: reading and refusing credentials as ssh would, one clear sentence each. Does not own: the connection (`dial.ts`).
 * Invariants: a named credential that cannot be used refuses before anything is dialed; nothing secret is in a message.
 */
import { readFileSync, statSync } from "node:fs"
import { userInfo } from "node:os"
import { join } from "node:path"
import type { HostConfig } from "@signalbox/core/host/config.ts"
import ssh2, { type AnyAuthMethod } from "ssh2"
import { HostRefused } from "./Transport.ts"

/** What a process may use; injected so that tests do not touch the person's own keys. */
export interface Surroundings {
  readonly home: string
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface Credentials {
  readonly username: string
  readonly methods: ReadonlyArray<AnyAuthMethod>
  /** For the sentence when all were refused. */
  readonly tried: ReadonlyArray<string>
}

const defaultKeys = ["id_ed25519", "id_ecdsa", "id_rsa"]

export const credentials = (host: HostConfig, around: Surroundings): Credentials | HostRefused => {
  const username = host.user ?? userInfo().username
  const methods: Array<AnyAuthMethod> = []
  const tried: Array<string> = []
  const edit = `signalbox host edit ${host.name}`
  const socket = around.env["SSH_AUTH_SOCK"]
  const addAgent = (path: string): void => {
    methods.push({ type: "agent", username, agent: path })
    tried.push("the agent")
  }

  if (host.keyFile !== undefined) {
    const path = expandHome(host.keyFile, around.home)
    const key = readKey(path)
    if (typeof key === "string") return refuse(host, "key-file", `${key}, or name another with ${edit} --key FILE`)
    methods.push({ type: "publickey", username, key })
    tried.push(`the key ${path}`)
  }
  if (host.agent === true) {
    if (socket === undefined || socket === "")
      return refuse(
        host,
        "config",
        `${host.name} uses the SSH agent, but SSH_AUTH_SOCK is not set: start ssh-agent and ssh-add a key`
      )
    if (!exists(socket))
      return refuse(
        host,
        "config",
        `${host.name} uses the SSH agent, but there is none at ${socket}: start ssh-agent and set SSH_AUTH_SOCK`
      )
    addAgent(socket)
  }
  if (host.passwordRef !== undefined) {
    const password = readPassword(host.passwordRef, around)
    if (typeof password !== "string")
      return refuse(host, "config", `the password of ${host.name} is not to be had: ${password.problem}`)
    methods.push({ type: "password", username, password })
    methods.push({
      type: "keyboard-interactive",
      username,
      // One hidden question is the password; anything else (a code, a choice) is for a person.
      prompt: (_name, _instructions, _lang, prompts, finish) =>
        finish(prompts.map((one) => (one.echo === true ? "" : password)))
    })
    tried.push("the password")
  }
  if (methods.length > 0) return { username, methods, tried }

  if (socket !== undefined && socket !== "" && exists(socket)) addAgent(socket)
  for (const name of defaultKeys) {
    const path = join(around.home, ".ssh", name)
    if (!exists(path)) continue
    const key = readKey(path)
    if (typeof key === "string") tried.push(`not ${path}: ${key}`)
    else {
      methods.push({ type: "publickey", username, key })
      tried.push(`the key ${path}`)
    }
  }
  if (methods.length === 0) {
    const why = tried.length > 0 ? ` (${tried.join("; ")})` : ""
    return refuse(
      host,
      "authentication",
      `there is nothing to sign in to ${host.name} with${why}: name a key with ${edit} --key FILE, or use --agent`
    )
  }
  return { username, methods, tried }
}

export const expandHome = (path: string, home: string): string =>
  path === "~" ? home : path.startsWith("~/") ? join(home, path.slice(2)) : path

/** The key's text, or what is wrong with the file and the mend. */
const readKey = (path: string): Buffer | string => {
  const text = readPrivate(path, "key file")
  if (typeof text === "string") return text
  const parsed = ssh2.utils.parseKey(text)
  if (parsed instanceof Error)
    return /passphrase|encrypted/iu.test(parsed.message)
      ? `the key file ${path} is protected by a passphrase: add it to the agent (ssh-add ${path}) and use --agent`
      : `the key file ${path} is not a private key that can be read (${parsed.message}): make one with ssh-keygen`
  const one = Array.isArray(parsed) ? parsed[0] : parsed
  return one?.isPrivateKey() === true ? text : `the key file ${path} holds a public key: give the private one`
}

const readPassword = (ref: string, around: Surroundings): string | { readonly problem: string } => {
  if (!ref.startsWith("file:")) {
    const value = around.env[ref]
    return value === undefined || value === ""
      ? { problem: `the environment variable ${ref} is not set where the worker runs: set it there` }
      : value
  }
  const text = readPrivate(expandHome(ref.slice("file:".length), around.home), "password file")
  return typeof text === "string" ? { problem: text } : text.toString("utf8").replace(/\r?\n$/u, "")
}

/** Like ssh: a secret of ours that others may read is not used. */
const readPrivate = (path: string, what: string): Buffer | string => {
  try {
    const stat = statSync(path)
    if (!stat.isFile()) return `the ${what} ${path} is not a file`
    if (stat.size > 65_536) return `the ${what} ${path} is ${stat.size} bytes long, which no ${what} is`
    if (stat.uid === process.getuid?.() && (stat.mode & 0o077) !== 0)
      return `the ${what} ${path} can be read by others (mode 0${(stat.mode & 0o777).toString(8)}), so it is not used: chmod 600 ${path}`
    return readFileSync(path)
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined
    if (code === "ENOENT" || code === "ENOTDIR") return `the ${what} ${path} does not exist: create it`
    if (code === "EACCES" || code === "EPERM") return `the ${what} ${path} may not be read by this user: chown it`
    return `the ${what} ${path} cannot be read (${String(code)}): check it`
  }
}

const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined

const refuse = (host: HostConfig, problem: HostRefused["problem"], reason: string): HostRefused =>
  new HostRefused({ host: host.name, problem, reason })
