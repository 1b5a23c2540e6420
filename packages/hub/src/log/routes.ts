/** The log group of the API: pages of events, and how the read models stand. */
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { HubApi } from "@signalbox/core/api/contract.ts"
import { Invalid, NotFound, Rejected } from "@signalbox/core/api/problems.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { logPage } from "@signalbox/core/log/page.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { Projections } from "@signalbox/core/projection/Projection.ts"
import { answer, read, readOr } from "../edge/answer.ts"

export const LogLive = HttpApiBuilder.group(
  HubApi,
  "log",
  Effect.fnUntraced(function* (handlers) {
    const log = yield* EventLog
    const db = yield* Db
    const projections = yield* Projections
    return handlers.handleAll({
      page: ({ query }) =>
        readOr(
          Effect.gen(function* () {
            if ((query.from ?? 1) < 1 || (query.before ?? 1) < 1)
              return yield* Effect.fail(new Invalid({ detail: "Positions begin at 1." }))
            const head = yield* log.head
            const events = yield* logPage({ ...query, limit: query.limit ?? 100 }).pipe(
              Effect.provideService(EventLog, log),
              Effect.provideService(Db, db)
            )
            return { events, head }
          })
        ),
      projections: () =>
        read(
          Effect.gen(function* () {
            const head = yield* log.head
            const status = yield* projections.status
            const parked = yield* projections.parked
            return {
              head,
              projections: status.map(({ name, position, parked: count }) => ({ name, position, parked: count })),
              parked: parked.map((one) => ({
                projection: one.name,
                stream: one.stream,
                position: one.position,
                error: one.reason ?? "waits behind an earlier event of its stream",
                at: one.at
              }))
            }
          })
        ),
      retryParked: ({ params: { name }, payload: { stream } }) =>
        answer(
          projections.retry(name, stream).pipe(
            Effect.catchTag("UnknownProjection", (error) =>
              Effect.fail(new NotFound({ what: name, detail: error.message }))
            ),
            Effect.flatMap(({ applied, reason }) =>
              applied === 0 && reason !== null
                ? Effect.fail(new Rejected({ detail: reason }))
                : Effect.succeed({ retried: applied })
            )
          )
        )
    })
  })
)
