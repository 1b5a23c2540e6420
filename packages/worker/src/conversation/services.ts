/** What the jobs of conversations need beside the log, the queue and the models. */
import { Layer } from "effect"
import { ConversationTail } from "@signalbox/core/conversation/ConversationTail.ts"
import { LiveTextLive } from "@signalbox/core/conversation/LiveTextLive.ts"
import { Tasks } from "@signalbox/core/task/create.ts"
import { ConversationCommands } from "./ConversationCommands.ts"
import { Rules } from "./prepare.ts"
import { Talks } from "./Talks.ts"
import { Turns } from "./Turns.ts"

export const conversationServices = Layer.mergeAll(
  Rules.layer,
  Talks.layer,
  Turns.layer,
  ConversationCommands.layer,
  ConversationTail.layer,
  LiveTextLive,
  Tasks.layer
)
