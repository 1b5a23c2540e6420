/** `signalbox db …`: the database that holds the log. */
import { Option } from "effect"
import { Argument, Command } from "effect/cli"
import { lazy } from "../lazy.ts"

const load = () => import("../db/handlers.ts")

const migrate = Command.make("migrate", {}, () => lazy(load, (db) => db.migrateCommand)).pipe(
  Command.withDescription("Bring the schema up to date")
)
const status = Command.make("status", {}, () => lazy(load, (db) => db.statusCommand)).pipe(
  Command.withDescription("Server, version and schema; exit 1 when migrations are missing")
)
const url = Command.make("url", {}, () =>
  lazy(
    () => import("../db/url.ts"),
    (db) => db.urlCommand
  )
).pipe(Command.withDescription("Print the database's URL, with its password"))
const psql = Command.make("psql", { args: Argument.String("arg").pipe(Argument.variadic()) }, ({ args }) =>
  lazy(load, (db) => db.psqlCommand(args))
).pipe(Command.withDescription("Open psql on the database; put psql's own options after --"))

const rebuild = Command.make("rebuild", { name: Argument.String("projection").pipe(Argument.optional) }, ({ name }) =>
  lazy(load, (db) => db.rebuildCommand(Option.getOrUndefined(name)))
).pipe(Command.withDescription("Rebuild read models from the log; the present ones serve until then"))

const loadParked = () => import("../db/parked.ts")
const parked = Command.make("parked", {}, () => lazy(loadParked, (db) => db.parkedCommand)).pipe(
  Command.withDescription("Events that a read model could not apply, why, and how far each read model is")
)
const retry = Command.make(
  "retry",
  {
    projection: Argument.String("projection").pipe(Argument.withDescription("As db parked shows it")),
    stream: Argument.String("stream").pipe(Argument.withDescription("As db parked shows it, such as task/ID"))
  },
  (given) => lazy(loadParked, (db) => db.retryCommand(given.projection, given.stream))
).pipe(Command.withDescription("Apply a stream's parked events once more, in order; exit 1 when the first still fails"))

export const command = Command.make("db").pipe(
  Command.withDescription("The database that holds the log"),
  Command.withSubcommands([migrate, status, url, psql, rebuild, parked, retry])
)
