import { defineConfig } from "vitest/config"

/** Whole machines, real time: one file after the other, so that nobody's deadline depends on somebody else's load. */
export default defineConfig({
  test: {
    include: ["test/fleet/**/*.test.ts"],
    globalSetup: ["test/support/temporary.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 180_000,
    teardownTimeout: 60_000,
    env: { NODE_ENV: "production" }
  }
})
