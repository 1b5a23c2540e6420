/**
 * What a person waits for goes first: followers hold back for a moment where this process is about to answer somebody, or to
 * show the answer.
 *
 * Owns: which events somebody answers at once, when that is under way, how long it is waited for. Does not own: what is done
 * about them (whoever answers), the followers (`follow.ts`).
 * Invariants: a wait ends by itself after `hold`, whatever becomes of the answer; only at the head of the log and only by followers
 * that have nothing else to do there: a backlog is worked off without pauses; nothing is lost or put in another order.
 */
import { Context, Deferred, Effect, Layer, type Scope } from "effect"
import type { RecordedEvent } from "../log/Event.ts"

/** Of a read model's delay nobody notices so much; a local model has begun to speak by then, a distant one was asked. */
const hold = "25 millis"
/** And so much for the first words to reach the screens. */
const onTheWay = "5 millis"
const remembered = 256

/** Something that somebody is being answered. */
export interface Held {
  /** Whether a follower of these types has something else to do in the page. */
  readonly others: (wants: ReadonlySet<string>) => boolean
  /** Suspends until the answer is under way, or as long as it may be waited for. */
  readonly over: Effect.Effect<void>
}

export interface Answering {
  /** The answer to the event at that position is under way, or will not be given here. Once is enough. */
  readonly done: (position: number) => void
}

export class Precedence extends Context.Service<
  Precedence,
  {
    /** As long as the scope lives, events of the streams that begin with `prefix` are answered, or waited for, in this process. */
    readonly answers: (
      prefix: string,
      answered: (event: RecordedEvent) => boolean
    ) => Effect.Effect<Answering, never, Scope.Scope>
    /** Whether anybody is answered in this process at all. */
    readonly busy: () => boolean
    /** What these events hold back; undefined: nothing. */
    readonly held: (events: ReadonlyArray<RecordedEvent>) => Held | undefined
    /** Suspends a follower that has read these events as long as it should hold back. @param wants the types that it applies */
    readonly give: (events: ReadonlyArray<RecordedEvent>, wants: ReadonlySet<string>) => Effect.Effect<void>
  }
>()("@signalbox/core/projection/Precedence") {
  static readonly layer: Layer.Layer<Precedence> = Layer.sync(Precedence, () => {
    const answering = new Set<{ readonly prefix: string; readonly answered: (event: RecordedEvent) => boolean }>()
    const waiting = new Map<number, Deferred.Deferred<void>>()
    const done = new Set<number>()

    const finish = (position: number): void => {
      done.add(position)
      for (const oldest of done) {
        if (done.size <= remembered) break
        done.delete(oldest)
      }
      const deferred = waiting.get(position)
      waiting.delete(position)
      if (deferred !== undefined) Deferred.doneUnsafe(deferred, Effect.void)
    }
    const doneWith = (position: number): Effect.Effect<void> => {
      if (done.has(position)) return Effect.void
      const deferred = waiting.get(position) ?? Deferred.makeUnsafe<void>()
      waiting.set(position, deferred)
      return Deferred.await(deferred)
    }
    const held = (events: ReadonlyArray<RecordedEvent>): Held | undefined => {
      for (const { prefix, answered } of answering) {
        const theirs = events.filter((event) => event.stream.startsWith(prefix) && answered(event))
        if (theirs.length === 0) continue
        const all = theirs.map(({ position }) => position)
        return {
          others: (wants) => events.some((event) => wants.has(event.type) && !event.stream.startsWith(prefix)),
          over: Effect.forEach(all, doneWith, { discard: true }).pipe(
            Effect.andThen(Effect.sleep(onTheWay)),
            Effect.timeoutOption(hold),
            Effect.andThen(Effect.sync(() => all.forEach(finish)))
          )
        }
      }
      return undefined
    }
    return Precedence.of({
      answers: (prefix, answered) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            const one = { prefix, answered }
            answering.add(one)
            return one
          }),
          (one) => Effect.sync(() => answering.delete(one))
        ).pipe(Effect.as({ done: finish })),
      busy: () => answering.size > 0,
      held,
      give: (events, wants) =>
        Effect.suspend(() => {
          const found = held(events)
          return found === undefined || found.others(wants) ? Effect.void : found.over
        })
    })
  })
}
