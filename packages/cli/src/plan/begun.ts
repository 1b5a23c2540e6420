/**
 * The command id of an instruction that was given at once (`now.ts`) and is gone on with by `do.ts`: the same id again is the same plan.
 *
 * Invariant: both find the same one although each has a copy of this file: the entry and `main.ts` are bundled apart.
 */
const key = Symbol.for("signalbox.instruction")

export const begin = (commandId: string): void => void Reflect.set(globalThis, key, commandId)
export const begun = (): string | undefined => {
  const id: unknown = Reflect.get(globalThis, key)
  return typeof id === "string" ? id : undefined
}
