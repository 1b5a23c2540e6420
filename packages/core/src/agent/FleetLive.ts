/**
 * `Fleet` over the agents' read model and what is true of them at this moment.
 *
 * Invariants: as in `Fleet.ts`; `at` of a sample is by the hub's clock; what is allowed is what both the host's owner and people here allow.
 */
import { Effect, Layer, Schema } from "effect"
import { Db, type DbError } from "../postgres/Db.ts"
import { Fleet, type FleetMember } from "./Fleet.ts"
import { type AgentRow, agentRows, hubMachines } from "./presence.ts"
import { AgentView } from "./view.ts"

const decodeView = Schema.decodeUnknownSync(Schema.toCodecJson(AgentView))

export const FleetLive: Layer.Layer<Fleet, never, Db> = Layer.effect(
  Fleet,
  Effect.map(Db, (db) => {
    const members: Effect.Effect<ReadonlyArray<FleetMember>, DbError> = Effect.map(
      Effect.all([agentRows(null, true), hubMachines], { concurrency: 2 }),
      ([rows, machines]) =>
        rows.map((row) => memberOf(row, machines)).toSorted((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : 0))
    ).pipe(Effect.provideService(Db, db))
    return Fleet.of({ members })
  })
)

const memberOf = (row: AgentRow, machines: ReadonlySet<string>): FleetMember => {
  const view = decodeView(row.view)
  const { hello, machineId } = view
  return {
    agentId: view.agentId,
    host: view.name ?? view.agentId,
    tags: view.tags,
    lastSeen: row.lastSeen,
    online: row.online,
    allows: hello === undefined ? view.allows : view.allows.filter((name) => hello.allows.includes(name)),
    ...(hello === undefined
      ? {}
      : {
          facts: {
            os: hello.os,
            kernel: hello.kernel,
            arch: hello.arch,
            cpus: hello.cpus,
            virtualization: hello.virtualization
          },
          actions: hello.actions
        }),
    ...(row.sample === undefined || row.lastSeen === null ? {} : { sample: { ...row.sample, at: row.lastSeen } }),
    ...(machineId !== undefined && machines.has(machineId) ? { vital: "the hub" } : {})
  }
}
