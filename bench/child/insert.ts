/** The same events as plain autocommit INSERTs by the same driver: `insert.ts URL CALLERS SECONDS CONNECTIONS`. No chain, no order. */
import { randomUUID } from "node:crypto"
import postgres from "postgres"
import { load, payload } from "./load.mjs"

const [url = "", callers = "64", seconds = "5", connections = "16"] = process.argv.slice(2)
const sql = postgres(url, { max: Number(connections), onnotice: () => {} })
await sql`create table if not exists plain_event (
  position bigint generated always as identity primary key, stream text not null, version int not null, type text not null,
  data json not null, actor text not null, command_id uuid not null, correlation_id uuid not null, causation_id bigint,
  at timestamptz not null default clock_timestamp(), unique (stream, version))`
await load({
  callers: Number(callers),
  seconds: Number(seconds),
  one: (n: number, stream: string, version: number) => {
    const command = randomUUID()
    return sql`insert into plain_event (stream, version, type, data, actor, command_id, correlation_id)
      values (${stream}, ${version + 1}, 'BenchHappened', ${JSON.stringify(payload(n))}::text::json, 'bench', ${command}, ${command})`
  }
})
await sql.end()
