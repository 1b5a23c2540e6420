/** What this agent can carry out so far. */
import { hostname, release } from "node:os"
import type { Performers } from "./Performer.ts"

export const performers: Partial<Performers> = {
  "system.info": () =>
    Promise.resolve({
      outcome: "succeeded",
      summary: `${hostname()} runs Linux ${release()}.`,
      data: { hostname: hostname(), kernel: release() }
    })
}
