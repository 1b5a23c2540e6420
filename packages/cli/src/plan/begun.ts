/**
 * The command id of an instruction that was given at once (`now.ts`) and is gone on with by `do.ts`: the same id again is the same plan.
 */
let id: string | undefined

export const begin = (commandId: string): void => {
  id = commandId
}
export const begun = (): string | undefined => id
