/** `signalbox audit …`: proof that the log is what was written. */
import { Command } from "effect/cli"
import { lazy } from "../lazy.ts"

const verify = Command.make("verify", {}, () =>
  lazy(
    () => import("../audit/handlers.ts"),
    (audit) => audit.verify
  )
).pipe(
  Command.withDescription("Recompute the hash chain of every event; exit 1 and the position when it does not hold")
)

export const command = Command.make("audit").pipe(
  Command.withDescription("Proof that the log is what was written"),
  Command.withSubcommands([verify])
)
