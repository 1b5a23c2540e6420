/**
 * One provider's protocol as a stand-in speaks it.
 *
 * Owns: the interface between the server and the dialects, reading untyped JSON. Does not own: sockets, scripts.
 * Invariant: a dialect is pure: frames are a function of what was asked, what shall be said and what was counted.
 */
import type { Asked, Counted, Fault, Reply } from "./script.ts"

export interface Came {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: { readonly [name: string]: string }
  readonly body: unknown
  readonly at: number
}

export interface Plain {
  readonly status: number
  readonly headers?: { readonly [name: string]: string }
  readonly body: unknown
}

/**
 * One write. `token`: it carries text, is paced and counted for `cut`. `counts`: what the client has been told when it is out.
 * `last`: with it the client has all, and may hang up.
 */
export interface Frame {
  readonly text: string
  readonly token?: true
  readonly counts?: Counted
  /** Silence before it. */
  readonly afterMs?: number
  readonly last?: true
}

export interface Dialect {
  readonly name: string
  /** A key that the server takes; undefined: it asks for none. */
  readonly key: string | undefined
  /** Who asks with this header shows the key. */
  readonly keyOf: (came: Came) => string | undefined
  /** The chat request, undefined for everything else. */
  readonly read: (came: Came) => Asked | undefined
  /** What the true server refuses in a request that is formed wrongly. */
  readonly check: (asked: Asked) => Plain | undefined
  /** Lists and the like. */
  readonly answer: (came: Came) => Plain | undefined
  readonly frames: (asked: Asked, reply: Reply, counted: Counted) => Iterable<Frame>
  readonly fault: (fault: Fault, asked: FaultyAsked, retryAfterMs: number | undefined) => Plain
  /** The fault as it comes in the middle of a stream, after so many frames. */
  readonly midstream: (fault: Fault, asked: Asked, frames: number) => string
  /** A sign of life; undefined: the protocol has none. */
  readonly ping: string | undefined
  /** Counts that the dialect derives from the request itself (caches). */
  readonly count?: (asked: Asked, counted: Counted) => Counted
}

/** What a fault depends on; requests that are no chat have no model. */
export interface FaultyAsked {
  readonly model: string
  readonly body?: unknown
}

/** An object's field, or undefined: what came over the wire is not to be trusted. */
export const at = (value: unknown, ...path: ReadonlyArray<string | number>): unknown =>
  path.reduce<unknown>(
    (inner, key) => (typeof inner === "object" && inner !== null && key in inner ? Reflect.get(inner, key) : undefined),
    value
  )
export const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])
export const text = (value: unknown): string => (typeof value === "string" ? value : "")
export const number = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined)
export const parsed = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** The arguments as they come: in bites that are no JSON by themselves. */
export const bites = (json: string): ReadonlyArray<string> => json.match(/.{1,7}/gsu) ?? [""]
