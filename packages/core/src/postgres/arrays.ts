/**
 * Postgres arrays for postgres.js.
 *
 * Owns: the array types we use, by their fixed OIDs. Why: the driver would learn them by a query of its own on every new connection,
 * and when that connection dies in this very query the rejection belongs to nobody and ends the process.
 */
import type postgres from "postgres"

type Element = (text: string) => unknown
const text: Element = (value) => value
const number: Element = Number

/** OID of the array type → how an element is read, as the driver reads the plain type (int8 and numeric stay text). */
const elements: Readonly<Record<string, readonly [oid: number, read: Element]>> = {
  json: [199, (value) => JSON.parse(value)],
  bool: [1000, (value) => value === "t"],
  bytea: [1001, (value) => Buffer.from(value.slice(2), "hex")],
  char: [1002, text],
  name: [1003, text],
  int2: [1005, number],
  int4: [1007, number],
  text: [1009, text],
  varchar: [1015, text],
  int8: [1016, text],
  float4: [1021, number],
  float8: [1022, number],
  oid: [1028, number],
  timestamptz: [1185, (value) => new Date(value)],
  numeric: [1231, text],
  uuid: [2951, text],
  jsonb: [3807, (value) => JSON.parse(value)]
}

export const arrayTypes: Record<string, postgres.PostgresType> = Object.fromEntries(
  Object.entries(elements).map(([name, [oid, read]]) => [
    `${name}_array`,
    {
      to: oid,
      from: [oid],
      serialize: (value: unknown): string => (Array.isArray(value) ? writeArray(value) : String(value)),
      parse: (value: string): unknown => readArray(value, read)
    }
  ])
)

/** `{"a","b\"c",NULL,{…}}`: every element quoted, so that none is mistaken. */
export const writeArray = (values: ReadonlyArray<unknown>): string => `{${values.map(writeElement).join(",")}}`

const writeElement = (value: unknown): string => {
  if (value === null || value === undefined) return "NULL"
  if (Array.isArray(value)) return writeArray(value)
  return `"${plain(value).replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`
}

const plain = (value: unknown): string => {
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString("hex")}`
  if (value instanceof Date) return value.toISOString()
  return typeof value === "object" ? JSON.stringify(value) : String(value)
}

export const readArray = (source: string, read: Element): ReadonlyArray<unknown> => {
  let at = source.indexOf("{") + 1 // bounds such as [0:1]= come before it
  const list = (): Array<unknown> => {
    const values: Array<unknown> = []
    while (at < source.length) {
      const here = source[at]
      if (here === "}") {
        at++
        return values
      }
      if (here === ",") at++
      else if (here === "{") {
        at++
        values.push(list())
      } else if (here === '"') values.push(read(quoted()))
      else {
        const bare = /^[^,}]*/.exec(source.slice(at))?.[0] ?? ""
        at += bare.length
        values.push(bare === "NULL" ? null : read(bare))
      }
    }
    return values
  }
  const quoted = (): string => {
    let value = ""
    for (at++; source[at] !== '"' && at < source.length; at++) {
      if (source[at] === "\\") at++
      value += source[at] ?? ""
    }
    at++
    return value
  }
  return list()
}
