/** `signalbox worker`: the role alone. */
import { Command } from "effect/cli"
import { lazy } from "../lazy.ts"

export const command = Command.make("worker", {}, () =>
  lazy(
    () => import("../role/serve.ts"),
    (role) => role.serve({ hub: false, worker: true, ports: "server", logs: "stderr" })
  )
).pipe(Command.withDescription("Do work for a database (DATABASE_URL): models, launches, watches"))
