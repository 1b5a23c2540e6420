/** Acts on agents: `invite`, `list`, `show`, `edit`, `revoke`. */
import { randomUUID } from "node:crypto"
import { Clock, Effect, Schema } from "effect"
import { AgentInfo } from "@signalbox/core/agent/view.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { withHub } from "../client/hub.ts"
import { answer, failed, talk } from "../output.ts"
import { details, onlyHere, rows } from "./screen.ts"

const encode = Schema.encodeSync(Schema.toCodecJson(AgentInfo))
const json = (agent: AgentInfo): Schema.Json => encode(agent) as Schema.Json

export const invite = (flags: {
  readonly name: string | undefined
  readonly tags: ReadonlyArray<string>
  readonly allows: ReadonlyArray<string>
  readonly through: string | undefined
  readonly ttl: number | undefined
}) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const made = yield* hub.agents.invite({
        payload: {
          commandId: randomUUID(),
          ...(flags.name === undefined ? {} : { name: flags.name }),
          ...(flags.tags.length === 0 ? {} : { tags: flags.tags }),
          ...(flags.allows.length === 0 ? {} : { allows: flags.allows }),
          ...(flags.through === undefined ? {} : { through: flags.through }),
          ...(flags.ttl === undefined ? {} : { ttlMs: flags.ttl })
        }
      })
      if (made.replaced !== undefined)
        yield* talk(`The earlier invite for ${flags.name}, which nobody had used, holds no more.`)
      if (made.line === null)
        yield* talk(
          "The agent was not built, so the hub cannot give it to hosts: run npm run build on the hub's machine."
        )
      else
        yield* talk(`Run this as root on the host, once, before ${made.expiresAt.slice(0, 16).replace("T", " ")} UTC:`)
      if (made.fingerprint === null)
        yield* talk(
          "This hub serves its own machine only. For other hosts start it with SIGNALBOX_HTTP_HOST set to an address that they reach."
        )
      yield* answer({ ...made }, () => made.line ?? made.token)
    })
  )

export const list = (all: boolean) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { agents } = yield* hub.agents.list()
      const shown = agents.filter((agent) => all || agent.status === "enrolled")
      const now = yield* Clock.currentTimeMillis
      yield* answer({ agents: shown.map(json) }, () => (shown.length === 0 ? nobody(agents) : rows(shown, now)))
    })
  )

const nobody = (all: ReadonlyArray<AgentInfo>): string => {
  const open = all.filter((agent) => agent.status === "invited").length
  return open === 0
    ? "No agents yet. Invite a host: signalbox agent invite, or signalbox host prepare HOST --agent"
    : `No agents yet; ${open === 1 ? "an invite was" : `${open} invites were`} made: signalbox agent list --all`
}

export const show = (agent: string) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const found = yield* hub.agents.get({ params: { agent } })
      const now = yield* Clock.currentTimeMillis
      yield* answer(json(found.agent), () => details(found.agent, now))
    })
  )

export const edit = (
  agent: string,
  change: {
    readonly name: string | undefined
    readonly tags: ReadonlyArray<string>
    readonly allows: ReadonlyArray<string>
    readonly clear: ReadonlyArray<"tags" | "allows">
  }
) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const wanted = {
        ...(change.name === undefined ? {} : { name: change.name }),
        ...(change.tags.length > 0 || change.clear.includes("tags") ? { tags: change.tags } : {}),
        ...(change.allows.length > 0 || change.clear.includes("allows") ? { allows: change.allows } : {})
      }
      if (Object.keys(wanted).length === 0)
        return yield* Effect.fail(
          failed("Nothing was named that should change: give --name, --tag, --allow or --clear.")
        )
      const done = yield* hub.agents.change({
        params: { agent },
        payload: { commandId: randomUUID(), ...wanted }
      })
      const now = yield* Clock.currentTimeMillis
      yield* answer(json(done.agent), () => details(done.agent, now))
      const missing = onlyHere(done.agent)
      if (change.allows.length > 0 && missing.length > 0)
        yield* talk(
          `${missing.join(" ")} must be allowed by the host too. There, as root: add it to "allows" in /etc/signalbox-agent/agent.json, then systemctl restart signalbox-agent-helper.service signalbox-agent.service`
        )
    })
  )

export const revoke = (agent: string, reason: string | undefined) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const done = yield* hub.agents.revoke({
        params: { agent },
        payload: { commandId: randomUUID(), ...(reason === undefined ? {} : { reason }) }
      })
      yield* answer(json(done.agent), () => `${done.agent.name ?? done.agent.agentId} is revoked.`)
    })
  )
