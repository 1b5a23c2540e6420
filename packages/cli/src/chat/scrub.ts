/**
 * What a model says, made harmless for a terminal while it comes in pieces.
 *
 * Invariants: no escape sequence and no control character but newline and tab leaves, also when a sequence is cut by pieces;
 * what is held back for that is bounded; text itself (any script, emoji) is unchanged.
 */
import { escapes } from "@signalbox/tui/text.ts"

const longest = 512
// oxlint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/gu
/** At the end of what there is so far: it may go on in the next piece. */
// oxlint-disable-next-line no-control-regex
const unfinished = /\u001b(?:\[[0-9;:?<=>]*[ -/]*|[\]PX^_][^\u0007\u001b]*\u001b?|[ -/]*)$/u

export class Scrubber {
  private held = ""

  push(piece: string): string {
    const text = this.held + piece
    const at = text.search(unfinished)
    const cut = at >= 0 && text.length - at <= longest ? at : text.length
    this.held = text.slice(cut)
    return scrubbed(text.slice(0, cut))
  }

  /** The text is over. */
  end(): string {
    const rest = this.held
    this.held = ""
    return scrubbed(rest)
  }
}

const scrubbed = (text: string): string => text.replace(escapes, "").replace(controls, "").toWellFormed()

/** A whole text. */
export const scrub = (text: string): string => scrubbed(text)
