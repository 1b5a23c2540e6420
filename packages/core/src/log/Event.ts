/**
 * The envelope: what the log stores about every event, and how types are versioned.
 *
 * Owns: the recorded and the new event's shape, the table of event types (schema, version, upcasts).
 * Does not own: any room's payloads (each room's `events.ts`), nor storage (`EventLog`).
 * Invariants: positions are dense from 1; `data` is the JSON that was appended, byte for byte in storage; a payload of an
 * older version is upcast when it is decoded and never rewritten.
 */
import { Effect, Result, Schema } from "effect"

export const RecordedEvent = Schema.Struct({
  position: Schema.Int,
  stream: Schema.String,
  version: Schema.Int,
  type: Schema.String,
  data: Schema.Json,
  actor: Schema.String,
  commandId: Schema.String,
  correlationId: Schema.String,
  causationId: Schema.NullOr(Schema.Int),
  /** ISO 8601, UTC, with microseconds: 2026-11-20T14:30:22.123456Z */
  at: Schema.String,
  /** 64 hex digits, chained to the event before. */
  hash: Schema.String
}).annotate({ identifier: "RecordedEvent" })
export type RecordedEvent = typeof RecordedEvent.Type

/** An event on its way into the log: `data` is already encoded JSON without the tag. */
export interface NewEvent {
  readonly type: string
  readonly data: Schema.Json
}

/** A payload does not fit the schema of its type: a newer writer, or damage. The event stays in the log. */
export class EventNotDecodable extends Schema.TaggedError<EventNotDecodable>()("EventNotDecodable", {
  position: Schema.Int,
  type: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `event ${this.position} (${this.type}) does not fit its schema: ${this.reason}`
  }
}

/** Lifts a payload of version n (the key) to version n + 1. */
export type Upcasts = Readonly<
  Record<number, (data: Readonly<Record<string, Schema.Json>>) => Record<string, Schema.Json>>
>

/**
 * The events of one room: encode and decode between the tagged domain union and the log's JSON.
 * A type whose payload has changed lists its current version and the upcasts that lead to it; the stored `data` carries its
 * version as `v` when it is above 1.
 */
export interface EventTypes<E extends { readonly _tag: string }> {
  readonly types: ReadonlyArray<string>
  readonly encode: (event: E) => NewEvent
  /** `undefined` for a type that this room does not know: folds skip it, the log keeps it. */
  readonly decode: (recorded: {
    readonly position: number
    readonly type: string
    readonly data: Schema.Json
  }) => Result.Result<E | undefined, EventNotDecodable>
}

export const makeEventTypes = <E extends { readonly _tag: string }>(options: {
  readonly schema: Schema.Codec<E, unknown>
  readonly types: ReadonlyArray<E["_tag"]>
  readonly upcasts?: Readonly<Record<string, { readonly version: number; readonly steps: Upcasts }>>
}): EventTypes<E> => {
  const codec = Schema.toCodecJson(options.schema)
  const encode = Schema.encodeSync(codec)
  const decode = Schema.decodeUnknownResult(codec)
  const known = new Set<string>(options.types)
  return {
    types: options.types,
    encode: (event) => {
      const { _tag, ...data } = encode(event) as { readonly _tag: string } & Record<string, Schema.Json>
      if ("v" in data) throw new Error(`${_tag} has a field v: that name is the payload's version`)
      const version = options.upcasts?.[_tag]?.version ?? 1
      return { type: _tag, data: version > 1 ? { v: version, ...data } : data }
    },
    decode: ({ position, type, data }) => {
      if (!known.has(type)) return Result.succeed(undefined)
      const refused = (reason: string) => new EventNotDecodable({ position, type, reason })
      const lifted = upcast(options.upcasts?.[type], data)
      if (Result.isFailure(lifted)) return Result.fail(refused(lifted.failure))
      return Result.mapError(decode({ ...lifted.success, _tag: type }), (e) => refused(e.message))
    }
  }
}

/** @returns the payload in the current version, or why it cannot be had */
const upcast = (
  change: { readonly version: number; readonly steps: Upcasts } | undefined,
  data: Schema.Json
): Result.Result<Record<string, Schema.Json>, string> => {
  if (!isRecord(data)) return Result.fail("its payload is not an object")
  const { v, ...rest } = data
  const current = change?.version ?? 1
  const from = v ?? 1
  if (typeof from !== "number" || !Number.isInteger(from) || from < 1) return Result.fail("its version cannot be read")
  if (from > current) return Result.fail(`it has version ${from}, this program knows ${current}: update this program`)
  let lifted: Record<string, Schema.Json> = rest
  for (let at = from; at < current; at++) {
    const step = change?.steps[at]
    if (step === undefined) return Result.fail(`nothing leads from version ${at} to ${at + 1}`)
    const before = lifted
    const next = Result.try(() => step(before))
    if (Result.isFailure(next)) return Result.fail(`it cannot be lifted from version ${at}: ${String(next.failure)}`)
    lifted = next.success
  }
  return Result.succeed(lifted)
}

const isRecord = (data: Schema.Json): data is { readonly [key: string]: Schema.Json } =>
  typeof data === "object" && data !== null && !Array.isArray(data)

/** Fails with the error of the first event that does not fit; unknown types are left out. */
export const decodeAll = <E extends { readonly _tag: string }>(
  types: EventTypes<E>,
  recorded: ReadonlyArray<RecordedEvent>
): Effect.Effect<ReadonlyArray<E>, EventNotDecodable> =>
  Effect.gen(function* () {
    const events: Array<E> = []
    for (const one of recorded) {
      const event = yield* Effect.fromResult(types.decode(one))
      if (event !== undefined) events.push(event)
    }
    return events
  })
