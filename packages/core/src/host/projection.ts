/** The read model of hosts: `read.host`. */
import type { Projection } from "../projection/Projection.ts"
import { viewProjection } from "../projection/view-projection.ts"
import { hostEvents } from "./events.ts"
import { evolveHost, HostView, initialHost } from "./view.ts"

export const hostProjection: Projection = viewProjection({
  name: "host",
  version: 1,
  prefix: "host/",
  table: "host",
  types: hostEvents,
  schema: HostView,
  initial: initialHost,
  evolve: evolveHost
})
