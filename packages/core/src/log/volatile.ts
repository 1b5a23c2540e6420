/**
 * Volatile messages between processes: streaming output and token deltas, which may be lost and are never events.
 *
 * Owns: the envelope on the NOTIFY channel, its limit, and the bounded buffer of each subscriber (the oldest falls out).
 * Does not own: the connection (`Doorbell`).
 * Invariants: publishing never fails and never waits for a subscriber; what does not fit is dropped.
 */
import { Effect, Option, Queue, Schema, Stream } from "effect"
import type { Db } from "../postgres/Db.ts"
import { type Doorbell, VOLATILE_CHANNEL } from "./Doorbell.ts"
import type { EventLog } from "./EventLog.ts"
import { payloadFault } from "./storable.ts"

export const MAX_BYTES = 7_500
const BUFFER = 1_024

const Envelope = Schema.fromJsonString(Schema.Tuple([Schema.String, Schema.Json]))
const decode = Schema.decodeUnknownOption(Envelope)

/** What is sent on the channel. */
export const envelope = (topic: string, payload: Schema.Json): string => JSON.stringify([topic, payload])

type Volatile = Pick<EventLog["Service"], "publish" | "subscribe">

export const makeVolatile = (db: Db["Service"], bell: Doorbell): Volatile => ({
  publish: (topic, payload) => {
    if (payloadFault([topic, payload], "message") !== undefined) return Effect.void
    const text = envelope(topic, payload)
    if (Buffer.byteLength(text) > MAX_BYTES) return Effect.void
    return Effect.ignore(
      db.query("publish a volatile message", () => db.pool`select pg_notify(${VOLATILE_CHANNEL}, ${text})`)
    )
  },
  subscribe: (topic) => {
    const prefix = `[${JSON.stringify(topic)},`
    return Stream.callback<Schema.Json>(
      (queue) =>
        bell.onVolatile((text) => {
          if (!text.startsWith(prefix)) return
          const message = decode(text)
          if (Option.isSome(message)) Queue.offerUnsafe(queue, message.value[1])
        }),
      { bufferSize: BUFFER, strategy: "sliding" }
    )
  }
})
