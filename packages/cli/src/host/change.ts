/** `host add`, `edit`, `remove` and `import`. */
import { randomUUID } from "node:crypto"
import { stat } from "node:fs/promises"
import { homedir, userInfo } from "node:os"
import { join, resolve } from "node:path"
import { Effect, Result } from "effect"
import type { HostEdit } from "@signalbox/core/api/contract.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import type { TaskDefaults } from "@signalbox/core/host/config.ts"
import { importSshConfig } from "@signalbox/worker/host/ssh-config.ts"
import { toFailure, withHub } from "../client/HubConnection.ts"
import { answer, cannotTell, CommandFailed, talk } from "../output.ts"

/** What `host add` and `host edit` have in common; undefined: not said. */
export interface HostFlags {
  readonly displayName: string | undefined
  readonly port: number | undefined
  readonly user: string | undefined
  readonly key: string | undefined
  readonly agent: boolean | undefined
  readonly passwordRef: string | undefined
  readonly jump: string | undefined
  readonly tags: ReadonlyArray<string>
  readonly maxTasks: number | undefined
  readonly timeout: number | undefined
  readonly idleTimeout: number | undefined
  readonly cwd: string | undefined
  readonly env: Readonly<Record<string, string>>
  readonly preCommand: string | undefined
  readonly args: ReadonlyArray<string>
}

/** The hub is on this machine, and so is its worker: a key file that is not here or not safe is told now, not at the first task. */
const keyFile = Effect.fnUntraced(function* (path: string) {
  const whole = path.startsWith("~/") ? join(homedir(), path.slice(2)) : resolve(path)
  const found = yield* Effect.promise(() => stat(whole).catch((cause: NodeJS.ErrnoException) => cause.code ?? "EIO"))
  if (typeof found === "string")
    return yield* Effect.fail(
      cannotTell(
        found === "ENOENT" ? `There is no key file ${whole}.` : `The key file ${whole} cannot be read (${found}).`
      )
    )
  if (!found.isFile()) return yield* Effect.fail(cannotTell(`${whole} is not a file, so it is no key.`))
  if ((found.mode & 0o077) !== 0)
    return yield* Effect.fail(
      cannotTell(`The key file ${whole} can be read by others, so it is not safe. Run: chmod 600 ${whole}`)
    )
  return whole
})

const connectionOf = Effect.fnUntraced(function* (flags: HostFlags) {
  return {
    ...(flags.displayName === undefined ? {} : { displayName: flags.displayName }),
    ...(flags.port === undefined ? {} : { port: flags.port }),
    ...(flags.user === undefined ? {} : { user: flags.user }),
    ...(flags.key === undefined ? {} : { keyFile: yield* keyFile(flags.key) }),
    ...(flags.agent === undefined ? {} : { agent: flags.agent }),
    ...(flags.passwordRef === undefined ? {} : { passwordRef: flags.passwordRef }),
    ...(flags.jump === undefined ? {} : { jump: flags.jump }),
    ...(flags.tags.length === 0 ? {} : { tags: flags.tags })
  }
})

const defaultsOf = (flags: HostFlags): TaskDefaults => ({
  ...(flags.maxTasks === undefined ? {} : { maxTasks: flags.maxTasks }),
  ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout }),
  ...(flags.idleTimeout === undefined ? {} : { idleTimeoutMs: flags.idleTimeout }),
  ...(flags.cwd === undefined ? {} : { cwd: flags.cwd }),
  ...(Object.keys(flags.env).length === 0 ? {} : { env: flags.env }),
  ...(flags.preCommand === undefined ? {} : { preCommand: flags.preCommand }),
  ...(flags.args.length === 0 ? {} : { args: flags.args })
})

export const add = (
  flags: HostFlags & { readonly name: string; readonly address: string; readonly acceptNew: boolean }
) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { position } = yield* hub.hosts.add({
        payload: {
          ...(yield* connectionOf(flags)),
          name: flags.name,
          address: flags.address,
          defaults: defaultsOf(flags),
          acceptNew: flags.acceptNew,
          commandId: randomUUID()
        }
      })
      yield* answer(
        { host: flags.name, position },
        () => `${flags.name} is added. Look at it with: signalbox host check ${flags.name}`
      )
    })
  )

/** Names of `--clear`, and the field of the host that each takes away. */
export const clearable = {
  "display-name": { displayName: null },
  user: { user: null },
  key: { keyFile: null },
  agent: { agent: null },
  "password-ref": { passwordRef: null },
  jump: { jump: null },
  tags: { tags: [] },
  defaults: { defaults: {} },
  tools: { tools: null }
} as const satisfies Record<string, HostEdit>

/** Names of `--clear` that take away one limit or setting: the host's, or with `--for-tool` that tool's. */
export const clearableSettings = {
  "max-tasks": "maxTasks",
  timeout: "timeoutMs",
  "idle-timeout": "idleTimeoutMs",
  cwd: "cwd",
  env: "env",
  "pre-command": "preCommand",
  args: "args"
} as const satisfies Record<string, keyof TaskDefaults>

type Clear = keyof typeof clearable | keyof typeof clearableSettings
const isSetting = (name: Clear): name is keyof typeof clearableSettings => Object.hasOwn(clearableSettings, name)

export const edit = (
  flags: HostFlags & {
    readonly name: string
    readonly address: string | undefined
    readonly clear: ReadonlyArray<Clear>
    readonly forTool: string | undefined
    readonly acceptNew: boolean
    readonly replaceKey: boolean
  }
) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { host } = yield* hub.hosts.get({ params: { name: flags.name } })
      const defaults = defaultsOf(flags)
      const gone = new Set<string>(flags.clear.filter(isSetting).map((name) => clearableSettings[name]))
      const said = Object.keys(defaults).length > 0 || gone.size > 0
      const cleared: HostEdit = Object.assign(
        {},
        ...flags.clear.map((name) => (isSetting(name) ? {} : clearable[name]))
      )
      const settled = (before: TaskDefaults): TaskDefaults => ({
        ...Object.fromEntries(Object.entries(before).filter(([name]) => !gone.has(name))),
        ...defaults
      })
      const tools = "tools" in cleared ? {} : (host.tools ?? {})
      if (flags.forTool !== undefined && said) yield* knownTool(flags.forTool)
      const change: HostEdit = {
        ...cleared,
        ...(yield* connectionOf(flags)),
        ...(flags.address === undefined ? {} : { address: flags.address }),
        ...(said && flags.forTool === undefined
          ? { defaults: settled("defaults" in cleared ? {} : host.defaults) }
          : {}),
        ...(said && flags.forTool !== undefined
          ? { tools: { ...tools, [flags.forTool]: settled(tools[flags.forTool] ?? {}) } }
          : {})
      }
      const pins = flags.acceptNew || flags.replaceKey
      const changes = Object.keys(change).length > 0
      if (!changes && !pins) return yield* Effect.fail(cannotTell("Nothing to change was given. See host edit --help."))
      const params = { name: flags.name }
      const edited = changes
        ? yield* hub.hosts.edit({ params, payload: { ...change, commandId: randomUUID() } })
        : undefined
      // After the change: the key of the address that is meant from now on.
      const pinned = pins
        ? yield* hub.hosts.acceptKey({ params, payload: { commandId: randomUUID(), replace: flags.replaceKey } })
        : undefined
      const { position } = pinned ?? edited ?? { position: 0 }
      yield* answer({ host: flags.name, position }, () =>
        pinned === undefined
          ? `${flags.name} is changed.`
          : `${flags.name} is known by the key ${pinned.host.fingerprint ?? "it offers"} from now on.`
      )
    })
  )

/** A misspelt tool would be a setting that nothing ever obeys. */
const knownTool = Effect.fnUntraced(function* (name: string) {
  const { tools } = yield* (yield* HubClient).tools.list()
  if (tools.some((tool) => tool.name === name)) return
  return yield* Effect.fail(
    cannotTell(`There is no tool ${name}. There are ${tools.map((tool) => tool.name).join(", ")}.`)
  )
})

export const remove = (name: string) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { position } = yield* hub.hosts.remove({ params: { name } })
      yield* answer({ host: name, position }, () => `${name} is removed.`)
    })
  )

export const importHosts = (flags: {
  readonly names: ReadonlyArray<string>
  readonly file: string | undefined
  readonly dryRun: boolean
}) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const path = flags.file === undefined ? join(homedir(), ".ssh", "config") : resolve(flags.file)
      const found = yield* importSshConfig(path, homedir(), userInfo().username)
      const unknown = flags.names.filter((name) => !found.hosts.some((host) => host.name === name))
      if (unknown.length > 0)
        return yield* Effect.fail(
          cannotTell(`${path} has no host ${unknown.join(", ")} that can be imported. ${found.notes.join(". ")}`.trim())
        )
      const wanted = found.hosts.filter((host) => flags.names.length === 0 || flags.names.includes(host.name))
      const added: Array<string> = []
      const skipped: Array<{ host: string; reason: string }> = []
      for (const { kind: _kind, ...host } of wanted) {
        if (flags.dryRun) {
          added.push(host.name)
          continue
        }
        const result = yield* Effect.result(hub.hosts.add({ payload: { ...host, commandId: randomUUID() } }))
        if (Result.isSuccess(result)) added.push(host.name)
        else if (result.failure._tag === "Rejected" || result.failure._tag === "Invalid")
          skipped.push({ host: host.name, reason: result.failure.message })
        else return yield* Effect.fail(toFailure(result.failure))
      }
      for (const note of found.notes) yield* talk(note)
      yield* answer({ added, skipped, notes: found.notes }, () =>
        [
          added.length === 0 ? "Nothing was added." : `${flags.dryRun ? "Would add" : "Added"} ${added.join(", ")}.`,
          ...skipped.map(({ host, reason }) => `${host}: ${reason}`)
        ].join("\n")
      )
      if (wanted.length > 0 && added.length === 0) return yield* Effect.fail(new CommandFailed({ reason: "", code: 1 }))
    })
  )
