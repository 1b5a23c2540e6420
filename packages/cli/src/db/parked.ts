/**
 * `db parked` and `db retry`: events that a read model could not apply, as the hub sees them.
 *
 * Owns: the two answers. Does not own: parking and retrying (core's projections), rebuilding (`handlers.ts`).
 */
import { Clock, Effect } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { age } from "@signalbox/tui/format.ts"
import { withHub } from "../client/hub.ts"
import { table } from "../client/table.ts"
import { answer } from "../output.ts"
import { columns, style } from "../paint.ts"

export const parkedCommand = withHub(
  Effect.gen(function* () {
    const { head, projections, parked } = yield* (yield* HubClient).log.projections()
    const now = yield* Clock.currentTimeMillis
    yield* answer(
      { head, projections: projections.map((one) => ({ ...one })), parked: parked.map((one) => ({ ...one })) },
      () =>
        [
          columns(
            projections.map(({ name, position, parked: count }) => [
              name,
              position >= head ? "up to date" : `${head - position} events behind`,
              count === 0 ? "" : style("yellow", `${count} parked`)
            ])
          ),
          ...(parked.length === 0
            ? ["Nothing is parked."]
            : [
                table(
                  [
                    { title: "PROJECTION", cell: (one) => one.projection },
                    { title: "STREAM", cell: (one) => one.stream },
                    { title: "POSITION", cell: (one) => String(one.position) },
                    { title: "SINCE", cell: (one) => age(one.at, now) },
                    { title: "WHY", cell: (one) => one.error, flexible: true }
                  ],
                  parked
                ),
                "When the cause is mended: signalbox db retry PROJECTION STREAM"
              ])
        ].join("\n")
    )
  })
)

export const retryCommand = (name: string, stream: string) =>
  withHub(
    Effect.gen(function* () {
      const { retried } = yield* (yield* HubClient).log.retryParked({ params: { name }, payload: { stream } })
      yield* answer({ projection: name, stream, retried }, () =>
        retried === 0
          ? `Nothing of ${stream} is parked in ${name}.`
          : `${retried} ${retried === 1 ? "event" : "events"} of ${stream} applied to ${name}.`
      )
    })
  )
