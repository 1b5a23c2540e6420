/**
 * Conditions in words: "if cpu is over 80 %", "only if db1 is online", "unless nginx is running on web2".
 *
 * Owns: phrases of conditions. Does not own: asking them (worker).
 * Invariants: a name before "is running" is a host if the fleet has one of that name, else a unit.
 */
import type { Condition } from "../plan.ts"
import { factIs } from "./facts.ts"
import { hostMeant, hostNamed, perPlace, type Sentence } from "./sentence.ts"
import { unitNamed } from "./units.ts"

type Found = ReadonlyArray<readonly [Condition, number]>

const stands = ({ words }: Sentence, at: number, ...what: ReadonlyArray<string>): boolean =>
  what.every((one, i) => words[at + i]?.plain === one)

const openings: ReadonlyArray<{ readonly words: ReadonlyArray<string>; readonly not?: true }> = [
  { words: ["but", "only", "if"] },
  { words: ["only", "if"] },
  { words: ["only", "when"] },
  { words: ["only", "where"] },
  { words: ["if"] },
  { words: ["when"] },
  { words: ["where"] },
  { words: ["provided", "that"] },
  { words: ["as", "long", "as"] },
  { words: ["unless"], not: true }
]

export const conditionAt = perPlace<Found[number]>((said, at) =>
  openings.flatMap((opening): Found => {
    if (!stands(said, at, ...opening.words)) return []
    return joined(said, at + opening.words.length).map(([condition, next]): readonly [Condition, number] => [
      opening.not === undefined ? condition : { _tag: "Not", of: condition },
      next
    ])
  })
)

const joined: (said: Sentence, at: number) => Found = perPlace((said, at) =>
  single(said, at).flatMap(([first, next]): Found => {
    const word = said.words[next]?.plain
    if (word !== "and" && word !== "or") return [[first, next]]
    const _tag = word === "and" ? "And" : "Or"
    return [
      [first, next],
      ...joined(said, next + 1).flatMap(([more, end]): Found => {
        const mixed = (more._tag === "And" || more._tag === "Or") && more._tag !== _tag
        return mixed ? [] : [[{ _tag, of: [first, ...(more._tag === _tag ? more.of : [more])] }, end]]
      })
    ]
  })
)

const states: ReadonlyArray<readonly [ReadonlyArray<string>, "active" | "inactive" | "failed", boolean]> = [
  [["is", "not", "running"], "active", true],
  [["is", "not", "active"], "active", true],
  [["is", "running"], "active", false],
  [["runs"], "active", false],
  [["is", "active"], "active", false],
  [["is", "up"], "active", false],
  [["is", "stopped"], "inactive", false],
  [["is", "inactive"], "inactive", false],
  [["is", "down"], "active", true],
  [["has", "failed"], "failed", false],
  [["is", "failed"], "failed", false]
]
const reachable: ReadonlyArray<readonly [ReadonlyArray<string>, boolean]> = [
  [["is", "running"], true],
  [["is", "online"], true],
  [["is", "up"], true],
  [["is", "reachable"], true],
  [["is", "connected"], true],
  [["is", "offline"], false],
  [["is", "down"], false],
  [["is", "not", "reachable"], false],
  [["is", "unreachable"], false],
  [["is", "not", "online"], false],
  [["is", "not", "running"], false]
]

const single = (said: Sentence, start: number): Found => {
  const { words } = said
  const at = stands(said, start, "the") ? start + 1 : start
  const found = factIs(words, at).flatMap(([fact, next]): Array<readonly [Condition, number]> => {
    const other = elsewhere(said, next)
    return [[fact, next], ...(other === undefined ? [] : [[{ ...fact, host: other }, next + 2] as const])]
  })
  const word = words[at]
  if (word === undefined || word.quoted) return found
  const host = hostMeant(word.text, said)
  if (host !== undefined)
    for (const [phrase, up] of reachable)
      if (stands(said, at + 1, ...phrase)) {
        const online = { _tag: "Online", host } as const
        found.push([up ? online : { _tag: "Not", of: online }, at + 1 + phrase.length])
      }
  const own = word.plain === ownUnit
  const unit = own ? ownUnit : hostNamed(word.text, said) === undefined ? unitNamed(word) : undefined
  if (unit === undefined) return found
  const service = ["service", "daemon"].includes(words[at + 1]?.plain ?? "") ? 1 : 0
  for (const [phrase, state, not] of states) {
    if (!stands(said, at + 1 + service, ...phrase)) continue
    const next = at + 1 + service + phrase.length
    const other = elsewhere(said, next)
    const asked = { _tag: "Unit", unit, state } as const
    const tell = (condition: Condition): Condition => (not ? { _tag: "Not", of: condition } : condition)
    found.push([tell(asked), next])
    if (other !== undefined && !own) found.push([tell({ ...asked, host: other }), next + 2])
  }
  return found
}

/** In "restart nginx if it is down": the unit of the act, as long as it is not known. */
const ownUnit = "it"

/** @returns undefined where "it" is said and there is not one unit that it could be */
export const withOwnUnit = (condition: Condition, units: ReadonlyArray<string>): Condition | undefined => {
  switch (condition._tag) {
    case "Unit": {
      if (condition.unit !== ownUnit) return condition
      const [unit] = units
      return unit === undefined || units.length > 1 ? undefined : { ...condition, unit }
    }
    case "Not": {
      const of = withOwnUnit(condition.of, units)
      return of === undefined ? undefined : { ...condition, of }
    }
    case "And":
    case "Or": {
      const of = condition.of.map((one) => withOwnUnit(one, units)).filter((one) => one !== undefined)
      return of.length < condition.of.length ? undefined : { ...condition, of }
    }
    case "Fact":
    case "Online":
      return condition
  }
}

/** "… on db1": the host that is asked instead of the target. */
const elsewhere = (said: Sentence, at: number): string | undefined =>
  stands(said, at, "on") ? hostMeant(said.words[at + 1]?.text ?? "", said) : undefined
