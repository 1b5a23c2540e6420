/**
 * A worker: follows the log with projections and reactors, works the queues, watches hosts.
 *
 * Owns: the wiring of one worker process. Does not own: the database, the home, how it is started (cli).
 * Invariant: needs nothing but the database: any number of them on any machines share the work.
 */
import { Effect, Layer } from "effect"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { ReadModelsLive } from "@signalbox/core/api/ReadModelsLive.ts"
import { hostConfig } from "@signalbox/core/host/view.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import type { EventLog } from "@signalbox/core/log/EventLog.ts"
import { logIdentity } from "@signalbox/core/log/identity.ts"
import type { Db } from "@signalbox/core/postgres/Db.ts"
import { Precedence } from "@signalbox/core/projection/Precedence.ts"
import { Projections } from "@signalbox/core/projection/Projection.ts"
import { layer as projectionsLayer } from "@signalbox/core/projection/ProjectionsLive.ts"
import { Reactors } from "@signalbox/core/projection/Reactor.ts"
import { layer as reactorsLayer } from "@signalbox/core/projection/ReactorsLive.ts"
import { roomProjections, roomReactors } from "@signalbox/core/projection/rooms.ts"
import { layer as jobQueueLayer } from "@signalbox/core/queue/JobQueueLive.ts"
import type { Leases } from "@signalbox/core/queue/Lease.ts"
import { layer as leasesLayer } from "@signalbox/core/queue/LeasesLive.ts"
import { type JobHandler, JobQueue } from "@signalbox/core/queue/Queue.ts"
import { queues } from "@signalbox/core/queue/queues.ts"
import type { Slots } from "@signalbox/core/queue/Slots.ts"
import { layer as slotsLayer } from "@signalbox/core/queue/SlotsLive.ts"
import { TaskOutput } from "@signalbox/core/task/output.ts"
import type { ConversationTail } from "@signalbox/core/conversation/ConversationTail.ts"
import type { LiveText } from "@signalbox/core/conversation/LiveText.ts"
import type { Catalog } from "@signalbox/core/model/Catalog.ts"
import { Agents } from "@signalbox/core/agent/Agents.ts"
import type { Fleet } from "@signalbox/core/agent/Fleet.ts"
import type { Plans } from "@signalbox/core/plan/Plans.ts"
import type { PlanTail } from "@signalbox/core/plan/PlanTail.ts"
import type { Tasks } from "@signalbox/core/task/create.ts"
import type { ConversationCommands } from "./conversation/ConversationCommands.ts"
import type { Rules } from "./conversation/prepare.ts"
import { beginEagerly } from "./conversation/eager.ts"
import { replyHandler } from "./conversation/reply.ts"
import { conversationServices } from "./conversation/services.ts"
import { summaryHandler } from "./conversation/summary.ts"
import type { Talks } from "./conversation/Talks.ts"
import type { Turns } from "./conversation/Turns.ts"
import { runCatalog } from "./model/catalog.ts"
import type { Models } from "./model/Models.ts"
import { runConnections } from "./host/connections.ts"
import { HostCommands } from "./host/HostCommands.ts"
import { Standby } from "./host/Standby.ts"
import type { Transport } from "./host/Transport.ts"
import { transportLayer } from "./host/TransportLive.ts"
import { hostPrepareHandler } from "./host/prepare.ts"
import { hostVisitHandler } from "./host/visit.ts"
import { beginPlansEagerly, planProposalHandler, planRunHandler } from "./plan/jobs.ts"
import { planExplainHandler } from "./plan/explain.ts"
import type { PlanCommands } from "./plan/PlanCommands.ts"
import type { PlanRuns } from "./plan/PlanRuns.ts"
import { planProposeHandler } from "./plan/propose.ts"
import { planServices } from "./plan/services.ts"
import { scheduleHandler } from "./schedule/tick.ts"
import { Direct } from "./task/Direct.ts"
import { runDirectLaunches } from "./task/direct-launch.ts"
import { dispatchHandler } from "./task/dispatch.ts"
import { killHandler } from "./task/kill.ts"
import { launchHandler } from "./task/launch.ts"
import { messageHandler } from "./task/message.ts"
import { notifyHandler } from "./task/notify.ts"
import { runSweeps } from "./task/sweep.ts"
import { TaskCommands } from "./task/TaskCommands.ts"
import { runWatches } from "./task/Watches.ts"

export interface WorkerOptions {
  /** Unique among all workers: it holds leases under it. */
  readonly name: string
  /** Home directory of `local` tasks' workspace; default the user's own. */
  readonly localHome?: string
  /** Who the agents are; default those that enrolled. */
  readonly fleet?: Layer.Layer<Fleet, never, Db>
}

const transport = (options: WorkerOptions) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const models = yield* ReadModels
      return transportLayer({
        log: yield* logIdentity,
        ssh: {
          resolve: (name) =>
            models.host(name).pipe(
              Effect.map((view) => (view === undefined ? undefined : hostConfig(view))),
              Effect.orDie
            )
        },
        local: options.localHome === undefined ? {} : { home: options.localHome }
      })
    })
  )

/** Everything a worker's rooms need, on a database, a log, and what knows the models. */
export const workerServices = (options: WorkerOptions) => {
  const derived = Layer.mergeAll(
    projectionsLayer(roomProjections),
    jobQueueLayer(Object.values(queues)),
    leasesLayer(options.name),
    slotsLayer,
    Commands.layer,
    TaskOutput.layer
  )
  const rooms = Layer.mergeAll(reactorsLayer(roomReactors), ReadModelsLive, TaskCommands.layer, HostCommands.layer)
  const onHosts = Standby.layer.pipe(Layer.provideMerge(transport(options)))
  return Layer.mergeAll(
    onHosts,
    Agents.layer,
    Direct.layer,
    conversationServices(options.name),
    planServices(options)
  ).pipe(Layer.provideMerge(rooms), Layer.provideMerge(derived), Layer.provideMerge(Precedence.layer))
}

type Rooms =
  | Agents
  | Db
  | Catalog
  | Commands
  | ConversationCommands
  | ConversationTail
  | Direct
  | EventLog
  | Fleet
  | HostCommands
  | JobQueue
  | Leases
  | LiveText
  | Models
  | PlanCommands
  | PlanRuns
  | Plans
  | PlanTail
  | Precedence
  | Projections
  | ReadModels
  | Rules
  | Slots
  | Standby
  | Talks
  | TaskCommands
  | TaskOutput
  | Tasks
  | Transport
  | Turns
export const handlers: ReadonlyArray<JobHandler<Rooms>> = [
  dispatchHandler,
  launchHandler,
  killHandler,
  messageHandler,
  notifyHandler,
  hostVisitHandler,
  hostPrepareHandler,
  scheduleHandler,
  replyHandler,
  summaryHandler,
  planRunHandler,
  planProposalHandler,
  planProposeHandler,
  planExplainHandler
]

/** Works until interrupted, then drains: no new job, watches handed over, no attempt burned. Needs `workerServices`. */
export const runWorker: Effect.Effect<never, never, Rooms | Projections | Reactors | TaskOutput> = Effect.gen(
  function* () {
    const projections = yield* Projections
    const reactors = yield* Reactors
    const queue = yield* JobQueue
    const work = [
      projections.run,
      reactors.run,
      queue.work(handlers),
      runDirectLaunches,
      runWatches,
      runSweeps,
      runConnections,
      beginEagerly,
      beginPlansEagerly,
      runCatalog
    ]
    yield* Effect.all(work, { concurrency: "unbounded" })
    return yield* Effect.never
  }
).pipe(Effect.orDie)
