/**
 * What may enter the log: the check that a payload comes back from storage exactly as it went in.
 *
 * Owns: the limits, and the encoding of a payload to the JSON text that is stored and hashed.
 * Does not own: schemas (each room), nor what Postgres checks again (table constraints).
 * Invariants: `JSON.parse` of the text equals the payload; the text can be read by SQL (`->>`), so NUL and lone surrogates,
 * which the type `json` would take but never give back as text, are refused here with the path to them.
 */
import { Result } from "effect"
import type { Append } from "./EventLog.ts"
import { EventNotStorable } from "./EventLog.ts"

export const LIMITS = {
  payloadBytes: 1_048_576,
  depth: 100,
  streamBytes: 512,
  typeBytes: 100,
  actorBytes: 256,
  errorBytes: 8_192,
  eventsPerItem: 1_000,
  itemBytes: 16 * 1_048_576
} as const

/** An item whose payloads are JSON text and whose texts are known to fit. */
export interface Storable {
  readonly item: Append
  readonly payloads: ReadonlyArray<string>
  readonly bytes: number
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const PLAIN_KEY = /^[A-Za-z_$][\w$]*$/

/** @returns the item with its payloads as text, or the error that names the first fault */
export const toStorable = (item: Append): Result.Result<Storable, EventNotStorable> => {
  const refuse = (reason: string, type = item.events[0]?.type ?? "a rejection") =>
    Result.fail(new EventNotStorable({ stream: clip(item.stream), type: clip(type), reason }))
  const fault = envelopeFault(item)
  if (fault !== undefined) return refuse(fault)
  const payloads: Array<string> = []
  let bytes = 0
  for (const event of item.events) {
    const broken = textFault("type", event.type, LIMITS.typeBytes) ?? payloadFault(event.data, "data")
    if (broken !== undefined) return refuse(broken, event.type)
    const text = JSON.stringify(event.data)
    const size = Buffer.byteLength(text)
    if (size > LIMITS.payloadBytes)
      return refuse(`data is ${size} bytes of JSON; at most ${LIMITS.payloadBytes} are stored in an event`, event.type)
    payloads.push(text)
    bytes += size + 256
  }
  if (bytes > LIMITS.itemBytes)
    return refuse(`the events together are ${bytes} bytes; at most ${LIMITS.itemBytes} are appended at once`)
  return Result.succeed({ item, payloads, bytes })
}

const envelopeFault = (item: Append): string | undefined => {
  if (item.events.length > LIMITS.eventsPerItem)
    return `${item.events.length} events; at most ${LIMITS.eventsPerItem} are appended at once`
  if (item.reject !== undefined && item.events.length > 0) return "a rejection cannot carry events"
  if (!UUID.test(item.commandId)) return "commandId is not a UUID"
  if (item.correlationId !== undefined && !UUID.test(item.correlationId)) return "correlationId is not a UUID"
  if (item.causationId !== undefined && !(Number.isSafeInteger(item.causationId) && item.causationId > 0))
    return "causationId is not a position"
  if (
    typeof item.expected === "number" &&
    !(Number.isInteger(item.expected) && item.expected >= 0 && item.expected < 2 ** 31)
  )
    return "expected is not a version"
  return (
    textFault("stream", item.stream, LIMITS.streamBytes) ??
    textFault("actor", item.actor, LIMITS.actorBytes) ??
    (item.reject === undefined ? undefined : textFault("reject", item.reject, LIMITS.errorBytes))
  )
}

const textFault = (name: string, text: string, limit: number): string | undefined => {
  if (text.length === 0) return `${name} is empty`
  const size = Buffer.byteLength(text)
  if (size > limit) return `${name} is ${size} bytes; at most ${limit} are stored`
  const fault = stringFault(text)
  return fault === undefined ? undefined : `${name} ${fault}`
}

interface Fault {
  readonly at: string
  readonly what: string
}

/** Says what about `value` would not come back, and where it is. The path is put together only on the way back from a fault. */
export const payloadFault = (value: unknown, name: string): string | undefined => {
  const fault = faultOf(value, 1)
  return fault === undefined ? undefined : `${name}${fault.at.slice(0, 400)} ${fault.what}`
}

const faultOf = (value: unknown, depth: number): Fault | undefined => {
  if (depth > LIMITS.depth) return { at: "", what: `is nested more than ${LIMITS.depth} deep` }
  switch (typeof value) {
    case "string":
      return textOf(value)
    case "boolean":
      return undefined
    case "number":
      return numberOf(value)
    case "object":
      if (value === null) return undefined
      return Array.isArray(value) ? elementOf(value, depth) : fieldOf(value, depth)
    default:
      return { at: "", what: `is ${value === undefined ? "undefined" : `a ${typeof value}`}, which JSON cannot hold` }
  }
}

const textOf = (text: string): Fault | undefined => {
  const what = stringFault(text)
  return what === undefined ? undefined : { at: "", what }
}

const stringFault = (text: string): string | undefined => {
  if (text.includes("\0")) return "holds a NUL character (\\u0000)"
  return text.isWellFormed() ? undefined : "holds half of a surrogate pair"
}

const numberOf = (value: number): Fault | undefined => {
  if (!Number.isFinite(value)) return { at: "", what: `is ${value}, which JSON cannot hold` }
  return Number.isInteger(value) && !Number.isSafeInteger(value)
    ? { at: "", what: `is ${value}, a whole number beyond ±(2^53 − 1), which is not exact; store it as text` }
    : undefined
}

const elementOf = (values: ReadonlyArray<unknown>, depth: number): Fault | undefined => {
  for (let i = 0; i < values.length; i++) {
    const fault = faultOf(values[i], depth + 1)
    if (fault !== undefined) return { at: `[${i}]${fault.at}`, what: fault.what }
  }
  return undefined
}

const fieldOf = (record: object, depth: number): Fault | undefined => {
  const prototype: unknown = Object.getPrototypeOf(record)
  if (prototype !== Object.prototype && prototype !== null) return { at: "", what: "is not a plain object" }
  if ("toJSON" in record && typeof record.toJSON === "function") return { at: "", what: "changes itself by toJSON" }
  for (const [key, value] of Object.entries(record)) {
    const named = stringFault(key)
    if (named !== undefined) return { at: "", what: `has a key that ${named}` }
    const fault = faultOf(value, depth + 1)
    if (fault !== undefined) {
      const step = PLAIN_KEY.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 60))}]`
      return { at: `${step}${fault.at}`, what: fault.what }
    }
  }
  return undefined
}

const clip = (text: string): string => (text.length > 120 ? `${text.slice(0, 120)}…` : text).toWellFormed()
