/** `signalbox bridge`: the line protocol as a role of its own, and a client for it. */
import { Argument, Command, Flag } from "effect/cli"
import { flag, maybe, switchOn } from "../client/flags.ts"
import { lazy } from "../lazy.ts"

const connect = Command.make(
  "connect",
  {
    address: Argument.String("address").pipe(
      Argument.withDescription("HOST or HOST:PORT; default: the bridge of this home"),
      Argument.optional
    ),
    pin: maybe(flag("pin", "SHA-256 fingerprint of the server's certificate, as signalbox cert told it")),
    accept: switchOn("accept-new", "Trust the certificate it shows now, and from now on only that one"),
    plain: switchOn("plain", "No TLS; possible on this machine only"),
    token: maybe(flag("token-file", "Sign in with the token in this file")),
    speed: maybe(Flag.Int("typewriter").pipe(Flag.withDescription("Show replies at so many characters a second")))
  },
  (flags) =>
    lazy(
      () => import("../bridge/connect.ts"),
      (client) => client.connectCommand(flags)
    )
).pipe(
  Command.withDescription("Talk over the line protocol; exit 1 when the server is not reached or not the one it was"),
  Command.withExamples([
    { command: "signalbox bridge connect" },
    { command: "signalbox bridge connect box.example.com --accept-new --token-file ~/token" }
  ])
)

export const command = Command.make("bridge", {}, () =>
  lazy(
    () => import("../role/serve.ts"),
    (role) => role.serve({ hub: false, worker: false, bridgeAlone: true, ports: "server", logs: "stderr" })
  )
).pipe(
  Command.withDescription("Serve the line protocol alone, beside a hub elsewhere on the same database"),
  Command.withSubcommands([connect])
)
