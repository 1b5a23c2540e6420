/** `signalbox cert`: the certificate by which clients know this server. */
import { Command, Flag } from "effect/cli"
import { many, switchOn } from "../client/flags.ts"
import { lazy } from "../lazy.ts"

export const command = Command.make(
  "cert",
  {
    names: many("name", "A DNS name or address that clients will use; repeatable"),
    days: Flag.Int("days").pipe(Flag.withDescription("How long it is valid; default 825"), Flag.withDefault(825)),
    replace: switchOn(
      "replace",
      "Make a new one in place of the one there is; who pinned the old one must pin it anew"
    ),
    show: switchOn("show", "Only tell about the one there is; exit 1 when there is none")
  },
  (flags) =>
    lazy(
      () => import("../bridge/cert.ts"),
      (cert) => cert.certCommand(flags)
    )
).pipe(
  Command.withDescription("Make a self-signed certificate for the bridge, and tell its fingerprint"),
  Command.withExamples([{ command: "signalbox cert --name box.example.com --name 192.0.2.7" }])
)
