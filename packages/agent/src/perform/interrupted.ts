/**
 * What became of a command that was begun and whose agent was then ended: asked at the next start, for receipts without an end.
 *
 * Owns: whom to ask. Does not own: receipts (agent), what each act left behind (`config/back.ts`, `system/reboot.ts`).
 * Invariants: `recoverChanges` ran before; undefined means that nobody can tell, and the command is `unknown`.
 */
import { afterCrash } from "./config/back.ts"
import type { Performed } from "./Performer.ts"
import type { Surroundings } from "./Surroundings.ts"
import { afterReboot } from "./system/reboot.ts"

export const afterInterruption = async (own: Surroundings, commandId: string): Promise<Performed | undefined> =>
  (await afterReboot(own, commandId)) ?? (await afterCrash(own, commandId))
