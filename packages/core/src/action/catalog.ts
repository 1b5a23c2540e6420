/**
 * The catalogue: every action that a plan may hold, as one table.
 *
 * Owns: names, arguments, risks, time limits. Does not own: what an approver is told of proof and undo (`told.ts`), how an action is carried out (the agent package has one performer a
 * name), phrases (`plan/phrasebook`), approval (plan room).
 * Invariants: `decodeAction` is the only way in; an action that is not here, or arguments that do not fit, never reach a host.
 */
import { Result, Schema } from "effect"
import type { Action, RiskReason } from "./Action.ts"
import {
  AbsolutePath,
  Content,
  DnsName,
  HttpUrl,
  Lines,
  Needle,
  NetworkName,
  PackageName,
  Port,
  Sha256,
  Since,
  UnitName
} from "./arguments.ts"
import { configReasons, unitReasons } from "./sensitive.ts"
import { type Told, told } from "./told.ts"

const optional = Schema.optionalKey
const unit = Schema.Struct({ unit: UnitName })
/** A struct without fields alone would take anything. */
const none = Schema.Struct({}).check(
  Schema.makeFilter(
    (args) =>
      (typeof args === "object" && !Array.isArray(args) && Object.keys(args).length === 0) || "Expected no arguments"
  )
)
const seconds = (n: number) => n * 1_000
const minutes = (n: number) => n * 60_000

/** An entry with what needs the type of its own arguments: whoever takes it out of the table by a name does not know that any more. */
const entry = <Name extends keyof typeof told, Args>(name: Name, of: Omit<Action<Args>, keyof Told>) => {
  const action: Action<Args> = { ...told[name], ...of }
  const decode = Schema.decodeUnknownResult(action.args, { onExcessProperty: "error" })
  return {
    ...action,
    act: (args: unknown) => Result.map(decode(args), (fitting) => ({ name, args: fitting })),
    /** The base first; of arguments that do not fit there is nothing more to say. */
    reasons: (args: unknown): ReadonlyArray<RiskReason> => [
      { risk: action.risk, reason: action.title },
      ...Result.match(decode(args), { onFailure: () => [], onSuccess: (fitting) => action.raises?.(fitting) ?? [] })
    ]
  }
}

interface UnitArgs {
  readonly unit: string
}
const onUnit = { args: unit, raises: (args: UnitArgs) => unitReasons(args.unit), key: (args: UnitArgs) => args.unit }
const read = { privilege: "agent", risk: "low" } as const
const readAsRoot = { ...read, privilege: "root" } as const
const act = { privilege: "root" } as const

const aboutFile = (args: { readonly path: string }) => configReasons(args.path)
const filesKey = (args: { readonly path: string }) => args.path
const packagesKey = () => "packages"

export const catalog = {
  "service.status": entry("service.status", {
    ...read,
    title: "status of a service",
    description: "State, process, memory and start of a systemd unit, with its last log lines.",
    args: unit,
    timeoutMs: seconds(15)
  }),
  "service.list": entry("service.list", {
    ...read,
    title: "list services",
    description: "Services with their states; `state` keeps those in it.",
    args: Schema.Struct({ state: optional(Schema.Literals(["active", "failed", "inactive", "enabled", "disabled"])) }),
    timeoutMs: seconds(15)
  }),
  "service.start": entry("service.start", {
    ...act,
    ...onUnit,
    title: "start a service",
    description: "Starts a systemd unit that does not run.",
    risk: "medium",
    before: "service.status",
    timeoutMs: seconds(90)
  }),
  "service.stop": entry("service.stop", {
    ...act,
    ...onUnit,
    title: "stop a service",
    description: "Stops a systemd unit.",
    risk: "high",
    before: "service.status",
    timeoutMs: seconds(90)
  }),
  "service.restart": entry("service.restart", {
    ...act,
    ...onUnit,
    title: "restart a service",
    description: "Stops and starts a systemd unit.",
    risk: "medium",
    before: "service.status",
    timeoutMs: seconds(120)
  }),
  "service.reload": entry("service.reload", {
    ...act,
    ...onUnit,
    title: "reload a service",
    description: "Lets a systemd unit read its configuration anew without ending it.",
    risk: "medium",
    before: "service.status",
    timeoutMs: seconds(90)
  }),
  "service.enable": entry("service.enable", {
    ...act,
    ...onUnit,
    title: "enable a service",
    description: "Makes a systemd unit start at boot; does not start it now.",
    risk: "medium",
    before: "service.status",
    timeoutMs: seconds(30)
  }),
  "service.disable": entry("service.disable", {
    ...act,
    ...onUnit,
    title: "disable a service",
    description: "A systemd unit starts no more at boot; does not stop it now.",
    risk: "high",
    before: "service.status",
    timeoutMs: seconds(30)
  }),

  "config.read": entry("config.read", {
    ...readAsRoot,
    title: "read a configuration file",
    description: "Contents, owner, mode and SHA-256 of a file below /etc (secrets are masked).",
    args: Schema.Struct({ path: AbsolutePath }),
    timeoutMs: seconds(15)
  }),
  "config.validate": entry("config.validate", {
    ...readAsRoot,
    title: "check a configuration",
    description: "Lets the service's own checker (nginx -t, sshd -t, visudo -c …) judge the configuration as it is.",
    args: Schema.Struct({ path: AbsolutePath }),
    timeoutMs: seconds(30)
  }),
  "config.write": entry("config.write", {
    ...act,
    title: "replace a configuration file",
    description:
      "Writes a whole file: backup, validator, rename, reload, look; restored when any of these fails. `tag` is the SHA-256 that it must have before; absent: it must not exist.",
    args: Schema.Struct({ path: AbsolutePath, content: Content, tag: optional(Sha256) }),
    free: ["content"],
    risk: "high",
    raises: aboutFile,
    before: "config.read",
    timeoutMs: seconds(180),
    key: filesKey
  }),
  "config.set": entry("config.set", {
    ...act,
    title: "set a value in a configuration file",
    description:
      "Sets one key or directive and keeps comments and order; formats nginx, sshd, ini and key=value. `section` is an ini section, or nginx blocks from outside in, like http/server. Same safety as config.write.",
    args: Schema.Struct({
      path: AbsolutePath,
      key: Schema.String.check(
        Schema.isPattern(/^[A-Za-z_][A-Za-z0-9_.-]{0,99}$/u, { expected: "a key or directive" })
      ),
      value: Schema.String.check(Schema.isPattern(/^[^\p{Cc}]{0,2000}$/u, { expected: "a value on one line" })),
      section: optional(Needle)
    }),
    risk: "high",
    raises: aboutFile,
    before: "config.read",
    timeoutMs: seconds(180),
    key: filesKey
  }),
  "config.add-site": entry("config.add-site", {
    ...act,
    title: "add a domain to nginx",
    description: "Adds a server block for a domain, with a root directory or a proxied address, and enables it.",
    args: Schema.Struct({
      domain: NetworkName,
      root: optional(AbsolutePath),
      proxy: optional(HttpUrl),
      port: optional(Port)
    }),
    risk: "high",
    before: "service.status",
    timeoutMs: seconds(180),
    key: () => "/etc/nginx"
  }),
  "config.backups": entry("config.backups", {
    ...readAsRoot,
    title: "list backups of configuration files",
    description: "Backups that earlier changes left, newest first; `path` keeps those of one file.",
    args: Schema.Struct({ path: optional(AbsolutePath) }),
    timeoutMs: seconds(15)
  }),
  "config.restore": entry("config.restore", {
    ...act,
    title: "restore a configuration file",
    description: "Puts back a backup, with the same safety as config.write.",
    args: Schema.Struct({
      path: AbsolutePath,
      backup: optional(
        Schema.String.check(Schema.isPattern(/^[0-9A-Za-z-]{1,80}$/u, { expected: "the id of a backup" }))
      )
    }),
    risk: "high",
    raises: aboutFile,
    before: "config.backups",
    timeoutMs: seconds(180),
    key: filesKey
  }),

  "log.query": entry("log.query", {
    ...readAsRoot,
    title: "read logs",
    description: "Lines of the journal or of a file below /var/log: the last ones, by unit, level, time and text.",
    args: Schema.Struct({
      unit: optional(UnitName),
      path: optional(AbsolutePath),
      lines: optional(Lines),
      since: optional(Since),
      level: optional(Schema.Literals(["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"])),
      text: optional(Needle)
    }),
    timeoutMs: seconds(30)
  }),

  "system.info": entry("system.info", {
    ...read,
    title: "what a host is",
    description: "Operating system, kernel, processors, memory, disks, addresses, uptime.",
    args: none,
    timeoutMs: seconds(15)
  }),
  "system.usage": entry("system.usage", {
    ...read,
    title: "what a host is doing",
    description: "CPU (over half a second), memory, swap, disks, load and uptime, now.",
    args: none,
    timeoutMs: seconds(15)
  }),
  "system.reboot": entry("system.reboot", {
    ...act,
    title: "reboot a host",
    description: "Restarts the whole machine.",
    args: none,
    risk: "critical",
    before: "system.usage",
    timeoutMs: minutes(10),
    key: () => "host"
  }),
  "process.list": entry("process.list", {
    ...read,
    title: "list processes",
    description: "Processes with the most CPU or memory; `text` keeps those whose command holds it.",
    args: Schema.Struct({
      by: optional(Schema.Literals(["cpu", "memory"])),
      count: optional(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 500 }))),
      text: optional(Needle)
    }),
    timeoutMs: seconds(15)
  }),
  "process.signal": entry("process.signal", {
    ...act,
    title: "end a process",
    description:
      "Sends TERM (or KILL, HUP, INT) to one process; `started` is its start time in clock ticks since boot.",
    args: Schema.Struct({
      pid: Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 4_194_304 })),
      started: Schema.Int,
      signal: Schema.Literals(["TERM", "KILL", "HUP", "INT"])
    }),
    risk: "high",
    before: "process.list",
    timeoutMs: seconds(30),
    key: (args) => `pid ${args.pid}`
  }),

  "network.ping": entry("network.ping", {
    ...readAsRoot, // not everywhere may others send echo requests
    title: "ping",
    description: "Round-trip times and loss from a host to an address.",
    args: Schema.Struct({
      address: NetworkName,
      count: optional(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 })))
    }),
    timeoutMs: seconds(40)
  }),
  "network.dns": entry("network.dns", {
    ...read,
    title: "look up a name",
    description: "What a host's resolver answers for a name.",
    args: Schema.Struct({
      name: DnsName,
      type: optional(Schema.Literals(["A", "AAAA", "CNAME", "MX", "NS", "SRV", "TXT", "PTR"]))
    }),
    timeoutMs: seconds(20)
  }),
  "network.port": entry("network.port", {
    ...read,
    title: "check a TCP port",
    description: "Whether a TCP connection from a host to an address and port is accepted, and how fast.",
    args: Schema.Struct({ address: NetworkName, port: Port }),
    timeoutMs: seconds(20)
  }),
  "network.http": entry("network.http", {
    ...read,
    title: "check a URL",
    description: "Status, time and certificate of an HTTP(S) request from a host; the body is not read.",
    args: Schema.Struct({ url: HttpUrl }),
    timeoutMs: seconds(30)
  }),
  "network.listening": entry("network.listening", {
    ...readAsRoot,
    title: "listening ports",
    description:
      "TCP and UDP ports that a host listens on, with addresses and processes; of one port when it is given.",
    args: Schema.Struct({ port: optional(Port) }),
    timeoutMs: seconds(15)
  }),
  "network.routes": entry("network.routes", {
    ...read,
    title: "routes and addresses",
    description: "A host's interfaces, addresses and routes.",
    args: none,
    timeoutMs: seconds(15)
  }),

  "package.list": entry("package.list", {
    ...read,
    title: "list packages",
    description: "Installed Debian packages with versions; `text` keeps names that hold it.",
    args: Schema.Struct({ text: optional(Needle) }),
    timeoutMs: seconds(30)
  }),
  "package.upgradable": entry("package.upgradable", {
    ...readAsRoot,
    title: "list pending updates",
    description: "Installed packages for which a newer version is there, after the lists were read anew.",
    args: none,
    timeoutMs: minutes(5)
  }),
  "package.install": entry("package.install", {
    ...act,
    title: "install a package",
    description: "Installs Debian packages with what they need.",
    args: Schema.Struct({ names: Schema.Array(PackageName).check(Schema.isMinLength(1), Schema.isMaxLength(20)) }),
    risk: "high",
    before: "package.list",
    timeoutMs: minutes(20),
    key: packagesKey
  }),
  "package.update": entry("package.update", {
    ...act,
    title: "update packages",
    description: "Upgrades the named packages, or all; never removes one.",
    args: Schema.Struct({ names: optional(Schema.Array(PackageName).check(Schema.isMaxLength(50))) }),
    risk: "high",
    before: "package.upgradable",
    timeoutMs: minutes(30),
    key: packagesKey
  }),

  "file.list": entry("file.list", {
    ...readAsRoot,
    title: "list a directory",
    description: "Entries of a directory with sizes, owners, modes and times.",
    args: Schema.Struct({ path: AbsolutePath }),
    timeoutMs: seconds(15)
  }),
  "file.read": entry("file.read", {
    ...readAsRoot,
    title: "read a file",
    description: "The first or last lines of a text file (never /etc/shadow, private keys and the like).",
    args: Schema.Struct({
      path: AbsolutePath,
      lines: optional(Lines),
      from: optional(Schema.Literals(["start", "end"]))
    }),
    timeoutMs: seconds(15)
  }),
  "file.disk-usage": entry("file.disk-usage", {
    ...readAsRoot,
    title: "what fills a disk",
    description: "The largest directories and files below a directory, on its file system only.",
    args: Schema.Struct({ path: AbsolutePath }),
    timeoutMs: minutes(2)
  }),

  "shell.run": entry("shell.run", {
    ...act,
    title: "run a shell command",
    description: "Free text for /bin/sh. Only where the host's agent was told to allow it.",
    args: Schema.Struct({ command: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(20_000)) }),
    free: ["command"],
    risk: "critical",
    timeoutMs: minutes(10),
    key: () => "shell",
    optIn: true
  })
} as const

export type ActionName = keyof typeof catalog
export const actionNames: ReadonlyArray<ActionName> = Object.keys(catalog).filter(isActionName)
export type ActionArgs<Name extends ActionName> = (typeof catalog)[Name]["args"]["Type"]
/** An action with arguments that fit. */
export type Act = {
  readonly [Name in ActionName]: { readonly name: Name; readonly args: ActionArgs<Name> }
}[ActionName]

export function isActionName(name: string): name is ActionName {
  return Object.hasOwn(catalog, name)
}

/** The failure is one sentence for whoever wrote the action: a person, a model, a stranger on a socket. */
export const decodeAction = (name: string, args: unknown): Result.Result<Act, string> => {
  if (!isActionName(name)) return Result.fail(`There is no action ${name.slice(0, 64)}. See the catalogue of actions.`)
  const act: Result.Result<Act, Schema.SchemaError> = catalog[name].act(args)
  return Result.mapError(act, ({ message }) => `The arguments of ${name} do not fit: ${message}`)
}

/** The risk of an act wherever it is done, with reasons; the plan room adds what its targets make of it. */
export const actionReasons = (act: Act): ReadonlyArray<RiskReason> => {
  const { reasons } = catalog[act.name]
  return reasons(act.args)
}
