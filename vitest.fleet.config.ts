import { basename } from "node:path"
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** Those that take minutes begin first, whatever this machine remembers of earlier runs: the last file must not be a long one alone. */
const longest = [
  "infrastructure",
  "disconnect",
  "performers",
  "agent",
  "hostile",
  "reports",
  "workers",
  "relay",
  "ways"
]

const rank = ({ moduleId }: TestSpecification): number => {
  const place = longest.indexOf(basename(moduleId, ".test.ts"))
  return place === -1 ? longest.length : place
}

class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    return files.toSorted((a, b) => rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1))
  }
}

/**
 * Whole machines, real time: mostly waiting, so two files at once. They share nothing but this machine: a file's hosts, home and
 * Postgres are its own. Not more at once: some measure deadlines, and two cores are the smallest machine we promise to run on.
 */
export default defineConfig({
  test: {
    include: ["test/fleet/**/*.test.ts"],
    globalSetup: ["test/support/temporary.ts"],
    setupFiles: ["test/fleet/own-hosts.ts"],
    pool: "forks",
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 300_000,
    hookTimeout: 180_000,
    teardownTimeout: 60_000,
    env: { NODE_ENV: "production" }
  }
})
