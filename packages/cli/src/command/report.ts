/** `signalbox report NAME`: ready-made reports over the SQL views. */
import { Argument, Command, Flag } from "effect/cli"
import { reports } from "@signalbox/core/report/reports.ts"
import { flag, maybe } from "../client/flags.ts"
import { lazy } from "../lazy.ts"

export const command = Command.make(
  "report",
  {
    name: Argument.String("name").pipe(Argument.withDescription(`Which one: ${Object.keys(reports).join(", ")}`)),
    since: maybe(flag("since", "Only since: 2026-11-20T14:30 or a distance like 7d")),
    limit: Flag.Int("limit").pipe(Flag.withDescription("At most so many rows, up to 10000"), Flag.withDefault(1000)),
    format: maybe(
      Flag.Literals("format", ["table", "csv", "json"]).pipe(Flag.withDescription("table (default), csv or json"))
    )
  },
  (flags) =>
    lazy(
      () => import("../report/print.ts"),
      (file) => file.report(flags)
    )
).pipe(
  Command.withDescription("Tokens, money, replies, conversations, tasks, hosts and events as table, CSV or JSON"),
  Command.withExamples([
    { command: "signalbox report daily-usage --since 30d" },
    { command: "signalbox report replies --since 2026-11-01 --format csv > replies.csv" }
  ])
)
