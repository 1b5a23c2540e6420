/**
 * The status of one unit, and the list of services.
 *
 * Owns: these two reads. Does not own: acts (`acts.ts`), logs in general (`log/`).
 * Invariants: what units say of themselves is text of strangers; what cannot be read as this user is said to be missing.
 */
import { Schema } from "effect"
import { NotDone } from "../outcome.ts"
import type { Performer } from "../Performer.ts"
import { journalTail } from "../log/journal.ts"
import { clean, fitting, listBytes } from "../text/clean.ts"
import { facts, isThere, showUnit, stateWords, systemctl } from "./unit.ts"

const lastLines = 10

export const serviceStatus: Performer<"service.status"> = async ({ unit }, of) => {
  const seen = await showUnit(unit, of.signal)
  if (!isThere(seen)) throw new NotDone({ why: `This host has no unit ${unit}.` })
  const log = await journalTail({ unit, lines: lastLines }, of.signal).catch(() => [])
  return {
    outcome: "succeeded",
    summary: `${unit} is ${stateWords(seen)}${seen.since === "" ? "" : ` since ${seen.since}`}.`,
    data: {
      ...facts(seen),
      load: seen.load,
      type: seen.type,
      description: seen.description,
      file: seen.file,
      exitStatus: seen.exitStatus,
      memoryBytes: seen.memoryBytes,
      log: log.map((line) => ({ ...line }))
    }
  }
}

const Units = Schema.fromJsonString(
  Schema.Array(
    Schema.Struct({ unit: Schema.String, active: Schema.String, sub: Schema.String, description: Schema.String })
  )
)
const UnitFiles = Schema.fromJsonString(Schema.Array(Schema.Struct({ unit_file: Schema.String, state: Schema.String })))
const decodeUnits = Schema.decodeUnknownSync(Units)
const decodeUnitFiles = Schema.decodeUnknownSync(UnitFiles)

export const listServices: Performer<"service.list"> = async ({ state }, of) => {
  const files = state === "enabled" || state === "disabled"
  const filter = state === undefined ? ["--all"] : [`--state=${state}`, ...(files ? [] : ["--all"])]
  const ran = await systemctl(
    [files ? "list-unit-files" : "list-units", "--type=service", "--output=json", ...filter],
    of.signal,
    12_000
  )
  if (ran.code !== 0) throw new NotDone({ why: `systemctl could not list the services: ${clean(ran.stderr, 500)}` })
  const services: ReadonlyArray<Readonly<Record<string, string>>> = files
    ? decodeUnitFiles(ran.stdout).map((one) => ({ unit: clean(one.unit_file, 255), enabled: one.state }))
    : decodeUnits(ran.stdout).map((one) => ({
        unit: clean(one.unit, 255),
        active: one.active,
        sub: one.sub,
        description: clean(one.description, 200)
      }))
  const { items, left } = fitting(services, listBytes)
  return {
    outcome: "succeeded",
    summary: `${services.length} ${services.length === 1 ? "service" : "services"}${state === undefined ? "" : ` ${state}`}.`,
    data: { services: [...items], left }
  }
}
