/**
 * What became of a unit that did its work and that systemd has forgotten since: a oneshot that nobody refers to leaves memory as soon as it
 * has ended well, and its InvocationID with it.
 *
 * Owns: finding the end of its job among systemd's own words in the journal. Does not own: units that are remembered (`unit.ts`).
 * Invariants: only what process 1 wrote counts; what is not in the journal yet is waited for shortly, and then it is unknown.
 */
import { setTimeout as delay } from "node:timers/promises"
import { Schema } from "effect"
import { run } from "../child.ts"
import { isOneshot, type Unit } from "./unit.ts"

const Ended = Schema.fromJsonString(
  Schema.Struct({ INVOCATION_ID: Schema.String.check(Schema.isPattern(/^[0-9a-f]{32}$/u)) })
)
const decodeEnded = Schema.decodeUnknownOption(Ended)

const looks = 10
const lookEvery = 100

export const isForgotten = (unit: Unit): boolean =>
  isOneshot(unit) && unit.active === "inactive" && unit.invocation === ""

/**
 * @param since when the job was given, in milliseconds of the clock
 * @returns the invocation that came to a good end since, or undefined: nobody tells
 */
export const invocationDone = async (unit: string, since: number, signal: AbortSignal): Promise<string | undefined> => {
  for (let left = looks; left > 0; left--) {
    const ran = await run(
      "journalctl",
      [
        "--quiet",
        "--no-pager",
        "--boot",
        "--output=json",
        "--output-fields=INVOCATION_ID",
        "--lines=1",
        `--since=@${(since / 1_000).toFixed(3)}`,
        "_PID=1",
        `UNIT=${unit}`,
        "JOB_RESULT=done"
      ],
      { signal, timeoutMs: 10_000 }
    )
    const ended = decodeEnded(ran.stdout.trim())
    if (ended._tag === "Some") return ended.value.INVOCATION_ID
    await delay(lookEvery, undefined, { signal }) // the journal is written a moment behind
  }
  return undefined
}
