/**
 * The agent's unprivileged process: the socket to the hub on one side, its own desk and root's helper on the other.
 *
 * Owns: putting them together, and which of the two a command goes to. Does not own: either.
 * Invariants: it can do nothing as root; a command goes where the catalogue says that it belongs.
 */
import { join } from "node:path"
import { catalog, isActionName } from "@signalbox/core/action/catalog.ts"
import { publicKeyFrom } from "@signalbox/core/agent/grant.ts"
import type { AgentMessage, HubMessage } from "@signalbox/core/agent/protocol.ts"
import { capabilities, readConfig } from "./config.ts"
import { makeDesk } from "./desk.ts"
import { hello, sampler } from "./facts.ts"
import { makeHelperLink } from "./helper-link.ts"
import { readKey } from "./identity.ts"
import { keepLink, type LinkEnd } from "./link.ts"
import type { Performers } from "./perform/Performer.ts"
import type { Places } from "./places.ts"
import { proxyFor } from "./proxy.ts"
import { openReceipts } from "./receipts.ts"
import { Trouble } from "./trouble.ts"

const tidyMillis = 20_000

export interface RunOptions {
  readonly places: Places
  readonly performers: Partial<Performers>
  readonly signal: AbortSignal
  /** Told whenever the hub was reached. */
  readonly connected?: () => void
  readonly heartbeatMillis?: number
}

export const run = async ({ places, performers, signal, heartbeatMillis, ...told }: RunOptions): Promise<LinkEnd> => {
  const config = await readConfig(places.config, { rootOnly: false })
  const key = await readKey(places.key)
  const hubKey = publicKeyFrom(config.hubKey)
  if (hubKey === undefined) throw new Trouble(`${places.config} holds no key of the hub. Enroll this host anew.`)
  const actions = capabilities(config, Object.keys(performers))
  const receipts = await openReceipts(join(places.state, "receipts.jsonl"))
  const desk = makeDesk({
    agentId: config.agentId,
    hubKey,
    privilege: "agent",
    capabilities: actions,
    performers,
    receipts
  })
  const helper = makeHelperLink(places.socket)
  /** Results that came from the helper: their acknowledgments go there. */
  const fromHelper = new Set<string>()

  const received = (message: HubMessage): void => {
    switch (message._tag) {
      case "command_request":
        return isActionName(message.action) && catalog[message.action].privilege === "root"
          ? helper.request(message)
          : desk.request(message)
      case "result_acknowledged":
        return fromHelper.delete(message.commandId)
          ? helper.acknowledge(message.commandId)
          : desk.acknowledge(message.commandId)
      case "relapse_acknowledged":
        return helper.relapseHeard(message.commandId) // only root's part looks after its acts
      case "guard_released":
        return helper.release(message)
      case "event_notification":
        return undefined
    }
  }
  const connected = (send: (message: AgentMessage) => void): (() => void) => {
    if (told.connected !== undefined) setImmediate(told.connected) // hello goes out first
    desk.attach(send)
    fromHelper.clear()
    helper.attach((message) => {
      if (message._tag === "command_result") fromHelper.add(message.commandId)
      send(message)
    })
    return () => {
      desk.attach(undefined)
      helper.attach(undefined)
    }
  }
  const relay =
    config.relay === undefined
      ? undefined
      : (await import("./relay.ts")).openRelay({ config: config.relay, hub: config.hub })
  const through = proxyFor(new URL(config.hub), process.env)?.host
  const sample = sampler()
  // an agent that waits would not collect its garbage for hours
  const tidy = setInterval(() => globalThis.gc?.(), tidyMillis)
  const end = await keepLink({
    target: config,
    agentId: config.agentId,
    key,
    hello: () =>
      hello({
        allows: config.allows,
        actions,
        ...(relay === undefined ? {} : { relay: { listen: relay.listen } }),
        ...(through === undefined ? {} : { through })
      }),
    sample: async () => ({ ...(await sample()), ...(relay === undefined ? {} : { relay: relay.counts() }) }),
    connected,
    received,
    signal,
    ...(heartbeatMillis === undefined ? {} : { heartbeatMillis })
  })
  clearInterval(tidy)
  await relay?.close()
  helper.close()
  await desk.stop()
  await receipts.close()
  return end
}
