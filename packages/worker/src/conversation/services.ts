/**
 * What the jobs of conversations need beside the log, the queue and the models.
 *
 * Invariant: what a person waits for (turn, claim, live text) has connections of its own and never stands in line behind projections.
 */
import { Effect, Layer } from "effect"
import { ConversationTail } from "@signalbox/core/conversation/ConversationTail.ts"
import { LiveTextLive } from "@signalbox/core/conversation/LiveTextLive.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { layer as leasesLayer } from "@signalbox/core/queue/LeasesLive.ts"
import { Tasks } from "@signalbox/core/task/create.ts"
import { ConversationCommands } from "./ConversationCommands.ts"
import { Rules } from "./prepare.ts"
import { Talks } from "./Talks.ts"
import { Turns } from "./Turns.ts"

const ownDb = Layer.unwrap(Effect.map(Db, ({ url }) => Db.layer(url, { max: 4, name: "signalbox-talk" })))

/** @param name under which this worker holds leases */
export const conversationServices = (name: string) =>
  Layer.mergeAll(
    Rules.layer,
    Tasks.layer,
    Layer.mergeAll(
      ConversationCommands.layer,
      Talks.layer,
      Turns.layer.pipe(Layer.provide(leasesLayer(name))),
      LiveTextLive
    ).pipe(Layer.provideMerge(ConversationTail.layer), Layer.provide(ownDb))
  )
