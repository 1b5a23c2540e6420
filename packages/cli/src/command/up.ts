/** `signalbox up`: database, hub, worker and the full-screen view. */
import { Command, Flag } from "effect/cli"
import { lazy } from "../lazy.ts"

export const command = Command.make(
  "up",
  {
    headless: Flag.Boolean("headless").pipe(
      Flag.withDescription("No view, logs as JSON lines on stderr"),
      Flag.withDefault(false)
    ),
    withParent: Flag.Boolean("with-parent").pipe(Flag.withDefault(false), Flag.withHidden)
  },
  (options) =>
    lazy(
      () => import("../role/up.ts"),
      (role) => role.up(options)
    )
).pipe(Command.withDescription("Start everything here and open the view; tasks outlive it"))
