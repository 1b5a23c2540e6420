/**
 * Tiny total checks of JSON that our own hub has answered.
 *
 * Owns: the pieces. Does not own: what is asked for (beside each read), anything a person or a stranger sends: that is decoded
 * by Schema, here and at the hub.
 * Why not Schema: to load it and to build a shape takes longer than the whole read.
 * Invariants: pure; never throws; what a shape says is true of every value it lets pass; fields that nobody asked for are let be.
 */
export type Shape<A> = (value: unknown) => value is A
type Of<S> = S extends Shape<infer A> ? A : never
type Shapes = Readonly<Record<string, Shape<unknown>>>

export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

export const text: Shape<string> = (value) => typeof value === "string"
export const number: Shape<number> = (value) => typeof value === "number"
export const flag: Shape<boolean> = (value) => typeof value === "boolean"
/** What JSON.parse makes is nothing else. */
export const json: Shape<Json> = (value): value is Json => value !== undefined

export const oneOf =
  <const A extends string>(words: ReadonlyArray<A>): Shape<A> =>
  (value): value is A =>
    words.some((word) => word === value)

export const orNull =
  <A>(shape: Shape<A>): Shape<A | null> =>
  (value): value is A | null =>
    value === null || shape(value)

export const list =
  <A>(shape: Shape<A>): Shape<ReadonlyArray<A>> =>
  (value): value is ReadonlyArray<A> =>
    Array.isArray(value) && value.every((one) => shape(one))

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** An object whose values are all alike. */
export const table =
  <A>(shape: Shape<A>): Shape<Readonly<Record<string, A>>> =>
  (value): value is Readonly<Record<string, A>> =>
    isObject(value) && Object.values(value).every((one) => shape(one))

/** @param may fields that may be missing */
export const record =
  <M extends Shapes, O extends Shapes = Record<never, never>>(
    must: M,
    may?: O
  ): Shape<{ readonly [K in keyof M]: Of<M[K]> } & { readonly [K in keyof O]?: Of<O[K]> }> =>
  (value): value is { readonly [K in keyof M]: Of<M[K]> } & { readonly [K in keyof O]?: Of<O[K]> } =>
    isObject(value) &&
    Object.entries(must).every(([name, shape]) => shape(value[name])) &&
    Object.entries(may ?? {}).every(([name, shape]) => !Object.hasOwn(value, name) || shape(value[name]))
