/**
 * What may happen to a host: commands in, events or a rejection out. Pure.
 *
 * Owns: the rules of names, removal and keys. Does not own: whether tasks still run there (checked where the command is made).
 */
import { Result, Schema } from "effect"
import type { HostConfig } from "./config.ts"
import type { HostEvent } from "./events.ts"
import type { HostReport } from "./report.ts"
import { hostConfig, type HostView } from "./view.ts"

export class HostRejection extends Schema.TaggedError<HostRejection>()("HostRejection", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

export type HostCommand =
  | { readonly _tag: "Add"; readonly config: HostConfig; readonly acceptNew: boolean }
  | { readonly _tag: "Edit"; readonly config: HostConfig }
  | { readonly _tag: "Remove" }
  | { readonly _tag: "AcceptKey"; readonly replace: boolean }
  | { readonly _tag: "RecordKey"; readonly key: string; readonly fingerprint: string; readonly replace: boolean }
  | { readonly _tag: "RefuseKey"; readonly reason: string }
  | { readonly _tag: "RequestCheck" }
  | { readonly _tag: "RecordCheck"; readonly report: HostReport }
  | { readonly _tag: "RequestPrepare"; readonly wish: Omit<Prepare, "_tag"> }
  | { readonly _tag: "RecordPrepared"; readonly said: ReadonlyArray<string> }
  | { readonly _tag: "RecordPrepareFailed"; readonly reason: string }

type Prepare = Extract<HostEvent, { readonly _tag: "HostPrepareRequested" }>

type Decision = Result.Result<ReadonlyArray<HostEvent>, HostRejection>
const events = (...list: ReadonlyArray<HostEvent>): Decision => Result.succeed(list)
const reject = (reason: string): Decision => Result.fail(new HostRejection({ reason }))

export const decideHost = (host: HostView | undefined, command: HostCommand): Decision => {
  if (command._tag === "Add") {
    if (command.config.name === "local")
      return reject("The name local belongs to this machine. Give the host another name.")
    return host === undefined || host.removed
      ? events({ _tag: "HostAdded", config: command.config, acceptNew: command.acceptNew })
      : reject(`There is a host ${host.name} already. Change it with host edit ${host.name}, or choose another name.`)
  }
  if (host === undefined || host.removed) return reject("There is no such host. See host list.")
  switch (command._tag) {
    case "Edit": {
      const changed = differing(hostConfig(host), command.config)
      return changed.length === 0 ? events() : events({ _tag: "HostChanged", config: command.config, changed })
    }
    case "Remove":
      return host.kind === "local"
        ? reject("local is this machine and cannot be removed.")
        : events({ _tag: "HostRemoved" })
    case "AcceptKey":
      return host.kind === "local"
        ? reject("local needs no host key.")
        : events({ _tag: "HostKeyAcceptRequested", replace: command.replace })
    case "RecordKey":
      return !command.replace && host.hostKeys.includes(command.key)
        ? events()
        : events({
            _tag: "HostKeyPinned",
            key: command.key,
            fingerprint: command.fingerprint,
            replace: command.replace
          })
    case "RefuseKey":
      return events({ _tag: "HostKeyRefused", reason: command.reason })
    case "RequestCheck":
      return events({ _tag: "HostCheckRequested" })
    case "RecordCheck":
      return events({ _tag: "HostChecked", report: command.report })
    case "RequestPrepare":
      return events({ _tag: "HostPrepareRequested", ...command.wish })
    case "RecordPrepared":
      return events({ _tag: "HostPrepared", said: command.said })
    case "RecordPrepareFailed":
      return events({ _tag: "HostPrepareFailed", reason: command.reason })
  }
}

const differing = (before: HostConfig, after: HostConfig): ReadonlyArray<string> => {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof HostConfig>
  return [...names].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name])).toSorted()
}
