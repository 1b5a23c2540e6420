import { defineConfig } from "vitest/config"

/** Two cores is the smallest machine we promise to run on: a real Postgres, tmux and sshd share them with the tests. */
export default defineConfig({
  // NODE_ENV is production below, where React has no development JSX runtime.
  oxc: { jsx: { runtime: "automatic", development: false } },
  test: {
    include: ["packages/*/src/**/*.test.{ts,tsx}", "test/**/*.test.{ts,tsx}"],
    exclude: ["**/node_modules/**", "**/dist/**", "test/fleet/**"],
    globalSetup: ["test/support/temporary.ts", "test/support/postgres-server.ts"],
    pool: "forks",
    maxWorkers: 2,
    // A net for what hangs and no measure: on a loaded machine everything takes many times as long. Deadlines are in the tests.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    env: { NODE_ENV: "production", FORCE_COLOR: "3" }
  }
})
