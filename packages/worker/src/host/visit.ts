/**
 * Visits to hosts: look at one, or pin the key it offers.
 *
 * Owns: the jobs of `host.visit`. Does not own: what a look is (`check.ts`), who asks (events).
 * Invariants: a host that cannot be reached is a finding, not a failure: the report says why and how to mend it.
 */
import { Effect } from "effect"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { HostJob } from "@signalbox/core/host/jobs.ts"
import type { HostReport } from "@signalbox/core/host/report.ts"
import { hostConfig, type HostView } from "@signalbox/core/host/view.ts"
import { jobHandler } from "@signalbox/core/queue/Queue.ts"
import { queues } from "@signalbox/core/queue/queues.ts"
import { allTools } from "@signalbox/core/tool/Toolbox.ts"
import { check } from "./check.ts"
import { HostCommands } from "./HostCommands.ts"
import { pinFirstKey, pinOfferedKey } from "./keys.ts"
import { Transport } from "./Transport.ts"

export const hostVisitHandler = jobHandler({
  queue: queues.host.name,
  data: HostJob,
  run: (job) =>
    Effect.gen(function* () {
      yield* (yield* ReadModels).waitFor(job.position)
      const commands = yield* HostCommands
      const view = yield* commands.load(job.name)
      if (view === undefined || view.removed) return
      yield* (yield* Transport).retryNow(job.name)
      const pinned =
        job.visit === "check"
          ? pinFirstKey(view)
          : pinOfferedKey(view, job.visit === "replace-key", `key/${job.position}`)
      const after = yield* Effect.result(pinned)
      if (after._tag === "Failure" && after.failure._tag !== "HostUnreachable" && after.failure._tag !== "HostRefused")
        return yield* Effect.fail(after.failure)
      if (after._tag === "Failure" && job.visit !== "check")
        yield* commands.run(
          job.name,
          { _tag: "RefuseKey", reason: after.failure.message },
          `key-refused/${job.position}`
        )
      const report = after._tag === "Failure" ? unreachable(after.failure.message) : yield* look(after.success ?? view)
      yield* commands.run(job.name, { _tag: "RecordCheck", report }, `check/${job.position}`)
    })
})

const look = (view: HostView) =>
  Effect.gen(function* () {
    const wanted = (yield* allTools).flatMap((tool) =>
      tool.binary === null ? [] : [{ name: tool.name, binary: tool.binary, versionArgs: tool.versionArgs }]
    )
    return yield* check(hostConfig(view), wanted)
  })

const unreachable = (problem: string): HostReport => ({ reachable: false, problem, warnings: [] })
