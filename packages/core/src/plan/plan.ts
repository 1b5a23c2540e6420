/**
 * What a plan is: drafted (what an instruction was understood as) and frozen (what is approved and carried out).
 *
 * Owns: the schemas of drafts, selectors, conditions and frozen steps. Does not own: what may happen to a plan (`decider.ts`), the
 * actions (`action/catalog.ts`), its hash (`hash.ts`).
 * Invariants: a draft names targets as they were said; a frozen step names agents by id, and nothing resolves them again.
 */
import { Schema } from "effect"
import { Risk, RiskReason } from "../action/Action.ts"
import { comparisons, factNames } from "./fact-names.ts"

/** What is known of a host and can be asked for. cpu, memory and disk are percent in use; load is that of one minute; uptime in seconds. */
export const FactName = Schema.Literals(factNames)
export type FactName = typeof FactName.Type
/** `~`: contains, whatever the case. */
export const Comparison = Schema.Literals(comparisons)
export type Comparison = typeof Comparison.Type
const FactValue = Schema.Union([Schema.Finite, Schema.String.check(Schema.isMaxLength(200))])

const Glob = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9*?][A-Za-z0-9._*?-]{0,62}$/u, {
    expected: "a host name, in which * and ? stand for any characters"
  })
)
const Tag = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,62}$/u, { expected: "a tag" }))

interface FactTest {
  readonly _tag: "Fact"
  readonly fact: FactName
  readonly is: Comparison
  readonly value: number | string
}

export type Selector =
  | { readonly _tag: "All" }
  | { readonly _tag: "Name"; readonly glob: string }
  | { readonly _tag: "Tag"; readonly tag: string }
  | FactTest
  | { readonly _tag: "And"; readonly of: ReadonlyArray<Selector> }
  | { readonly _tag: "Or"; readonly of: ReadonlyArray<Selector> }
  | { readonly _tag: "Not"; readonly of: Selector }

const SelectorRef = Schema.suspend((): Schema.Codec<Selector> => Selector)
const Selectors = Schema.Array(SelectorRef).check(Schema.isMinLength(1), Schema.isMaxLength(50))
export const Selector: Schema.Codec<Selector> = Schema.TaggedUnion({
  All: {},
  Name: { glob: Glob },
  Tag: { tag: Tag },
  Fact: { fact: FactName, is: Comparison, value: FactValue },
  And: { of: Selectors },
  Or: { of: Selectors },
  Not: { of: SelectorRef }
}).annotate({ identifier: "Selector" })

/** Asked of each target when its turn comes, on facts read then; with `host`, asked of that host instead. */
export type Condition =
  | (FactTest & { readonly host?: string })
  | {
      readonly _tag: "Unit"
      readonly unit: string
      readonly state: "active" | "inactive" | "failed"
      readonly host?: string
    }
  | { readonly _tag: "Online"; readonly host: string }
  | { readonly _tag: "And"; readonly of: ReadonlyArray<Condition> }
  | { readonly _tag: "Or"; readonly of: ReadonlyArray<Condition> }
  | { readonly _tag: "Not"; readonly of: Condition }

const ConditionRef = Schema.suspend((): Schema.Codec<Condition> => Condition)
const Conditions = Schema.Array(ConditionRef).check(Schema.isMinLength(1), Schema.isMaxLength(20))
const OtherHost = Schema.optionalKey(Glob)
export const Condition: Schema.Codec<Condition> = Schema.TaggedUnion({
  Fact: { fact: FactName, is: Comparison, value: FactValue, host: OtherHost },
  Unit: {
    unit: Schema.String.check(Schema.isMaxLength(255)),
    state: Schema.Literals(["active", "inactive", "failed"]),
    host: OtherHost
  },
  Online: { host: Glob },
  And: { of: Conditions },
  Or: { of: Conditions },
  Not: { of: ConditionRef }
}).annotate({ identifier: "Condition" })

/** How many targets at once, and after how many failures no further one begins. */
export const Batch = Schema.Struct({
  size: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 })),
  maxFailures: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))
})
export type Batch = typeof Batch.Type

export const DraftStep = Schema.Struct({
  action: Schema.String.check(Schema.isMaxLength(64)),
  args: Schema.Record(Schema.String, Schema.Json),
  targets: Selector,
  when: Schema.optionalKey(Condition)
})
export type DraftStep = typeof DraftStep.Type

/** Steps run in order: each begins when the one before has ended on all its targets without too many failures. */
export const Draft = Schema.Struct({
  steps: Schema.Array(DraftStep).check(Schema.isMinLength(1), Schema.isMaxLength(20)),
  batch: Schema.optionalKey(Batch)
}).annotate({ identifier: "Draft" })
export type Draft = typeof Draft.Type

export const Target = Schema.Struct({ agentId: Schema.String, host: Schema.String })
export type Target = typeof Target.Type

/** What an argument really is lies in `plan.content`: the hash is over its salt and the text. */
export const StowedContent = Schema.Struct({ sha256: Schema.String, bytes: Schema.Int })

export const Step = Schema.Struct({
  action: Schema.String,
  /** As the catalogue decodes them: defaults are in. Free text and secrets are masked, and named in `contents`. */
  args: Schema.Record(Schema.String, Schema.Json),
  /** By the argument. */
  contents: Schema.optionalKey(Schema.Record(Schema.String, StowedContent)),
  /** As it was said. */
  selector: Selector,
  /** Frozen when the plan was proposed. */
  targets: Schema.Array(Target),
  /** Its other hosts by their exact names. */
  when: Schema.optionalKey(Condition),
  /** The other hosts that `when` asks, frozen like the targets. */
  asks: Schema.optionalKey(Schema.Array(Target)),
  risk: Risk,
  reasons: Schema.Array(RiskReason)
})
export type Step = typeof Step.Type

export const Plan = Schema.Struct({
  steps: Schema.Array(Step),
  batch: Batch,
  risk: Risk,
  /** Version of the rules that judged it. */
  policy: Schema.Int,
  /** ISO 8601; nothing is approved later. */
  expiresAt: Schema.String
}).annotate({ identifier: "Plan" })
export type Plan = typeof Plan.Type
