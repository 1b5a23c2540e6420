/**
 * Running a command: load the stream, decide, append; again when somebody was faster.
 *
 * Owns: that loop, the folded states it remembers, and the canonical body by which a repeat is told from a reuse.
 * Does not own: any rule of any room (deciders), nor idempotency itself (receipts in the log).
 * Invariants: an outcome is recorded only if the stream was still at the version it was decided on, rejections included; a
 * command id gets the same answer for ever. A command that decides on no events leaves a receipt without events: its repeat
 * is answered as the same accepted no-op, whatever the stream has become since. A conflict leaves nothing.
 * The state in an answer is the stream's newest known state: at or after the command's own events.
 */
import { Context, Effect, Layer, Random, Result, Semaphore } from "effect"
import type { Decider } from "./Decider.ts"
import { decodeAll, type EventNotDecodable, type EventTypes, type NewEvent, type RecordedEvent } from "./Event.ts"
import { HEAD_PAGE } from "./newest.ts"
import {
  type Appended,
  type CommandIdReused,
  CommandRejected,
  EventLog,
  EventNotStorable,
  LogUnavailable,
  type VersionConflict
} from "./EventLog.ts"

const PAGE = 1_000
const ATTEMPTS = 30
const REMEMBERED = 256
const REMEMBERED_BYTES = 16 * 1_048_576

type Refusable = { readonly message: string }

export interface Execute<State, Command, Event extends { readonly _tag: string }, Rejection extends Refusable> {
  readonly decider: Decider<State, Command, Event, Rejection>
  readonly types: EventTypes<Event>
  readonly stream: string
  readonly command: Command
  /** UUID, chosen by the client: the same id again is answered the same. */
  readonly commandId: string
  readonly actor: string
  readonly correlationId?: string
  readonly causationId?: number
  /** What the client said, for telling a repeat from a reuse. Give it when `command` holds more (the time, fresh ids). */
  readonly body?: string
  /** The stream as the caller has just seen it: it is not read once more. Out of date it costs a conflict, as any memory does. */
  readonly seen?: Loaded<State>
}
export interface Executed<State, Event> {
  /** The command's own events; those of the first time when it is a repeat. */
  readonly events: ReadonlyArray<Event>
  readonly state: State
  /** Whoever has seen the log up to here has seen what the command did. */
  readonly position: number
  readonly duplicate: boolean
}
export interface Loaded<State> {
  readonly state: State
  readonly version: number
}
export type ExecuteError = CommandRejected | CommandIdReused | EventNotStorable | EventNotDecodable | LogUnavailable

export class Commands extends Context.Service<
  Commands,
  {
    readonly execute: <State, Command, Event extends { readonly _tag: string }, Rejection extends Refusable>(
      options: Execute<State, Command, Event, Rejection>
    ) => Effect.Effect<Executed<State, Event>, ExecuteError>
    /** As `execute`, for whoever need not know more than whether it has written events now, itself: nothing is read back. */
    readonly write: <State, Command, Event extends { readonly _tag: string }, Rejection extends Refusable>(
      options: Execute<State, Command, Event, Rejection>
    ) => Effect.Effect<boolean, ExecuteError>
    /** The stream's state as of now: read from the log, through the states that are remembered. */
    readonly load: <State, Command, Event extends { readonly _tag: string }, Rejection extends Refusable>(
      decider: Decider<State, Command, Event, Rejection>,
      types: EventTypes<Event>,
      stream: string
    ) => Effect.Effect<Loaded<State>, EventNotDecodable | LogUnavailable>
    /** Keeps a state that is remembered up to date with what its stream's follower hears anyway. */
    readonly hear: <State, Command, Event extends { readonly _tag: string }, Rejection extends Refusable>(
      decider: Decider<State, Command, Event, Rejection>,
      types: EventTypes<Event>,
      event: RecordedEvent
    ) => void
    /** What is remembered and was heard of last: most likely the newest state. Nothing is asked; undefined: `load` it. */
    readonly heard: <State, Command, Event extends { readonly _tag: string }, Rejection extends Refusable>(
      decider: Decider<State, Command, Event, Rejection>,
      stream: string
    ) => Loaded<State> | undefined
  }
>()("@signalbox/core/log/Commands") {
  static readonly layer: Layer.Layer<Commands, never, EventLog> = Layer.effect(
    Commands,
    Effect.gen(function* () {
      const log = yield* EventLog
      const memory = makeMemory()
      const inTurn = makeTurns()

      const catchUp = Effect.fnUntraced(function* <S, C, E extends { readonly _tag: string }, R extends Refusable>(
        { decider, types, stream }: Pick<Execute<S, C, E, R>, "decider" | "types" | "stream">,
        from: Loaded<S>
      ) {
        let loaded = from
        for (;;) {
          const { events, more } = yield* log.page({ stream, from: loaded.version + 1, limit: PAGE })
          loaded = yield* fold(decider, types, loaded, events)
          if (events.length > 0) memory.keep(stream, decider, loaded, false)
          if (!more) return loaded
        }
      })

      const load: Commands["Service"]["load"] = (decider, types, stream) =>
        catchUp({ decider, types, stream }, memory.recall(stream, decider) ?? { state: decider.initial, version: 0 })

      const attempt = Effect.fnUntraced(function* <S, C, E extends { readonly _tag: string }, R extends Refusable>(
        options: Execute<S, C, E, R>,
        loaded: Loaded<S>,
        body: string
      ) {
        const { decider, types, stream, command, commandId, actor, correlationId, causationId } = options
        const decided = decider.decide(loaded.state, command)
        const outcome = Result.isSuccess(decided)
          ? { events: yield* encodeAll(stream, types, decided.success) }
          : { events: [], reject: decided.failure.message || "rejected" }
        return yield* log.append({
          stream,
          expected: loaded.version,
          commandId,
          body,
          actor,
          ...outcome,
          ...(correlationId === undefined ? {} : { correlationId }),
          ...(causationId === undefined ? {} : { causationId })
        })
      })

      const answer = Effect.fnUntraced(function* <S, C, E extends { readonly _tag: string }, R extends Refusable>(
        options: Execute<S, C, E, R>,
        loaded: Loaded<S>,
        appended: Appended
      ): Effect.fn.Return<Executed<S, E>, EventNotDecodable | LogUnavailable> {
        const { decider, types, stream } = options
        const { fromVersion, toVersion, toPosition: position, duplicate } = appended
        const count = toVersion - fromVersion + 1
        if (count === 0 && !duplicate) return { events: [], state: loaded.state, position, duplicate }
        // Times and positions are known only once they are written: the events are read back, as others see them, and with
        // those whom the bell has called meanwhile. Events of one command are neighbors.
        const page: Array<RecordedEvent> = []
        if (!duplicate && count <= HEAD_PAGE)
          for (const event of yield* log.newest(position - count + 1, count, position)) page.push(event)
        for (let more = true; more && page.length < count;) {
          const limit = duplicate ? count - page.length : PAGE
          const next = yield* log.page({ stream, from: fromVersion + page.length, limit })
          for (const event of next.events) page.push(event)
          more = next.more
        }
        const events = yield* decodeAll(types, page.slice(0, count))
        if (duplicate) return { events, state: (yield* catchUp(options, loaded)).state, position, duplicate }
        const { state } = memory.keep(stream, decider, yield* fold(decider, types, loaded, page))
        return { events, state, position, duplicate }
      })

      const decideAndAppend = Effect.fnUntraced(function* <
        S,
        C,
        E extends { readonly _tag: string },
        R extends Refusable
      >(options: Execute<S, C, E, R>) {
        const { decider, stream } = options
        const body = options.body ?? canonical(options.command)
        let loaded =
          newest(memory.recall(stream, decider), options.seen) ?? (yield* load(decider, options.types, stream))
        for (let tries = 1; ; tries++) {
          const appended = yield* Effect.result(attempt(options, loaded, body))
          if (Result.isSuccess(appended)) return { loaded, appended: appended.success }
          const error: VersionConflict | ExecuteError = appended.failure
          if (error._tag !== "VersionConflict") return yield* Effect.fail(error)
          if (tries === ATTEMPTS)
            return yield* new LogUnavailable({
              reason: `${stream} was changed by others ${ATTEMPTS} times while the command was decided; send it again`
            })
          yield* Effect.sleep((yield* Random.next) * Math.min(2 ** tries, 64))
          loaded = yield* catchUp(options, loaded)
        }
      })
      const execute: Commands["Service"]["execute"] = (options) =>
        inTurn(
          options.stream,
          Effect.flatMap(decideAndAppend(options), ({ loaded, appended }) => answer(options, loaded, appended))
        )
      const write: Commands["Service"]["write"] = (options) =>
        inTurn(
          options.stream,
          Effect.map(
            decideAndAppend(options),
            ({ appended }) => !appended.duplicate && appended.toVersion >= appended.fromVersion
          )
        )
      const hear: Commands["Service"]["hear"] = (decider, types, recorded) => {
        const { stream, version } = recorded
        const known = memory.recall(stream, decider)
        if (known?.version !== version - 1) return
        const event = types.decode(recorded)
        if (Result.isFailure(event)) return
        const state = event.success === undefined ? known.state : decider.evolve(known.state, event.success, recorded)
        memory.keep(stream, decider, { state, version }, true)
      }
      return Commands.of({ execute, write, load, hear, heard: (decider, stream) => memory.heard(stream, decider) })
    })
  )
}

const fold = <S, C, E extends { readonly _tag: string }, R extends Refusable>(
  decider: Decider<S, C, E, R>,
  types: EventTypes<E>,
  from: Loaded<S>,
  page: ReadonlyArray<RecordedEvent>
): Effect.Effect<Loaded<S>, EventNotDecodable> =>
  Effect.gen(function* () {
    let { state, version } = from
    for (const recorded of page) {
      const event = yield* Effect.fromResult(types.decode(recorded))
      if (event !== undefined) state = decider.evolve(state, event, recorded)
      version = recorded.version
    }
    return { state, version }
  })

/** An event that does not fit its own schema is refused like one that cannot be stored: nothing was written. */
const encodeAll = <E extends { readonly _tag: string }>(
  stream: string,
  types: EventTypes<E>,
  events: ReadonlyArray<E>
): Effect.Effect<ReadonlyArray<NewEvent>, EventNotStorable> =>
  Effect.forEach(events, (event) =>
    Effect.try({
      try: () => types.encode(event),
      catch: (cause) =>
        new EventNotStorable({
          stream,
          type: event._tag,
          reason: cause instanceof Error ? cause.message : String(cause)
        })
    })
  )

/** JSON with sorted keys: the same command gives the same text however its object was built. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === "bigint") return `${part}n`
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part
    return Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }) ?? "undefined"

interface Kept {
  readonly decider: object
  readonly loaded: Loaded<unknown>
  readonly bytes: number
  /** Its stream is followed here, as far as is known. */
  readonly heard: boolean
}

/** The most recently used states, bounded by number and by size. A stale one costs a conflict, never a wrong decision. */
const makeMemory = () => {
  const kept = new Map<string, Kept>()
  let size = 0
  const drop = (stream: string): void => {
    size -= kept.get(stream)?.bytes ?? 0
    kept.delete(stream)
  }
  const recall = <S>(stream: string, decider: { readonly initial: S }): Loaded<S> | undefined => {
    const found = kept.get(stream)
    if (found === undefined || found.decider !== decider) return undefined
    kept.delete(stream)
    kept.set(stream, found)
    return found.loaded as Loaded<S> // kept under this very decider
  }
  return {
    recall,
    heard: <S>(stream: string, decider: { readonly initial: S }): Loaded<S> | undefined =>
      kept.get(stream)?.heard === true ? recall(stream, decider) : undefined,
    /** @param heard whether the stream's follower told it; undefined: as before, for it hears of a command's events in a moment */
    keep: <S>(stream: string, decider: { readonly initial: S }, loaded: Loaded<S>, heard?: boolean): Loaded<S> => {
      const known = recall(stream, decider)
      if (known !== undefined && known.version > loaded.version) return known // a follower was faster
      const still = heard ?? kept.get(stream)?.heard ?? false
      drop(stream)
      const bytes = weigh(loaded.state)
      kept.set(stream, { decider, loaded, bytes, heard: still })
      size += bytes
      for (const oldest of kept.keys()) {
        if (kept.size <= REMEMBERED && size <= REMEMBERED_BYTES) break
        drop(oldest)
      }
      return loaded
    }
  }
}

/** About what a state holds: its texts, and a little for every value. */
export const weigh = (value: unknown): number => {
  if (typeof value === "string") return value.length * 2 + 16
  if (typeof value !== "object" || value === null) return 8
  const parts = value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : Object.values(value)
  return parts.reduce<number>((sum, part) => sum + weigh(part), 64)
}

const newest = <S>(remembered: Loaded<S> | undefined, seen: Loaded<S> | undefined): Loaded<S> | undefined =>
  (seen?.version ?? -1) > (remembered?.version ?? -1) ? seen : remembered

/** Within this process the commands of one stream go one after the other: they would only make each other decide again. */
const makeTurns = () => {
  const lines = new Map<string, { readonly turn: Semaphore.Semaphore; waiting: number }>()
  return <A, E, R>(stream: string, self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        const line = lines.get(stream) ?? { turn: Semaphore.makeUnsafe(1), waiting: 0 }
        line.waiting++
        lines.set(stream, line)
        return line
      }),
      (line) => Semaphore.withPermits(line.turn, 1)(self),
      (line) =>
        Effect.sync(() => {
          line.waiting--
          if (line.waiting === 0) lines.delete(stream)
        })
    )
}
