/** `signalbox events`: the log itself. */
import { lazy } from "../lazy.ts"
import * as reads from "../read/table.ts"
import { reading } from "./reading.ts"

export const command = reading(reads.events, ({ get }) => {
  const { from, stream, type } = reads.logged
  return lazy(
    () => import("../events/follow.ts"),
    (events) => events.follow({ from: get(from), stream: get(stream), type: get(type) })
  )
})
