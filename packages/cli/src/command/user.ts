/** `signalbox user …`: accounts, their roles and tokens. */
import { Argument, Command, Flag } from "effect/cli"
import { accountRoles } from "@signalbox/core/account/permissions.ts"
import { flag, maybe, switchOn } from "../client/flags.ts"
import { lazy } from "../lazy.ts"

const load = () => import("../user/handlers.ts")
const name = Argument.String("name").pipe(Argument.withDescription("The account's name"))
const roles = "viewer sees, operator acts, approver agrees to what is dangerous, admin manages"
const passwordStdin = switchOn("password-stdin", "Read a password from stdin, for signing in by name and password")

const add = Command.make(
  "add",
  {
    name,
    role: Flag.Literals("role", accountRoles).pipe(Flag.withDescription(roles)),
    passwordStdin
  },
  (given) => lazy(load, (user) => user.add(given))
).pipe(
  Command.withDescription("Make an account"),
  Command.withExamples([
    { command: "signalbox user add ana --role operator" },
    { command: "pass show ben | signalbox user add ben --role approver --password-stdin" }
  ])
)
const list = Command.make("list", {}, () => lazy(load, (user) => user.list)).pipe(
  Command.withDescription("All accounts and their tokens")
)
const token = Command.make(
  "token",
  {
    name,
    label: maybe(flag("label", "What it is for")),
    expires: maybe(flag("expires", "When it ends: 30d, or a time like 2026-12-31T00:00; default: when it is revoked"))
  },
  (given) => lazy(load, (user) => user.token(given))
).pipe(
  Command.withDescription("Make a token for an account: it is shown now and never again"),
  Command.withExamples([{ command: "signalbox user token ana --label laptop --expires 90d" }])
)
const revoke = Command.make(
  "revoke",
  {
    what: Argument.String("what").pipe(
      Argument.withDescription("An account's name, or a token's id as user list shows it")
    )
  },
  (given) => lazy(load, (user) => user.revoke(given.what))
).pipe(Command.withDescription("Take away a token; or an account with all its tokens and sessions"))
const role = Command.make(
  "role",
  { name, role: Argument.Literals("role", accountRoles).pipe(Argument.withDescription(roles)) },
  (given) => lazy(load, (user) => user.role(given.name, given.role))
).pipe(Command.withDescription("Give an account another role"))
const password = Command.make("password", { name, passwordStdin }, (given) =>
  lazy(load, (user) => user.password(given))
).pipe(Command.withDescription("Give an account another password; sessions of the old one end"))
const whoami = Command.make("whoami", {}, () => lazy(load, (user) => user.whoami)).pipe(
  Command.withDescription("Who you are to the hub")
)

export const command = Command.make("user").pipe(
  Command.withDescription("Accounts, their roles and tokens"),
  Command.withSubcommands([add, list, token, revoke, role, password, whoami])
)
