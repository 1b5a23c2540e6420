/**
 * What is true of agents only for the moment: which hubs live, whose socket is where, the last heartbeats.
 *
 * Owns: the tables of the schema `agent`. Does not own: sockets (hub), what lasts (events).
 * Invariants: times are the database's, so all hubs and workers agree; an agent is online while its newest session was heard lately by
 * a hub that lives; a session that is not the newest one writes nothing; lost, all of it is told again within seconds.
 */
import { Effect, Schema } from "effect"
import { Db, type DbError } from "../postgres/Db.ts"
import { AgentSample } from "./protocol.ts"

/** Three heartbeats. */
export const onlineMillis = 45_000
/** A hub says so often that it lives … */
export const hubBeatMillis = 3_000
/** … and is believed for so long. */
const hubLivesMillis = 10_000
const keptHours = 24

export interface HubPlace {
  readonly id: string
  readonly machineId: string
}

export const hubLives = (hub: HubPlace): Effect.Effect<void, DbError, Db> =>
  run(
    "say that the hub lives",
    (sql) => sql`
      insert into agent.hub (id, machine_id, expires_at)
      values (${hub.id}, ${hub.machineId}, now() + ${hubLivesMillis} * interval '1 millisecond')
      on conflict (id) do update set expires_at = excluded.expires_at`
  )

/** From now on nobody takes it for alive. Its row stays a day: it tells which machine is a hub's. */
export const hubEnds = (id: string): Effect.Effect<void, DbError, Db> =>
  run("say that the hub ends", (sql) => sql`update agent.hub set expires_at = now() where id = ${id}`)

/** The newest session of an agent is here now; what it told in an older one is not of now. */
export const sessionBegins = (agentId: string, session: string, hub: string): Effect.Effect<void, DbError, Db> =>
  run(
    "say that an agent is here",
    (sql) => sql`
      insert into agent.presence (agent_id, session, hub, seen_at) values (${agentId}, ${session}, ${hub}, now())
      on conflict (agent_id) do update set session = excluded.session, hub = excluded.hub, seen_at = excluded.seen_at, sample = null`
  )

export const sessionEnds = (agentId: string, session: string): Effect.Effect<void, DbError, Db> =>
  run(
    "say that an agent is gone",
    (sql) => sql`update agent.presence set hub = '' where agent_id = ${agentId} and session = ${session}`
  )

export interface Beat {
  readonly agentId: string
  readonly session: string
  readonly sample: typeof AgentSample.Type
}

/** One statement each for however many agents. */
export const recordBeats = (beats: ReadonlyArray<Beat>): Effect.Effect<void, DbError, Db> =>
  Effect.gen(function* () {
    const db = yield* Db
    const rows = JSON.stringify(
      beats.map(({ agentId, session, sample }) => ({ agent_id: agentId, session, sample: JSON.stringify(sample) }))
    )
    yield* db.query(
      "record heartbeats",
      (sql) => sql`
        with beat as (
          select distinct on (agent_id) agent_id, session, sample::json as sample
          from json_to_recordset(${rows}::text::json) as r (agent_id text, session uuid, sample text)
        ), seen as (
          update agent.presence as p set seen_at = now(), sample = beat.sample
          from beat where p.agent_id = beat.agent_id and p.session = beat.session
          returning p.agent_id, p.sample
        )
        insert into agent.sample (agent_id, at, sample) select agent_id, now(), sample from seen
        on conflict do nothing`
    )
  })

export const forgetOldSamples: Effect.Effect<void, DbError, Db> = run(
  "forget old heartbeats",
  (sql) => sql`
    with old as (delete from agent.sample where at < now() - ${keptHours} * interval '1 hour')
    delete from agent.hub where expires_at < now() - ${keptHours} * interval '1 hour'`
)

/** Sessions in the read model whose hub has been dead for a while: nobody else will say that they ended. */
export const orphanSessions: Effect.Effect<
  ReadonlyArray<{ readonly agentId: string; readonly session: string }>,
  DbError,
  Db
> = Effect.flatMap(Db, (db) =>
  db.query(
    "find sessions of dead hubs",
    (sql) => sql<{ agentId: string; session: string }[]>`
      select a.id as "agentId", a.view -> 'session' ->> 'id' as session
      from read.agent a left join agent.hub h on h.id = a.view -> 'session' ->> 'hub'
      where a.status = 'enrolled' and a.view -> 'session' ->> 'id' is not null
        and (h.id is null or h.expires_at < now() - interval '20 seconds')`
  )
)

export interface AgentRow {
  readonly view: unknown
  readonly sample: typeof AgentSample.Type | undefined
  readonly lastSeen: number | null
  readonly online: boolean
}

const decodeSample = Schema.decodeUnknownOption(AgentSample)

/** @param agentId or a name; null: all */
export const agentRows = (
  which: string | null,
  enrolledOnly: boolean
): Effect.Effect<ReadonlyArray<AgentRow>, DbError, Db> =>
  Effect.gen(function* () {
    const db = yield* Db
    const rows = yield* db.query(
      "list agents",
      (sql) => sql<{ view: unknown; sample: unknown; seen: number | null; online: boolean }[]>`
        select a.view, p.sample, (extract(epoch from p.seen_at) * 1000)::float8 as seen,
          a.status = 'enrolled' and coalesce(p.seen_at > now() - ${onlineMillis} * interval '1 millisecond' and h.expires_at > now(), false) as online
        from read.agent a left join agent.presence p on p.agent_id = a.id left join agent.hub h on h.id = p.hub
        where ${enrolledOnly ? sql`a.status = 'enrolled'` : sql`true`}
          ${which === null ? sql`` : sql`and (a.id = ${which} or (a.name = ${which} and a.status <> 'revoked'))`}
        order by a.name, a.id`
    )
    return rows.map(({ view, sample, seen, online }): AgentRow => {
      const told = decodeSample(sample)
      return {
        view,
        online,
        lastSeen: seen === null ? null : Math.floor(seen),
        sample: told._tag === "Some" ? told.value : undefined
      }
    })
  })

/** Of hubs that live or lived within a day. */
export const hubMachines: Effect.Effect<ReadonlySet<string>, DbError, Db> = Effect.map(
  Effect.flatMap(Db, (db) =>
    db.query("list hubs", (sql) => sql<{ machine_id: string }[]>`select distinct machine_id from agent.hub`)
  ),
  (rows) => new Set(rows.map((row) => row.machine_id))
)

function run(op: string, statement: Parameters<Db["Service"]["query"]>[1]): Effect.Effect<void, DbError, Db> {
  return Effect.asVoid(Effect.flatMap(Db, (db) => db.query(op, statement)))
}
