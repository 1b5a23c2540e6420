/**
 * The performers, loaded when the first command comes: an agent that waits, as most do at most times, stays smaller and starts sooner.
 *
 * Does not own: the table (`performers.ts`).
 */
import { actionNames, type ActionName } from "@signalbox/core/action/catalog.ts"
import type { Performer, Performers } from "./Performer.ts"
import type { Surroundings } from "./Surroundings.ts"

export const performersLazily = (surroundings: Surroundings): Performers => {
  let loaded: Promise<Performers> | undefined
  const load = (): Promise<Performers> =>
    (loaded ??= import("./performers.ts").then(({ performersFor }) => performersFor(surroundings)))
  const entry = (name: ActionName): [ActionName, Performer<typeof name>] => [
    name,
    async (args, of) => {
      const performer = (await load())[name] as Performer<typeof name>
      return performer(args as never, of) // decoded by the entry of this very name
    }
  ]
  return Object.fromEntries(actionNames.map(entry)) as Performers // a name each
}
