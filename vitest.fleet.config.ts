import { defineConfig } from "vitest/config"
import { longestFirst } from "./test/support/longest-first.ts"

const longest = [
  "infrastructure",
  "disconnect",
  "performers",
  "hostile",
  "reports",
  "agent",
  "relay",
  "ways",
  "workers",
  "agents",
  "bad-input",
  "rolling",
  "restart"
]

/**
 * Whole machines, real time: mostly waiting, so three files at once. They share nothing but this machine: a file's hosts, home and
 * Postgres are its own. Not more at once: three keep two cores busy, the smallest machine we promise to run on, and some measure deadlines.
 */
export default defineConfig({
  test: {
    include: ["test/fleet/**/*.test.ts"],
    globalSetup: ["test/support/temporary.ts"],
    setupFiles: ["test/fleet/own-hosts.ts"],
    pool: "forks",
    maxWorkers: 3,
    sequence: { sequencer: longestFirst(longest.map((name) => `test/fleet/${name}.test.ts`)) },
    testTimeout: 300_000,
    hookTimeout: 180_000,
    teardownTimeout: 60_000,
    env: { NODE_ENV: "production" }
  }
})
