import { defineConfig } from "vitest/config"
import { longestFirst } from "./test/support/longest-first.ts"

/** Those of more than 20 s where two cores are shared by three. */
const longest = [
  "test/conversation/announced.test.ts",
  "packages/core/src/postgres/embedded.test.ts",
  "packages/worker/src/conversation/reply.test.ts",
  "packages/hub/src/bridge/Bridge.test.ts",
  "packages/worker/src/conversation/summary.test.ts",
  "packages/cli/src/bridge/bridge.test.ts",
  "packages/worker/src/plan/propose.test.ts",
  "packages/worker/src/plan/crash.test.ts",
  "packages/worker/src/task/direct-launch.test.ts",
  "packages/cli/src/chat/chat.test.ts",
  "test/conversation/crash.test.ts",
  "packages/hub/src/agent/many.test.ts",
  "test/conversation/everywhere.test.ts",
  "packages/worker/src/plan/run.test.ts",
  "test/conversation/ends.test.ts",
  "packages/cli/src/plan/plan.test.ts",
  "packages/worker/src/Worker.test.ts",
  "packages/agent/src/agent.test.ts",
  "test/conversation/memory.test.ts",
  "packages/core/src/queue/crash.test.ts",
  "packages/agent/src/helper.test.ts",
  "packages/hub/src/agent/agents.test.ts",
  "packages/worker/src/model/models.test.ts",
  "packages/cli/src/user/user.test.ts",
  "packages/tui/src/program.test.ts",
  "packages/hub/src/log/events.test.ts",
  "packages/worker/src/task/message.test.ts"
]

/**
 * Two cores is the smallest machine we promise to run on: a real Postgres, tmux and sshd share them with the tests. Half of the time
 * a file waits (for a lease to expire, a deadline, a process), so three at once are faster and leave the cores some air.
 */
export default defineConfig({
  // NODE_ENV is production below, where React has no development JSX runtime.
  oxc: { jsx: { runtime: "automatic", development: false } },
  test: {
    include: ["packages/*/src/**/*.test.{ts,tsx}", "test/**/*.test.{ts,tsx}"],
    exclude: ["**/node_modules/**", "**/dist/**", "test/fleet/**"],
    globalSetup: ["test/support/temporary.ts", "test/support/built.ts", "test/support/postgres-server.ts"],
    pool: "forks",
    maxWorkers: 3,
    maxConcurrency: 3, // tests of one file that wait side by side start processes, too
    sequence: { sequencer: longestFirst(longest) },
    // A net for what hangs and no measure: on a loaded machine everything takes many times as long. Deadlines are in the tests.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    env: { NODE_ENV: "production", FORCE_COLOR: "3" }
  }
})
