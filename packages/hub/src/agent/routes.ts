/**
 * The agents group of the API: thin handlers over `Agents`.
 *
 * Owns: from requests to the service and back, the line that an invite prints. Does not own: the rules, the doors of agents (`doors.ts`).
 */
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Agents } from "@signalbox/core/agent/Agents.ts"
import { installLine } from "@signalbox/core/agent/install.ts"
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

    return handlers.handleAll({
      list: () => read(Effect.map(agents.list, (all) => ({ agents: all }))),
      get: ({ params: { agent } }) =>
        answer(
          Effect.gen(function* () {
            const position = yield* models.position
            return { position, agent: yield* agents.find(agent) }
          })
        ),
      invite: ({ payload: { commandId, name, tags = [], allows = [], ttlMs = inviteTtl.default } }) =>
        answer(
          Effect.gen(function* () {
            const made = yield* agents.invite(
              { tags, allows, ttlMillis: ttlMs, ...(name === undefined ? {} : { name }) },
              yield* given(commandId)
            )
            const from = { url: address.tls?.url ?? address.url, fingerprint: address.tls?.fingerprint ?? null }
            const line = yield* Effect.map(installer.installable, ({ sha256 }) =>
              installLine({ ...from, script: sha256, token: made.token })
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
