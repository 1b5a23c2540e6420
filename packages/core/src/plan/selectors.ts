/**
 * Which hosts are meant: a selector over the fleet becomes targets, once, when a plan is proposed.
 *
 * Owns: judging one host, resolving over all, and whether a selector makes sense. Does not own: facts (`facts.ts`), what is done there.
 * Invariants: pure; a host of which the selector cannot be judged is never a target and is always named, with the reason.
 */
import type { FleetMember } from "../agent/Fleet.ts"
import type { Unjudged } from "./events.ts"
import { compare, comparisonFault, isMoving, knownFact } from "./facts.ts"
import type { Selector } from "./plan.ts"
import { all, any, not, type Truth, truthOf } from "./truth.ts"

export interface Judged {
  readonly truth: Truth
  /** Why it cannot be said. */
  readonly why: ReadonlyArray<string>
}

/** @param moving `false`: numbers that change by the minute are taken as unknown */
export const judge = (selector: Selector, member: FleetMember, now: number, moving = true): Judged => {
  switch (selector._tag) {
    case "All":
      return sure(true)
    case "Name":
      return sure(globMatches(selector.glob, member.host))
    case "Tag":
      return sure(member.tags.some((tag) => tag.toLowerCase() === selector.tag.toLowerCase()))
    case "Fact": {
      if (!moving && isMoving(selector.fact)) return { truth: "unknown", why: [`its ${selector.fact} moves`] }
      const known = knownFact(member, selector.fact, now)
      const truth = compare(selector.fact, known, selector.is, selector.value)
      if (truth !== "unknown") return { truth, why: [] }
      return { truth, why: ["unknown" in known ? known.unknown : `its ${selector.fact} cannot be compared`] }
    }
    case "Not": {
      const { truth, why } = judge(selector.of, member, now, moving)
      return { truth: not(truth), why }
    }
    case "And":
      return together(all, selector.of, member, now, moving)
    case "Or":
      return together(any, selector.of, member, now, moving)
  }
}

const sure = (holds: boolean): Judged => ({ truth: truthOf(holds), why: [] })

const together = (
  rule: (of: ReadonlyArray<Truth>) => Truth,
  of: ReadonlyArray<Selector>,
  member: FleetMember,
  now: number,
  moving: boolean
): Judged => {
  const parts = of.map((one) => judge(one, member, now, moving))
  const truth = rule(parts.map((part) => part.truth))
  return { truth, why: truth === "unknown" ? [...new Set(parts.flatMap((part) => part.why))] : [] }
}

export interface Resolved {
  readonly targets: ReadonlyArray<FleetMember>
  readonly unjudged: ReadonlyArray<Unjudged>
}

export const resolve = (selector: Selector, members: ReadonlyArray<FleetMember>, now: number): Resolved => {
  const judged = members.map((member) => ({ member, ...judge(selector, member, now) }))
  return {
    targets: judged.filter(({ truth }) => truth === "true").map(({ member }) => member),
    unjudged: judged
      .filter(({ truth }) => truth === "unknown")
      .map(({ member, why }) => ({ host: member.host, reason: why.join("; ") }))
  }
}

/** Whatever the case; without a pattern's backtracking, because names and globs come from strangers. */
export const globMatches = (glob: string, name: string): boolean => {
  const [pattern, text] = [glob.toLowerCase(), name.toLowerCase()]
  let [at, seen, star, after] = [0, 0, -1, 0]
  while (seen < text.length) {
    const sign = pattern[at]
    if (sign === "*") {
      star = at++
      after = seen
    } else if (sign === "?" || sign === text[seen]) {
      at++
      seen++
    } else if (star >= 0) {
      at = star + 1
      seen = ++after
    } else return false
  }
  while (pattern[at] === "*") at++
  return at === pattern.length
}

/** @returns why it makes no sense, in one sentence */
export const selectorFault = (selector: Selector): string | undefined => {
  switch (selector._tag) {
    case "Fact":
      return comparisonFault(selector.fact, selector.is, selector.value)
    case "Not":
      return selectorFault(selector.of)
    case "And":
    case "Or":
      return selector.of.map(selectorFault).find((fault) => fault !== undefined)
    case "All":
    case "Name":
    case "Tag":
      return undefined
  }
}
