/**
 * Plans in words: selectors, conditions and steps as one text each, the same in command line, terminal, bridge and to models.
 *
 * Owns: those texts. Does not own: colors and columns (the edges), understanding such texts (the phrasebook).
 * Invariants: one line without control characters whatever the arguments hold; long values are cut, and said to be.
 */
import type { Draft, Condition, Selector, Batch } from "./plan.ts"

const longest = 80

export const selectorText = (selector: Selector): string => selectorIn(selector, 0)
export const conditionText = (condition: Condition): string => conditionIn(condition, 0)

/** `Or` binds weakest, `Not` strongest. */
const inside = (binding: number, outer: number, text: string): string => (binding < outer ? `(${text})` : text)

const selectorIn = (selector: Selector, outer: number): string => {
  switch (selector._tag) {
    case "All":
      return "all hosts"
    case "Name":
      return selector.glob
    case "Tag":
      return `tag ${selector.tag}`
    case "Fact":
      return factText(selector)
    case "And":
      return inside(2, outer, selector.of.map((one) => selectorIn(one, 2)).join(" and "))
    case "Or":
      return inside(1, outer, selector.of.map((one) => selectorIn(one, 1)).join(" or "))
    case "Not":
      return `not ${selectorIn(selector.of, 3)}`
  }
}

const conditionIn = (condition: Condition, outer: number): string => {
  switch (condition._tag) {
    case "Fact":
      return `${factText(condition)}${on(condition.host)}`
    case "Unit":
      return `${condition.unit} is ${condition.state}${on(condition.host)}`
    case "Online":
      return `${condition.host} is online`
    case "And":
      return inside(2, outer, condition.of.map((one) => conditionIn(one, 2)).join(" and "))
    case "Or":
      return inside(1, outer, condition.of.map((one) => conditionIn(one, 1)).join(" or "))
    case "Not":
      return `not ${conditionIn(condition.of, 3)}`
  }
}

const on = (host: string | undefined): string => (host === undefined ? "" : ` on ${host}`)

const units: Readonly<Record<string, string>> = { cpu: " %", memory: " %", disk: " %", uptime: " s" }
const factText = (test: { readonly fact: string; readonly is: string; readonly value: string | number }): string =>
  typeof test.value === "number"
    ? `${test.fact} ${test.is} ${test.value}${units[test.fact] ?? ""}`
    : `${test.fact} ${test.is} ${quoted(test.value)}`

export const quoted = (text: string): string =>
  /^[\p{L}\p{N}._:/@*?+-]+$/u.test(text) ? text : JSON.stringify(oneLine(text))

/** Arguments of one field say themselves: `nginx.service`; more are named: `path=/etc/motd lines=20`. */
export const argsText = (args: Readonly<Record<string, unknown>>): string => {
  const entries = Object.entries(args).filter(([, value]) => value !== undefined)
  const [first] = entries
  if (entries.length === 1 && first !== undefined) return valueText(first[1])
  return entries.map(([name, value]) => `${name}=${valueText(value)}`).join(" ")
}

const valueText = (value: unknown): string => {
  if (typeof value === "string")
    return value.length > longest * 2
      ? `${quoted(value.slice(0, longest).toWellFormed())}… (${value.length} characters)`
      : cut(quoted(value))
  if (Array.isArray(value)) return cut(value.map(valueText).join(","))
  return cut(JSON.stringify(value) ?? "")
}

const cut = (text: string): string => (text.length > longest ? `${text.slice(0, longest - 1).toWellFormed()}…` : text)
const oneLine = (text: string): string => text.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, " ")

/** `service.restart nginx.service`. */
export const actText = (step: { readonly action: string; readonly args: Readonly<Record<string, unknown>> }): string =>
  `${step.action} ${argsText(step.args)}`.trimEnd()

/** `service.restart nginx.service on tag web, if cpu > 80 %`. */
export const stepText = (step: Draft["steps"][number]): string =>
  `${actText(step)} on ${selectorText(step.targets)}${step.when === undefined ? "" : `, if ${conditionText(step.when)}`}`

export const draftText = (draft: Draft): string => draft.steps.map(stepText).join("; then ")

export const batchText = ({ size, maxFailures }: Batch, targets: number): string => {
  const many = size >= targets ? "all at once" : size === 1 ? "one after the other" : `${size} at a time`
  if (maxFailures >= targets) return many
  return `${many}, stop after ${maxFailures + 1} ${maxFailures === 0 ? "failure" : "failures"}`
}
