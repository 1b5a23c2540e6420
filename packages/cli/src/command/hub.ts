/** `signalbox hub`: the role alone. */
import { Command } from "effect/cli"
import { lazy } from "../lazy.ts"

export const command = Command.make("hub", {}, () =>
  lazy(
    () => import("../role/serve.ts"),
    (role) => role.serve({ hub: true, worker: false, ports: "server", logs: "stderr" })
  )
).pipe(Command.withDescription("Serve the HTTP API on a database (DATABASE_URL), without doing work"))
