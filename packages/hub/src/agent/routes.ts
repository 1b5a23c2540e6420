/**
 * The agents group of the API: thin handlers over `Agents`.
 *
 * Owns: from requests to the service and back, the line that an invite prints. Does not own: the rules, the doors of agents (`doors.ts`).
 */
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Agents } from "@signalbox/core/agent/Agents.ts"
import { installLine } from "@signalbox/core/agent/install.ts"
import { reachableHub } from "@signalbox/core/agent/presence.ts"
import { inviteTtl } from "@signalbox/core/api/agents.ts"
import { HubApi } from "@signalbox/core/api/contract.ts"
import { NotFound } from "@signalbox/core/api/problems.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { answer, origin, read, readOr } from "../edge/answer.ts"

export const AgentsRoutes = HttpApiBuilder.group(
  HubApi,
  "agents",
  Effect.fnUntraced(function* (handlers) {
    const agents = yield* Agents
    const db = yield* Db
    const given = (commandId: string | undefined) => origin(commandId === undefined ? {} : { commandId })
    const done = (of: { readonly position: number; readonly agent: { readonly agentId: string } }) =>
      Effect.map(agents.find(of.agent.agentId), (agent) => ({ position: of.position, agent }))

    return handlers.handleAll({
      list: () => read(Effect.map(agents.list, (all) => ({ agents: all }))),
      get: ({ params: { agent } }) =>
        readOr(
          Effect.mapError(
            Effect.map(agents.find(agent), (found) => ({ position: found.version, agent: found })),
            (error) => (error._tag === "AgentNotFound" ? new NotFound({ what: agent, detail: error.message }) : error)
          )
        ),
      invite: ({ payload: { commandId, name, tags = [], allows = [], ttlMs = inviteTtl.default } }) =>
        answer(
          Effect.gen(function* () {
            const made = yield* agents.invite(
              { tags, allows, ttlMillis: ttlMs, ...(name === undefined ? {} : { name }) },
              yield* given(commandId)
            )
            const hub = yield* Effect.provideService(reachableHub, Db, db)
            const place = hub?.url ?? null
            return {
              ...made,
              hub: place ?? "",
              fingerprint: hub?.fingerprint ?? null,
              line:
                hub === undefined || place === null || hub.script === null
                  ? null
                  : installLine({ url: place, fingerprint: hub.fingerprint, script: hub.script, token: made.token })
            }
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
