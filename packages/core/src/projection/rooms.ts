/** The lists by which a room joins the whole: one line each. */
import { agentProjection } from "../agent/projection.ts"
import { accountProjection } from "../account/projection.ts"
import { replyReactor, summaryReactor } from "../conversation/jobs.ts"
import { messagesProjection } from "../conversation/messages-projection.ts"
import { conversationProjection } from "../conversation/projection.ts"
import { hostReactor, prepareReactor } from "../host/jobs.ts"
import { hostProjection } from "../host/projection.ts"
import { explainReactor, proposalReactor, proposeReactor, runReactor } from "../plan/jobs.ts"
import { planCommandProjection, planProjection } from "../plan/projection.ts"
import { scheduleReactor } from "../schedule/jobs.ts"
import { scheduleProjection } from "../schedule/projection.ts"
import { settingProjection } from "../setting/projection.ts"
import { dispatchReactor, killReactor, launchReactor, messageReactor, notifyReactor } from "../task/jobs.ts"
import { taskProjection } from "../task/projection.ts"
import { toolProjection } from "../tool/projection.ts"
import type { Projection } from "./Projection.ts"
import type { Reactor } from "./Reactor.ts"

export const roomProjections: ReadonlyArray<Projection> = [
  taskProjection,
  hostProjection,
  toolProjection,
  scheduleProjection,
  conversationProjection,
  messagesProjection,
  settingProjection,
  planProjection,
  planCommandProjection,
  agentProjection,
  accountProjection
]

export const roomReactors: ReadonlyArray<Reactor> = [
  dispatchReactor,
  launchReactor,
  killReactor,
  messageReactor,
  notifyReactor,
  hostReactor,
  prepareReactor,
  scheduleReactor,
  replyReactor,
  summaryReactor,
  runReactor,
  proposalReactor,
  proposeReactor,
  explainReactor
]
