/**
 * The agents group of the API: thin handlers over `Agents`.
 *
 * Owns: from requests to the service and back, the line that an invite prints. Does not own: the rules, the doors of agents (`doors.ts`).
 */
import { Effect, Schema } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AgentInvalid, Agents } from "@signalbox/core/agent/Agents.ts"
import { installLine, Through } from "@signalbox/core/agent/install.ts"
import { inviteTtl } from "@signalbox/core/api/agents.ts"
import { HubApi } from "@signalbox/core/api/contract.ts"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { answer, origin, read } from "../edge/answer.ts"
import { HubAddress } from "../HubAddress.ts"
import { Installer } from "./install.ts"

export const AgentsRoutes = HttpApiBuilder.group(
  HubApi,
  "agents",
  Effect.fnUntraced(function* (handlers) {
    const agents = yield* Agents
    const address = yield* HubAddress
    const installer = yield* Installer
    const models = yield* ReadModels
    const given = (commandId: string | undefined) => origin(commandId === undefined ? {} : { commandId })
    const done = (of: { readonly position: number; readonly agent: { readonly agentId: string } }) =>
      Effect.map(agents.find(of.agent.agentId), (agent) => ({ position: of.position, agent }))

    /** host:port of a relay. It need not be there yet when it is named by its address. */
    const relayOf = Effect.fnUntraced(function* (which: string) {
      if (address.tls === null)
        return yield* new AgentInvalid({
          reason: "This hub serves its own machine only, so no relay leads to it. Start it with SIGNALBOX_HTTP_HOST."
        })
      if (isThrough(which)) return which
      const { hello } = yield* agents.find(which)
      const listen = hello?.relay?.listen
      if (listen === undefined)
        return yield* new AgentInvalid({
          reason: `${which.slice(0, 100)} is no relay. Its owner makes it one in /etc/signalbox-agent/agent.json: "relay": { "listen": "10.0.0.5:8443" }.`
        })
      if (!isThrough(listen) || /^(?:0\.0\.0\.0|\[[0:]+\]):/u.test(listen))
        return yield* new AgentInvalid({
          reason: `${which.slice(0, 100)} listens on all of its addresses (${listen}). Name the one that the host reaches: --through 10.0.0.5:8443.`
        })
      return listen
    })

    return handlers.handleAll({
      list: () => read(Effect.map(agents.list, (all) => ({ agents: all }))),
      get: ({ params: { agent } }) =>
        answer(
          Effect.gen(function* () {
            const position = yield* models.position
            return { position, agent: yield* agents.find(agent) }
          })
        ),
      invite: ({ payload: { commandId, name, tags = [], allows = [], through, ttlMs = inviteTtl.default } }) =>
        answer(
          Effect.gen(function* () {
            const relay = through === undefined ? {} : { through: yield* relayOf(through) }
            const made = yield* agents.invite(
              { tags, allows, ttlMillis: ttlMs, ...(name === undefined ? {} : { name }) },
              yield* given(commandId)
            )
            const from = { url: address.tls?.url ?? address.url, fingerprint: address.tls?.fingerprint ?? null }
            const line = yield* Effect.map(installer.installable, ({ sha256 }) =>
              installLine({ ...from, ...relay, script: sha256, token: made.token })
            ).pipe(Effect.catch((error) => Effect.as(Effect.logWarning(error.message), null)))
            return { ...made, hub: from.url, fingerprint: from.fingerprint, line }
          })
        ),
      change: ({ params: { agent }, payload: { commandId, ...change } }) =>
        answer(
          Effect.gen(function* () {
            return yield* done(yield* agents.change(agent, change, yield* given(commandId)))
          })
        ),
      revoke: ({ params: { agent }, payload: { commandId, reason } }) =>
        answer(
          Effect.gen(function* () {
            return yield* done(yield* agents.revoke(agent, reason, yield* given(commandId)))
          })
        )
    })
  })
)

const isThrough: (text: string) => boolean = Schema.is(Through)
