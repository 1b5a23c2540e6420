/**
 * Runs every check side by side and shows them in one order.
 *
 * Owns: the list and its form. Does not own: the checks (`machine.ts`, `services.ts`).
 */
import { Clock, Effect } from "effect"
import { homeDirectory } from "@signalbox/core/config/Home.ts"
import { installationRoot } from "@signalbox/core/config/root.ts"
import { Settings } from "@signalbox/core/config/Settings.ts"
import { settingsLayer } from "../environment.ts"
import { answer, failed } from "../output.ts"
import { columns, style } from "../paint.ts"
import type { Check } from "./Check.ts"
import { clock, disk, homeDirectoryCheck, node, ssh, tmux } from "./machine.ts"
import { database, hub } from "./services.ts"

export const doctorCommand = Effect.gen(function* () {
  const home = yield* homeDirectory
  const settings = yield* Settings
  const { migrations } = installationRoot()
  const machine = Effect.promise(() => Promise.all([tmux(), ssh(), disk(home), homeDirectoryCheck(home)]))
  const now = yield* Clock.currentTimeMillis
  const [found, data, hubChecks] = yield* Effect.all([machine, database(settings, home, migrations), hub(home, now)], {
    concurrency: "unbounded"
  })
  const checks = [
    node(process.versions.node),
    ...found,
    ...data.checks,
    ...hubChecks,
    clock(yield* Clock.currentTimeMillis, data.skewMs)
  ]
  const broken = checks.filter((check) => check.status === "fail").length
  yield* answer({ ok: broken === 0, checks: checks.map((check) => ({ ...check })) }, () => table(checks))
  if (broken > 0)
    return yield* failed(broken === 1 ? "One thing has to be mended." : `${broken} things have to be mended.`)
}).pipe(Effect.provide(settingsLayer))

const marks = { ok: ["green", "ok  "], warn: ["yellow", "warn"], fail: ["red", "FAIL"] } as const

const table = (checks: ReadonlyArray<Check>): string =>
  columns(
    checks.map(({ status, name, detail, mend }) => {
      const [color, mark] = marks[status]
      return [style(color, mark), name, mend === undefined ? detail : `${detail.replace(/\.$/, "")}. ${mend}`]
    })
  )
