/** A home on this machine whose tasks, and their tmux server, end with the scope. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { stopTmux } from "./sshd.ts"

/** Acquire it before the worker is forked, so that the worker has ended when the home goes. */
export const taskHome = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "home-"))),
  (home) =>
    Effect.sync(() => {
      stopTmux(home)
      rmSync(home, { recursive: true, force: true, maxRetries: 10 })
    })
)
