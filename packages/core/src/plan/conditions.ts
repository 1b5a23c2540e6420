/**
 * Whether a step is done on a target: a condition becomes reads, and their answers true, false or unknown.
 *
 * Owns: which reads a condition needs, and what their answers make of it. Does not own: dispatching them (worker), facts (`facts.ts`).
 * Invariants: pure; a read that failed, or did not come, leaves unknown; every question that was asked is told with what was found.
 */
import { Result } from "effect"
import { decodeAction } from "../action/catalog.ts"
import type { FleetMember } from "../agent/Fleet.ts"
import type { Finding } from "./events.ts"
import { compare, comparisonFault, type Known, type Reading, readFact, readFor } from "./facts.ts"
import type { Condition, Target } from "./plan.ts"
import { globMatches } from "./selectors.ts"
import { all, any, not, type Truth, truthOf } from "./truth.ts"
import { conditionText } from "./words.ts"

/** A read that has to be done, on the target itself or on another host. */
export interface Question {
  readonly host?: string
  readonly action: "system.info" | "system.usage" | "service.status"
  readonly args: Readonly<Record<string, string>>
}

/** Tells one question from another. */
export const questionKey = ({ host, action, args }: Question): string => JSON.stringify([host ?? null, action, args])

/** Each once, in the order in which they stand. */
export const questionsOf = (condition: Condition): ReadonlyArray<Question> => [
  ...new Map(
    leaves(condition)
      .flatMap(questionOf)
      .map((one) => [questionKey(one), one])
  ).values()
]

type Leaf = Extract<Condition, { readonly _tag: "Fact" | "Unit" | "Online" }>

const leaves = (condition: Condition): ReadonlyArray<Leaf> => {
  switch (condition._tag) {
    case "And":
    case "Or":
      return condition.of.flatMap(leaves)
    case "Not":
      return leaves(condition.of)
    default:
      return [condition]
  }
}

const questionOf = (leaf: Leaf): ReadonlyArray<Question> => {
  if (leaf._tag === "Online") return []
  const host = leaf.host === undefined ? {} : { host: leaf.host }
  if (leaf._tag === "Unit") return [{ ...host, action: "service.status", args: { unit: leaf.unit } }]
  const action = readFor(leaf.fact)
  return action === undefined ? [] : [{ ...host, action, args: {} }]
}

export interface Answers {
  /** The name of the target itself. */
  readonly target: string
  readonly reading: (question: Question) => Reading | { readonly unknown: string }
  /** Undefined: there is no such host. */
  readonly online: (host: string) => boolean | undefined
}
export interface Verdict {
  readonly answer: Truth
  readonly findings: ReadonlyArray<Finding>
  /** Why it cannot be said. */
  readonly why: ReadonlyArray<string>
}

export const evaluate = (condition: Condition, answers: Answers): Verdict => {
  switch (condition._tag) {
    case "And":
      return together(all, condition.of, answers)
    case "Or":
      return together(any, condition.of, answers)
    case "Not": {
      const inner = evaluate(condition.of, answers)
      return { ...inner, answer: not(inner.answer) }
    }
    default: {
      const { answer, found, why } = leafAnswer(condition, answers)
      const finding = {
        asked: conditionText(condition),
        answer,
        ...(found === undefined ? {} : { found: found.slice(0, 300).toWellFormed() })
      }
      return { answer, findings: [finding], why: why === undefined ? [] : [why] }
    }
  }
}

const together = (
  rule: (of: ReadonlyArray<Truth>) => Truth,
  of: ReadonlyArray<Condition>,
  answers: Answers
): Verdict => {
  const parts = of.map((one) => evaluate(one, answers))
  const answer = rule(parts.map((part) => part.answer))
  const why = answer === "unknown" ? [...new Set(parts.flatMap((part) => part.why))] : []
  return { answer, findings: parts.flatMap((part) => part.findings), why }
}

interface LeafAnswer {
  readonly answer: Truth
  readonly found?: string
  readonly why?: string
}

const leafAnswer = (leaf: Leaf, answers: Answers): LeafAnswer => {
  if (leaf._tag === "Online") {
    const online = answers.online(leaf.host)
    return online === undefined
      ? unknown(`there is no host ${leaf.host}`)
      : { answer: truthOf(online), found: online ? "online" : "offline" }
  }
  const [question] = questionOf(leaf)
  if (question === undefined)
    return leaf._tag === "Fact" ? ofFact(leaf, { value: leaf.host ?? answers.target }) : unknown("nothing tells it")
  const reading = answers.reading(question)
  if ("unknown" in reading) return unknown(String(reading.unknown))
  if (leaf._tag === "Fact") return ofFact(leaf, readFact(reading, leaf.fact))
  const { active } = reading
  return typeof active === "string"
    ? { answer: truthOf(states[leaf.state].includes(active)), found: active }
    : unknown(`the host does not tell the state of ${leaf.unit}`)
}

/** As systemd calls them. A unit on its way to a state is not in it. */
const states: Readonly<Record<"active" | "inactive" | "failed", ReadonlyArray<string>>> = {
  active: ["active", "reloading", "refreshing"],
  inactive: ["inactive"],
  failed: ["failed"]
}

const unknown = (why: string): LeafAnswer => ({ answer: "unknown", found: why, why })

const ofFact = (leaf: Extract<Leaf, { readonly _tag: "Fact" }>, known: Known): LeafAnswer => {
  if ("unknown" in known) return unknown(known.unknown)
  const answer = compare(leaf.fact, known, leaf.is, leaf.value)
  const found = String(known.value)
  return answer === "unknown"
    ? { answer, found, why: `its ${leaf.fact} (${found}) cannot be compared` }
    : { answer, found }
}

/** The condition with the exact names of the hosts that it asks, or why that cannot be. */
export const freezeCondition = (
  condition: Condition,
  members: ReadonlyArray<FleetMember>
): Result.Result<{ readonly when: Condition; readonly asks: ReadonlyArray<Target> }, string> => {
  switch (condition._tag) {
    case "And":
    case "Or": {
      const of: Array<Condition> = []
      const asks: Array<Target> = []
      for (const one of condition.of) {
        const frozen = freezeCondition(one, members)
        if (Result.isFailure(frozen)) return Result.fail(frozen.failure)
        of.push(frozen.success.when)
        asks.push(...frozen.success.asks)
      }
      return Result.succeed({ when: { ...condition, of }, asks: distinct(asks) })
    }
    case "Not":
      return Result.map(freezeCondition(condition.of, members), ({ when, asks }) => ({
        when: { _tag: "Not", of: when },
        asks
      }))
    default:
      return freezeLeaf(condition, members)
  }
}

const freezeLeaf = (
  leaf: Leaf,
  members: ReadonlyArray<FleetMember>
): Result.Result<{ readonly when: Condition; readonly asks: ReadonlyArray<Target> }, string> => {
  const fault = leaf._tag === "Fact" ? comparisonFault(leaf.fact, leaf.is, leaf.value) : unitFault(leaf)
  if (fault !== undefined) return Result.fail(fault)
  if (leaf.host === undefined) return Result.succeed({ when: leaf, asks: [] })
  const glob = leaf.host
  const found = members.filter((member) => globMatches(glob, member.host))
  const [one] = found
  if (one === undefined) return Result.fail(`The condition asks ${glob}, and there is no such host. See agent list.`)
  if (found.length > 1)
    return Result.fail(
      `The condition asks one host, and ${glob} is ${found.length}: ${names(found)}. Name the one that is meant.`
    )
  return Result.succeed({ when: { ...leaf, host: one.host }, asks: [{ agentId: one.agentId, host: one.host }] })
}

const unitFault = (leaf: Leaf): string | undefined => {
  if (leaf._tag !== "Unit") return undefined
  const read = decodeAction("service.status", { unit: leaf.unit })
  return Result.isFailure(read) ? `The condition cannot be asked. ${read.failure}` : undefined
}

const names = (members: ReadonlyArray<FleetMember>): string =>
  `${members
    .slice(0, 5)
    .map((one) => one.host)
    .join(", ")}${members.length > 5 ? " …" : ""}`
const distinct = (targets: ReadonlyArray<Target>): ReadonlyArray<Target> => [
  ...new Map(targets.map((one) => [one.agentId, one])).values()
]
