/**
 * Results within the protocol's limits, whatever a performer gave.
 *
 * Invariants: what is cut says so; the outcome is never touched.
 */
import { resultLimit, type CommandResult } from "@signalbox/core/agent/protocol.ts"

const summaryLimit = 2_000

export const fitting = (result: CommandResult): CommandResult => {
  const text = JSON.stringify(result.data)
  const short = { ...result, summary: result.summary.slice(0, summaryLimit) }
  return Buffer.byteLength(text) <= resultLimit
    ? short
    : { ...short, data: { cut: cutTo(text, resultLimit / 2) }, truncated: true } // it is quoted once more
}

/** Whole characters only. */
const cutTo = (text: string, bytes: number): string =>
  new TextDecoder().decode(Buffer.from(text).subarray(0, bytes)).replace(/\uFFFD+$/u, "")
