/** `signalbox plan …`: what was to be done, who agreed, and what came of it. */
import { Argument, Command, Flag } from "effect/cli"
import { PlanStatus } from "@signalbox/core/plan/view.ts"
import { flag, maybe, switchOn } from "../client/flags.ts"
import { lazy } from "../lazy.ts"

const load = () => import("../plan/act.ts")
const id = Argument.String("id").pipe(Argument.withDescription("The plan's id, as plan list shows it"))
const reason = maybe(flag("reason", "Why, for the record"))

const list = Command.make(
  "list",
  {
    status: maybe(Flag.Literals("status", PlanStatus.literals).pipe(Flag.withDescription("Only those in this state"))),
    limit: Flag.Int("limit").pipe(Flag.withDescription("At most so many, up to 1000"), Flag.withDefault(50))
  },
  (flags) => lazy(load, (file) => file.list(flags.status, flags.limit))
).pipe(Command.withDescription("Plans, newest first"))

const show = Command.make("show", { id }, (given) => lazy(load, (file) => file.show(given.id))).pipe(
  Command.withDescription("A plan: what, where, risk and why, and what was done")
)

const approve = Command.make(
  "approve",
  {
    id,
    hash: maybe(flag("hash", "The hash of what was looked at; default what the plan has now")),
    code: maybe(flag("code", "The short code of a critical plan")),
    noWait: switchOn("no-wait", "Do not wait for its end")
  },
  ({ id: planId, ...given }) => lazy(load, (file) => file.approve(planId, given))
).pipe(Command.withDescription("Agree to a plan: it is carried out exactly as it was shown"))

const reject = Command.make("reject", { id, reason }, (given) =>
  lazy(load, (file) => file.stop(given.id, "reject", given.reason))
).pipe(Command.withDescription("Refuse a plan"))

const cancel = Command.make("cancel", { id, reason }, (given) =>
  lazy(load, (file) => file.stop(given.id, "cancel", given.reason))
).pipe(Command.withDescription("Stop a plan: what has begun comes to its end, nothing further begins"))

const result = Command.make(
  "result",
  { id, host: Argument.String("host").pipe(Argument.withDescription("Of which host")) },
  (given) => lazy(load, (file) => file.result(given.id, given.host))
).pipe(Command.withDescription("Everything that a host answered, whole"))

const explain = Command.make(
  "explain",
  { id, model: maybe(flag("model", "Which model reads; default the current one")) },
  (given) => lazy(load, (file) => file.explain(given.id, given.model))
).pipe(
  Command.withDescription(
    "Have a model, which has no tools, look through the logs that the plan read; secrets are taken out before"
  )
)

export const command = Command.make("plan").pipe(
  Command.withDescription("Plans: what was to be done, who agreed, what came of it"),
  Command.withSubcommands([list, show, approve, reject, cancel, result, explain])
)
