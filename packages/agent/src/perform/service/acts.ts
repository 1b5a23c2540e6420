/**
 * Starting, stopping, restarting, reloading, enabling and disabling a systemd unit, each with its proof.
 *
 * Owns: the acts and what proves each. Does not own: how a unit is looked at (`unit.ts`), risk (catalogue).
 * Invariants: the state is looked at before and after; systemctl's exit code alone proves nothing; what began to run is looked after for a
 * while when its answer is out; the units of this agent are not
 * touched, because whoever stops itself cannot tell how it went.
 */
import { setTimeout as delay } from "node:timers/promises"
import { CannotTell, reasonOf, Refused } from "../outcome.ts"
import type { Performed, Performer, Performing } from "../Performer.ts"
import { startOf } from "../process/stat.ts"
import { clean } from "../text/clean.ts"
import { invocationDone, isForgotten } from "./forgotten.ts"
import { lasting } from "./lasting.ts"
import {
  type Unit,
  didItsWork,
  facts,
  isOneshot,
  isSameRun,
  isThere,
  runs,
  settled,
  showUnit,
  stateWords,
  systemctl,
  watchUnit
} from "./unit.ts"

export const startService: Performer<"service.start"> = async ({ unit }, of) => {
  const before = await known(unit, of)
  if (runs(before) && !isOneshot(before)) {
    const look = await watchUnit(before, of.signal)
    return told(look.steady, before, look.unit, {
      yes: `${unit} was running already; nothing was done.`,
      no: `${unit} was running already and did not stay so: it is ${stateWords(look.unit)}.`
    })
  }
  const given = Date.now()
  const said = await act("start", unit, of)
  const look = await settled(await showUnit(unit, of.signal), of.signal)
  if (said === "" && isForgotten(look.unit)) return ran("started", before, look.unit, given, of)
  const began = look.unit.invocation !== before.invocation || (isOneshot(before) && runs(before))
  const proven = look.steady && began
  const done = told(proven, before, look.unit, {
    yes: `${unit} was started and is ${stateWords(look.unit)}.`,
    no: because(`${unit} was told to start but does not stay active: it is ${stateWords(look.unit)}.`, said)
  })
  return proven ? { ...done, afterwards: lasting(look.unit, "started") } : done
}

export const restartService: Performer<"service.restart"> = async ({ unit }, of) => {
  const before = await known(unit, of)
  const given = Date.now()
  const said = await act("restart", unit, of)
  const look = await settled(await showUnit(unit, of.signal), of.signal)
  if (said === "" && isForgotten(look.unit)) return ran("restarted", before, look.unit, given, of)
  const anew = look.unit.invocation !== "" && look.unit.invocation !== before.invocation
  const proven = look.steady && anew
  const done = told(proven, before, look.unit, {
    yes: `${unit} was restarted and is ${stateWords(look.unit)}.`,
    no: look.steady
      ? because(`${unit} was told to restart but is still the same run as before.`, said)
      : because(`${unit} was told to restart but does not stay active: it is ${stateWords(look.unit)}.`, said)
  })
  return proven ? { ...done, afterwards: lasting(look.unit, "restarted") } : done
}

export const stopService: Performer<"service.stop"> = async ({ unit }, of) => {
  const before = await known(unit, of)
  const said = await act("stop", unit, of)
  const after = await showUnit(unit, of.signal)
  const ended = after.active === "inactive" || after.active === "failed"
  const left =
    before.mainPid !== 0 && before.mainStarted !== null && (await startOf(before.mainPid)) === before.mainStarted
  return told(ended && !left, before, after, {
    yes: runs(before)
      ? `${unit} was stopped and is ${stateWords(after)}.`
      : `${unit} was not running and is ${stateWords(after)}.`,
    no: because(
      left
        ? `${unit} was told to stop but its process ${before.mainPid} still runs.`
        : `${unit} was told to stop but is ${stateWords(after)}.`,
      said
    )
  })
}

export const reloadService: Performer<"service.reload"> = async ({ unit }, of) => {
  const before = await known(unit, of)
  if (!runs(before))
    throw new Refused({
      why: `${unit} is ${stateWords(before)}: only a unit that runs can be reloaded. Start it instead.`
    })
  if (!before.canReload) throw new Refused({ why: `${unit} cannot reload its configuration. Restart it instead.` })
  const said = await act("reload", unit, of)
  const after = await settledAfterReload(unit, of.signal)
  const same = runs(after) && isSameRun(before, after)
  return told(said === "" && same, before, after, {
    yes: `${unit} was reloaded and is ${stateWords(after)}, without having been restarted.`,
    no: because(
      said !== ""
        ? `${unit} could not be reloaded and is ${stateWords(after)}.`
        : `${unit} was reloaded but did not go on as it was: it is ${stateWords(after)}.`,
      said
    )
  })
}

export const enableService: Performer<"service.enable"> = ({ unit }, of) =>
  setEnabled(unit, of, "enable", ["enabled", "enabled-runtime", "alias"])
export const disableService: Performer<"service.disable"> = ({ unit }, of) =>
  setEnabled(unit, of, "disable", ["disabled"])

const setEnabled = async (
  unit: string,
  of: Performing,
  verb: "enable" | "disable",
  wanted: ReadonlyArray<string>
): Promise<Performed> => {
  const before = await known(unit, of)
  const said = await act(verb, unit, of)
  const after = await showUnit(unit, of.signal)
  return told(wanted.includes(after.enabled), before, after, {
    yes: `${unit} is ${after.enabled}${before.enabled === after.enabled ? ", as it was" : ` (it was ${before.enabled || "not"})`}.`,
    no: because(`${unit} is ${after.enabled || "without an [Install] section"} still.`, said)
  })
}

/** It ended well, for systemctl waits for that; which run it was the journal tells. */
const ran = async (
  did: "started" | "restarted",
  before: Unit,
  after: Unit,
  given: number,
  of: Performing
): Promise<Performed> => {
  const invocation = await invocationDone(after.unit, given, of.signal)
  const proven = invocation !== undefined && invocation !== before.invocation
  return {
    outcome: "succeeded",
    summary: `${after.unit} was ${did} and has done its work${proven ? "" : ", as systemctl says; the journal does not tell of it"}.`,
    data: { before: facts(before), after: { ...facts(after), invocation: invocation ?? "" }, healthy: true },
    proven
  }
}

/** A reload counts when it is over, one way or the other. */
const settledAfterReload = async (unit: string, signal: AbortSignal): Promise<Unit> => {
  for (;;) {
    const seen = await showUnit(unit, signal)
    if (seen.active !== "reloading" && seen.active !== "refreshing") return seen
    await delay(200, undefined, { signal })
  }
}

/** What systemctl said when it failed, or nothing. */
const act = async (verb: string, unit: string, of: Performing): Promise<string> => {
  const ran = await systemctl([verb, "--", unit], of.signal, 10 * 60_000)
  if (ran.ended === "abort" || ran.ended === "time limit")
    throw new CannotTell({
      why: `The time for systemctl ${verb} ${unit} was over before it was done; systemd may still be at it.`
    })
  return ran.code === 0 ? "" : clean(ran.stderr, 600) || `systemctl ended with code ${ran.code}`
}

const known = async (unit: string, of: Performing): Promise<Unit> => {
  if (unit.startsWith("signalbox-"))
    throw new Refused({
      why: `${unit} belongs to Signalbox itself: whoever stops or starts itself cannot tell how it went. Do it by hand on the host.`
    })
  const found = await showUnit(unit, of.signal).catch((cause: unknown) => {
    throw new Refused({ why: `Nothing was done, because systemd could not be asked about ${unit}: ${reasonOf(cause)}` })
  })
  if (!isThere(found)) throw new Refused({ why: `This host has no unit ${unit}.` })
  if (found.load === "masked")
    throw new Refused({ why: `${unit} is masked: somebody forbade it here. Unmask it by hand first.` })
  return found
}

const because = (sentence: string, said: string): string => (said === "" ? sentence : `${sentence} systemctl: ${said}`)

const told = (
  proven: boolean,
  before: Unit,
  after: Unit,
  words: { readonly yes: string; readonly no: string }
): Performed => ({
  outcome: proven ? "succeeded" : "failed",
  summary: proven ? words.yes : words.no,
  data: { before: facts(before), after: facts(after), healthy: didItsWork(after) },
  proven
})
