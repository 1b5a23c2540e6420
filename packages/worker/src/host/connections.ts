/**
 * Keeps the connections of this worker what people want them to be: a host that was removed, or is reached otherwise by now, is
 * not held open.
 *
 * Owns: noticing that. Does not own: the connections (`Pool.ts`), which change makes another connection (`SshTransport.ts`).
 * Invariants: level-triggered by the versions of the hosts, so that a change that was missed is found by the next look; every
 * worker looks for itself, because each has connections of its own.
 */
import { Effect, Stream } from "effect"
import { hostConfig } from "@signalbox/core/host/view.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { HostCommands } from "./HostCommands.ts"
import { Transport } from "./Transport.ts"

const soonest = "300 millis"
const latest = "2 seconds"

export const runConnections = Effect.gen(function* () {
  const log = yield* EventLog
  const seen = new Map<string, number>()
  const look = Effect.gen(function* () {
    const db = yield* Db
    const rows = yield* db.query(
      "find changed hosts",
      (sql) => sql<{ id: string; version: number }[]>`select id, version from read.host`
    )
    for (const { id, version } of rows) {
      if (seen.get(id) === version) continue
      const view = yield* (yield* HostCommands).find(id)
      yield* (yield* Transport).reconfigured(id, view === undefined ? undefined : hostConfig(view))
      seen.set(id, version)
    }
  }).pipe(Effect.catch((error) => Effect.logWarning(`looking for changed hosts: ${error.message}`)))
  return yield* Stream.merge(log.changes.pipe(Stream.debounce(soonest)), Stream.tick(latest)).pipe(
    Stream.runForEach(() => look),
    Effect.andThen(Effect.never)
  )
})
