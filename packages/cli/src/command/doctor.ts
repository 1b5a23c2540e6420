/** `signalbox doctor`: what is wrong on this machine, and how to mend it. */
import { Command } from "effect/cli"
import { lazy } from "../lazy.ts"

export const command = Command.make("doctor", {}, () =>
  lazy(
    () => import("../doctor/run.ts"),
    (doctor) => doctor.doctorCommand
  )
).pipe(Command.withDescription("Check this machine; exit 1 when something has to be mended"))
