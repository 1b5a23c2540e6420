/** `signalbox schedule …`: tasks that are made again and again. */
import { Argument, Command } from "effect/cli"
import { flag, maybe } from "../client/flags.ts"
import { lazy } from "../lazy.ts"
import { taskFlags } from "./task.ts"

const load = () => import("../schedule/handlers.ts")
const id = Argument.String("id").pipe(Argument.withDescription("The schedule's name: letters, digits, . _ -"))

const add = Command.make(
  "add",
  {
    id,
    cron: flag("cron", "Five fields: minute hour day month weekday"),
    timezone: maybe(flag("timezone", "IANA name such as Europe/Berlin; default: this machine's")),
    ...taskFlags
  },
  (flags) => lazy(load, (schedule) => schedule.add(flags))
).pipe(
  Command.withDescription("Make a task like this one whenever the time comes"),
  Command.withExamples([
    {
      command: `signalbox schedule add nightly --cron "0 3 * * *" --host web1 --tool shell --command "apt list --upgradable"`
    }
  ])
)
const list = Command.make("list", {}, () => lazy(load, (schedule) => schedule.list)).pipe(
  Command.withDescription("All schedules and when they fire next")
)
const pause = Command.make("pause", { id }, (given) => lazy(load, (schedule) => schedule.pause(given.id))).pipe(
  Command.withDescription("Fire no more until it is resumed; nothing is made up for")
)
const resume = Command.make("resume", { id }, (given) => lazy(load, (schedule) => schedule.resume(given.id))).pipe(
  Command.withDescription("Fire again from the next time on")
)
const remove = Command.make("remove", { id }, (given) => lazy(load, (schedule) => schedule.remove(given.id))).pipe(
  Command.withDescription("Remove a schedule; its tasks stay")
)

export const command = Command.make("schedule").pipe(
  Command.withDescription("Tasks that are made again and again"),
  Command.withSubcommands([add, list, pause, resume, remove])
)
