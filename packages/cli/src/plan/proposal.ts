/**
 * A proposal as the hub answers it, checked without schemas.
 *
 * Owns: the shape of what a preview shows. Does not own: the preview (`print.ts`), what is a plan (core's `plan/plan.ts`, whose types these
 * are: whatever changes there does not compile here).
 */
import { risks } from "@signalbox/core/action/risks.ts"
import { comparisons, factNames } from "@signalbox/core/plan/fact-names.ts"
import type { Condition, Selector } from "@signalbox/core/plan/plan.ts"
import { json, list, number, oneOf, record, type Shape, table, text } from "../read/shape.ts"
import type { Proposal } from "./print.ts"

const anyOf =
  <A>(...shapes: ReadonlyArray<Shape<A>>): Shape<A> =>
  (value): value is A =>
    shapes.some((shape) => shape(value))
const tag = <const Tag extends string>(name: Tag): { readonly _tag: Shape<Tag> } => ({ _tag: oneOf([name]) })
const factOrText: Shape<number | string> = anyOf<number | string>(number, text)

const fact = { ...tag("Fact"), fact: oneOf(factNames), is: oneOf(comparisons), value: factOrText }

const selectors = list((value): value is Selector => selector(value))
const selector: Shape<Selector> = anyOf<Selector>(
  record(tag("All")),
  record({ ...tag("Name"), glob: text }),
  record({ ...tag("Tag"), tag: text }),
  record(fact),
  record({ ...tag("And"), of: selectors }),
  record({ ...tag("Or"), of: selectors }),
  record({ ...tag("Not"), of: (value): value is Selector => selector(value) })
)

const conditions = list((value): value is Condition => condition(value))
const condition: Shape<Condition> = anyOf<Condition>(
  record(fact, { host: text }),
  record({ ...tag("Unit"), unit: text, state: oneOf(["active", "inactive", "failed"]) }, { host: text }),
  record({ ...tag("Online"), host: text }),
  record({ ...tag("And"), of: conditions }),
  record({ ...tag("Or"), of: conditions }),
  record({ ...tag("Not"), of: (value): value is Condition => condition(value) })
)

const step = record(
  {
    action: text,
    args: table(json),
    selector,
    targets: list(record({ host: text })),
    risk: oneOf(risks),
    reasons: list(record({ reason: text }))
  },
  { when: condition }
)

export const isProposal: Shape<Proposal> = record(
  {
    planId: text,
    text,
    status: oneOf(["proposed"]),
    unjudged: list(record({ host: text, reason: text })),
    plan: record({
      steps: list(step),
      batch: record({ size: number, maxFailures: number }),
      risk: oneOf(risks),
      expiresAt: text
    }),
    hash: text,
    steps: list(list(record({}, { reads: list(record({ purpose: text, host: text }, { summary: text })) })))
  },
  { origin: record({ by: text }, { model: text, tookMs: number }) }
)
