/**
 * The command id of an instruction that was given at once (`now.ts`) and is gone on with by `do.ts`: the same id again is the same plan.
 *
 * Invariant: both find the same one although each has a copy of this file: the entry and `main.ts` are bundled apart.
 */
import { getEnvironmentData, setEnvironmentData } from "node:worker_threads"

const key = "signalbox.instruction"

export const begin = (commandId: string): void => setEnvironmentData(key, commandId)
export const begun = (): string | undefined => {
  const id = getEnvironmentData(key)
  return typeof id === "string" ? id : undefined
}
