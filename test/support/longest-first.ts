/**
 * Test files in the order of how long they take (vitest sequencer): whoever runs two at once must not end with a long one alone.
 *
 * Owns: that order. Does not own: durations; a name that is not listed any more changes nothing but the time.
 * Invariant: the order depends on the list alone, not on what this machine remembers of earlier runs.
 */
import { relative } from "node:path"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** @param longest paths of test files below the root, the longest first; all others come after, by name */
export const longestFirst = (longest: ReadonlyArray<string>) => {
  const rank = (of: TestSpecification): number => {
    const place = longest.indexOf(relative(of.project.config.root, of.moduleId))
    return place === -1 ? longest.length : place
  }
  return class extends BaseSequencer {
    override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
      return files.toSorted((a, b) => rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1))
    }
  }
}
