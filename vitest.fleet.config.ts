import { defineConfig } from "vitest/config"
import { longestFirst } from "./test/support/longest-first.ts"

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
    sequence: { sequencer: longestFirst(longest.map((name) => `test/fleet/${name}.test.ts`)) },
    testTimeout: 300_000,
    hookTimeout: 180_000,
    teardownTimeout: 60_000,
    env: { NODE_ENV: "production" }
  }
})
