/** `signalbox tui`: the full-screen view on the hub of this home. */
import { Effect, Option } from "effect"
import { Command } from "effect/cli"
import { Home } from "@signalbox/core/config/Home.ts"
import { lazy } from "../lazy.ts"
import { failed } from "../output.ts"

export const command = Command.make("tui", {}, () =>
  lazy(
    () => import("../role/up.ts"),
    (role) =>
      Effect.gen(function* () {
        const hub = yield* role.runningHub
        if (Option.isNone(hub)) return yield* failed("No hub runs in this home. Start one: signalbox up")
        yield* role.view(hub.value)
      }).pipe(Effect.provide(Home.layer))
  )
).pipe(Command.withDescription("Open the full-screen view on the hub that runs in this home"))
