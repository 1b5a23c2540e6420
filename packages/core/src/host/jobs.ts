/** From a host's events to visits: look at it, or pin the key it offers. Pure. */
import { Result, Schema } from "effect"
import type { Reactor } from "../projection/Reactor.ts"
import { queues } from "../queue/queues.ts"
import { hostEvents } from "./events.ts"

export const HostJob = Schema.Struct({
  name: Schema.String,
  position: Schema.Int,
  visit: Schema.Literals(["check", "accept-key", "replace-key"])
})

const Replace = Schema.Struct({ replace: Schema.Boolean })

export const hostReactor: Reactor = {
  name: "host-visit",
  from: "beginning",
  types: ["HostAdded", "HostChanged", "HostCheckRequested", "HostKeyAcceptRequested"],
  react: (event) => {
    const replace = Schema.is(Replace)(event.data) && event.data.replace
    const visit = event.type !== "HostKeyAcceptRequested" ? "check" : replace ? "replace-key" : "accept-key"
    const name = event.stream.slice("host/".length)
    return [{ queue: queues.host.name, data: { name, position: event.position, visit } }]
  }
}

/** To make the host an agent. */
export const PrepareJob = Schema.Struct({
  name: Schema.String,
  position: Schema.Int,
  url: Schema.String,
  fingerprint: Schema.NullOr(Schema.String),
  script: Schema.String,
  replace: Schema.Boolean,
  /** Who asked for it; absent in jobs of before. */
  actor: Schema.optionalKey(Schema.String)
})

export const prepareReactor: Reactor = {
  name: "host-prepare",
  from: "beginning",
  types: ["HostPrepareRequested"],
  react: (event) => {
    const wish = Result.getOrUndefined(hostEvents.decode(event))
    if (wish?._tag !== "HostPrepareRequested") return []
    const { _tag: _, ...data } = wish
    return [
      {
        queue: queues.hostPrepare.name,
        data: { name: event.stream.slice("host/".length), position: event.position, actor: event.actor, ...data }
      }
    ]
  }
}
