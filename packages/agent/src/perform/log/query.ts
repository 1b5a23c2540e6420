/**
 * log.query: the last lines of the journal or of a log file.
 *
 * Owns: which of the two is read, and the size of the answer. Does not own: the reading of either.
 */
import { Refused } from "../outcome.ts"
import type { Performer } from "../Performer.ts"
import type { Surroundings } from "../Surroundings.ts"
import { fitting, listBytes } from "../text/clean.ts"
import { tailLogFile } from "./file.ts"
import { readJournal } from "./journal.ts"

const defaultLines = 100
const logRoots = ["/var/log"]

export const queryLogs =
  ({ ownPaths }: Surroundings, roots: ReadonlyArray<string> = logRoots): Performer<"log.query"> =>
  async ({ unit, path, lines = defaultLines, since, level, text }, of) => {
    const filter = text === undefined ? {} : { text }
    if (path !== undefined) {
      if (unit !== undefined || since !== undefined || level !== undefined)
        throw new Refused({
          why: "unit, since and level are known to the journal only. Leave them out with a path, or leave the path out."
        })
      const tail = await tailLogFile(path, { lines, ...filter }, roots, ownPaths)
      return answer(tail.lines, tail.complete, `of ${tail.path}`)
    }
    const read = await readJournal(
      {
        lines,
        ...filter,
        ...(unit === undefined ? {} : { unit }),
        ...(since === undefined ? {} : { since }),
        ...(level === undefined ? {} : { level })
      },
      of.signal
    )
    return answer(
      read.lines.map((line) => ({ ...line })),
      read.complete,
      unit === undefined ? "of the journal" : `of ${unit}`
    )
  }

/** When they do not fit, the newest stay. */
const answer = <Line extends string | { readonly text: string }>(
  all: ReadonlyArray<Line>,
  complete: boolean,
  where: string
) => {
  const { items, left } = fitting(all.toReversed(), listBytes)
  return {
    outcome: "succeeded",
    summary: `${items.length} ${items.length === 1 ? "line" : "lines"} ${where}${left > 0 ? `; ${left} older ones did not fit` : ""}${complete ? "" : "; not everything could be searched"}.`,
    data: { lines: items.toReversed(), left, complete }
  } as const
}
