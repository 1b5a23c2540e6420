/** `signalbox tui`: the full-screen view on the hub of this home, or on the one that the environment names. */
import { Effect } from "effect"
import { Command } from "effect/cli"
import { HubConnection } from "../client/HubConnection.ts"
import { lazy } from "../lazy.ts"

export const command = Command.make("tui", {}, () =>
  lazy(
    () => import("../role/up.ts"),
    (role) =>
      Effect.gen(function* () {
        yield* role.view(yield* HubConnection)
      }).pipe(Effect.provide(HubConnection.layer))
  )
).pipe(Command.withDescription("Open the full-screen view on the hub that runs in this home, or of SIGNALBOX_HUB_URL"))
