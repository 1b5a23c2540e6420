/** What `signalbox audit …` does: straight on the database, so that it needs nobody's word. */
import { Effect, Layer } from "effect"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { databaseLayer } from "../database.ts"
import { answer, cannotTell, CommandFailed, failed, talk } from "../output.ts"

export const verify = Effect.gen(function* () {
  const log = yield* EventLog
  const head = yield* log.head
  const verdict = yield* log.verify({
    progress: (position) => (position % 100_000 === 0 ? talk(`${position} of ${head} events verified`) : Effect.void)
  })
  yield* answer(verdict, () =>
    verdict.ok
      ? `${verdict.events} events, one unbroken chain. Head ${verdict.head}`
      : `Position ${verdict.position} is bad: ${verdict.reason}`
  )
  if (!verdict.ok) return yield* failed(`The log was tampered with or damaged at position ${verdict.position}.`)
}).pipe(
  Effect.provide(eventLogLayer.pipe(Layer.provideMerge(databaseLayer("signalbox-audit")))),
  // A log that could not be read to its end is neither good nor bad: exit 1 is for a bad one only.
  Effect.mapError((error) => (error instanceof CommandFailed ? error : cannotTell(error.message)))
)
