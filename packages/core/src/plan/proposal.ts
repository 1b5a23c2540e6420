/**
 * From what an instruction was understood as to the event that proposes it: frozen, hashed, and with nothing in it that is not for the log.
 *
 * Owns: that step, and the words of an instruction as the log keeps them. Does not own: freezing (`freeze.ts`), what is masked
 * (`masking.ts`), where contents lie (`contents.ts`), appending (`Plans.ts`).
 * Invariants: risk is judged on the real arguments, the hash is over the masked ones and the hashes of the real; no word of an event shows
 * what the plan in it masks.
 */
import { Result } from "effect"
import type { FleetMember } from "../agent/Fleet.ts"
import { type Content, stow } from "./contents.ts"
import type { Origin, PlanEvent } from "./events.ts"
import { freeze } from "./freeze.ts"
import { planHash } from "./hash.ts"
import { maskSaid, shownArgs } from "./masking.ts"
import type { Draft } from "./plan.ts"
import { draftText, stepText } from "./words.ts"

export type NotUnderstood = Omit<Extract<PlanEvent, { readonly _tag: "PlanNotUnderstood" }>, "_tag">
/** What an instruction was understood as. */
export interface Understood {
  readonly draft: Draft
  readonly origin: Origin
  /** In the words of the draft, or nothing where nobody had to understand it. */
  readonly understood: ReadonlyArray<string>
}
type Meaning = Understood | NotUnderstood

export interface Proposed {
  readonly event: Extract<PlanEvent, { readonly _tag: "PlanProposed" | "PlanNotUnderstood" }>
  /** To be kept before the event is appended. */
  readonly contents: ReadonlyArray<Content>
}

export const answerOf = (of: {
  readonly planId: string
  /** The account whose plan it is. */
  readonly by: string
  readonly meaning: Meaning
  readonly members: ReadonlyArray<FleetMember>
  readonly now: number
}): Proposed => {
  const { planId, by, meaning, members, now } = of
  if (!("draft" in meaning)) return no(masked(meaning))
  const frozen = freeze(meaning.draft, members, now)
  if (Result.isFailure(frozen))
    return no({ reason: maskSaid(frozen.failure, secretsOf(meaning.draft)), questions: [], readings: [] })
  const { plan, contents } = stow(frozen.success.plan)
  const { origin, understood, draft } = meaning
  const event = {
    _tag: "PlanProposed",
    plan,
    hash: planHash(planId, by, plan),
    origin,
    understood: understood.length === 0 ? [] : shown(draft).steps.map((step) => short(stepText(step), 500)),
    unjudged: frozen.success.unjudged
  } as const
  return { event, contents }
}

const no = ({ reason, ...rest }: NotUnderstood): Proposed => ({
  event: { _tag: "PlanNotUnderstood", reason: short(reason, 2_000), ...rest },
  contents: []
})

const masked = ({ reason, questions, readings, ...rest }: NotUnderstood): NotUnderstood => ({
  ...rest,
  reason: maskSaid(reason),
  questions: questions.map((one) => short(maskSaid(one), 500)),
  readings: readings.map((one) => short(maskSaid(one), 1_000))
})

/** @param text as it was said; undefined: what was understood, in words */
export const instructionOf = (
  text: string | undefined,
  meaning: Meaning | { readonly ask: "model"; readonly text: string }
): string => {
  if ("draft" in meaning)
    return short(
      text === undefined ? draftText(shown(meaning.draft)) : maskSaid(text, secretsOf(meaning.draft)),
      10_000
    )
  return short(maskSaid(text ?? ("ask" in meaning ? meaning.text : meaning.reason)), 10_000)
}

/** As people and the log see it. */
export const shown = (draft: Draft): Draft => ({
  ...draft,
  steps: draft.steps.map((step) => ({ ...step, args: shownArgs(step.action, step.args).args }))
})

const secretsOf = (draft: Draft): ReadonlyArray<readonly [string, string]> =>
  draft.steps.flatMap(({ action, args }) => {
    const seen = shownArgs(action, args)
    return [...seen.instead].map(([name, value]) => [value, String(seen.args[name])] as const)
  })

const short = (text: string, most: number): string => text.slice(0, most).toWellFormed()
