/** A whole hub in this process: real Postgres, real log, real projections, real sockets on a free loopback port. */
import { Effect, Layer, Redacted } from "effect"
import { AccountsLive } from "@signalbox/core/account/AccountsLive.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { ReadModelsLive } from "@signalbox/core/api/ReadModelsLive.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { layer as EventLogLive } from "@signalbox/core/log/EventLogLive.ts"
import { CatalogPlain } from "./catalog-plain.ts"
import type { Db } from "@signalbox/core/postgres/Db.ts"
import { Projections } from "@signalbox/core/projection/Projection.ts"
import { layer as projectionsLive } from "@signalbox/core/projection/ProjectionsLive.ts"
import { roomProjections } from "@signalbox/core/projection/rooms.ts"
import { Tasks } from "@signalbox/core/task/create.ts"
import { TaskOutput } from "@signalbox/core/task/output.ts"
import { Tokens } from "@signalbox/hub/edge/auth.ts"
import { hubLayer, type HubOptions } from "@signalbox/hub/Hub.ts"
import { HubAddress } from "@signalbox/hub/HubAddress.ts"
import { DbTest } from "./database.ts"

export const adminToken = Redacted.make(`sbx_${"t".repeat(43)}`)

export const sessionKey = Redacted.make(new Uint8Array(32).fill(7))

const rooms = Layer.mergeAll(
  Commands.layer,
  TaskOutput.layer,
  CatalogPlain,
  Tasks.layer.pipe(Layer.provide(Commands.layer)),
  Layer.effectDiscard(Effect.flatMap(Projections, (projections) => Effect.forkScoped(projections.run)))
).pipe(
  Layer.provideMerge(ReadModelsLive),
  Layer.provideMerge(projectionsLive(roomProjections)),
  Layer.provideMerge(EventLogLive)
)

/** Everything behind the edge: log, commands, read models that follow, task creation, output. */
export const RoomsTest = rooms.pipe(Layer.provideMerge(DbTest))

/** Accounts, and whose a credential is, without the rest of the edge. */
export const TokensTest = Tokens.layer({ adminToken, sessionKey }).pipe(Layer.provideMerge(AccountsLive))

export const hubTest = (options: Partial<HubOptions> = {}) =>
  hubLayer({ host: "127.0.0.1", port: 0, mode: "local", adminToken, sessionKey, version: "1.2.3", ...options })

const client = Layer.unwrap(Effect.map(HubAddress, ({ url }) => HubClient.layer(url, adminToken)))

/** The same on a database of the test's own. */
export const hubOn = <E>(db: Layer.Layer<Db, E>) =>
  client.pipe(Layer.provideMerge(hubTest()), Layer.provideMerge(rooms), Layer.provideMerge(db))

/** The hub, a typed client of it, and the rooms behind it. */
export const HubTest = client.pipe(Layer.provideMerge(hubTest()), Layer.provideMerge(RoomsTest))
