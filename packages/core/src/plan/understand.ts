/**
 * What an instruction means: the phrasebook first, a model where that does not know, else an honest no.
 *
 * Owns: that order. Does not own: the phrasebook, asking the model (worker), freezing targets (`Plans.ts`).
 * Invariants: what is longer than an instruction may be is read by nobody; what has two readings is asked back and never given to a model to choose; without a model nothing waits for one.
 */
import type { FleetMember } from "../agent/Fleet.ts"
import { longestInstruction } from "./events.ts"
import { readInstruction, readLimits } from "./phrasebook/read.ts"
import type { Instructed } from "./Plans.ts"
import { draftText, stepText } from "./words.ts"

export interface Words {
  readonly text: string
  /** The model to ask; undefined: there is none. */
  readonly model: string | undefined
}

const help =
  'Say what is to be done and where, like "restart nginx on all web servers" or "show errors since today on db1"'
const helpToRun = 'A command stands in quotes: run "apt-get clean" on web1'

/** @param nowMs a clock in milliseconds, for how long it took */
export const understand = (
  { text, model }: Words,
  members: ReadonlyArray<Pick<FleetMember, "host" | "tags">>,
  nowMs: () => number
): Instructed["meaning"] => {
  const began = nowMs()
  if (text.length > longestInstruction)
    return {
      reason: `An instruction has at most 10,000 characters, and this has ${text.length}. Nobody was asked what it means.`,
      questions: [],
      readings: []
    }
  if (text.trim() === "") return { reason: `An instruction cannot be empty. ${help}.`, questions: [], readings: [] }
  if (members.length === 0)
    return {
      reason: "No host has an agent yet, so there is nothing to act on. Install one with host prepare HOST --agent.",
      questions: [],
      readings: []
    }
  const reading = readInstruction(text, { hosts: members.map(({ host, tags }) => ({ name: host, tags })) })
  switch (reading._tag) {
    case "Understood": {
      const tookMs = Math.round((nowMs() - began) * 100) / 100
      return {
        draft: reading.draft,
        origin: { by: "phrasebook", tookMs },
        understood: reading.draft.steps.map((step) => stepText(step).slice(0, 500).toWellFormed())
      }
    }
    case "Unclear":
      return {
        reason: reading.question,
        questions: [],
        readings: reading.readings.slice(0, 10).map((draft) => draftText(draft).slice(0, 1_000).toWellFormed())
      }
    case "NotUnderstood":
      return model === undefined
        ? {
            reason: reading.long
              ? `This is longer than the phrasebook reads (${readLimits.characters} characters, ${readLimits.words} words), and there is no model to ask (model list). Say it shorter, or one thing after the other.`
              : `The phrasebook does not know this, and there is no model to ask (model list). ${/^\s*(?:run|execute)\b/iu.test(text) ? helpToRun : help}.`,
            questions: [],
            readings: []
          }
        : { ask: "model", text, model }
  }
}
