/**
 * Whether what was begun lasts: a look at a unit in the seconds after its act was answered.
 *
 * Owns: what counts as falling over. Does not own: telling it (`aftercare.ts`), the proof before the answer (`acts.ts`).
 * Invariants: as long as the main process lives systemd is not asked; what a person does meanwhile (stops it cleanly, restarts it, reloads
 * it) is no relapse; a unit without a main process is asked about now and then.
 */
import { setTimeout as delay } from "node:timers/promises"
import type { Relapse } from "../Performer.ts"
import { startOf } from "../process/stat.ts"
import { didItsWork, facts, isOneshot, showUnit, stateWords, type Unit } from "./unit.ts"

const watchMillis = 10_000
const lookEvery = 250
/** Without a process to look at. */
const askEvery = 2_000

/** @param first the unit as its act has left it */
export const lasting =
  (first: Unit, did: "started" | "restarted", millis = watchMillis) =>
  async (signal: AbortSignal): Promise<Relapse | undefined> => {
    if (isOneshot(first)) return undefined // how it ended was its proof
    const began = Date.now()
    let seen = first
    while (Date.now() - began < millis) {
      const every = seen.mainPid === 0 ? askEvery : lookEvery
      await delay(every, undefined, { signal })
      if (seen.mainPid !== 0 && (await startOf(seen.mainPid)) === seen.mainStarted) continue
      const now = await showUnit(first.unit, signal)
      if (fellOver(first, now)) return told(now, did, Date.now() - began)
      // in between two states, or begun anew by somebody: from now on that one
      if (now.mainPid !== 0 || seen.mainPid === 0) seen = now
    }
    return undefined
  }

/** `started anew by systemd itself` counts: what has to be caught did not last. */
export const fellOver = (first: Unit, now: Unit): boolean =>
  now.active === "failed" ||
  now.sub === "auto-restart" ||
  now.restarts > first.restarts ||
  (now.active === "inactive" && now.result !== "success" && !didItsWork(now))

const told = (unit: Unit, did: string, after: number): Relapse => {
  const seconds = after < 950 ? "less than 1 s" : `${Math.round(after / 1_000)} s`
  const again = unit.active === "active" ? ", and was started again by systemd" : `: it is ${stateWords(unit)}`
  return { summary: `${unit.unit} was ${did} and fell over ${seconds} later${again}.`, data: { after: facts(unit) } }
}
