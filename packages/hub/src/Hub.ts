/**
 * The hub: everything that the network sees of Signalbox, as one layer.
 *
 * Owns: wiring of routes, limits and the server's life. Does not own: the rooms behind the routes, configuration, the process.
 * Invariants: the streams are drained before the server closes, so that stopping takes no longer than the requests at hand.
 */
import { type KeyObject, randomBytes } from "node:crypto"
import { ByteSize, Effect, ErrorReporter, Layer, Redacted } from "effect"
import { HttpIncomingMessage, HttpRouter, HttpServer } from "effect/http"
import { HttpApiBuilder, HttpApiMiddleware, HttpApiScalar, OpenApi } from "effect/http-api"
import { Agents } from "@signalbox/core/agent/Agents.ts"
import { agentPaths } from "@signalbox/core/agent/enrollment.ts"
import type { Fleet } from "@signalbox/core/agent/Fleet.ts"
import { FleetLive } from "@signalbox/core/agent/FleetLive.ts"
import { AccountsLive } from "@signalbox/core/account/AccountsLive.ts"
import { HubApi, streams } from "@signalbox/core/api/contract.ts"
import { ConversationFeedLive } from "@signalbox/core/conversation/ConversationFeedLive.ts"
import { ConversationsLive } from "@signalbox/core/conversation/ConversationsLive.ts"
import { LiveTextLive } from "@signalbox/core/conversation/LiveTextLive.ts"
import { PlanOutcomes } from "@signalbox/core/plan/PlanOutcomes.ts"
import { Plans } from "@signalbox/core/plan/Plans.ts"
import type { Db } from "@signalbox/core/postgres/Db.ts"
import { Tasks } from "@signalbox/core/task/create.ts"
import { TaskOutput } from "@signalbox/core/task/output.ts"
import { AgentSockets } from "./agent/AgentSockets.ts"
import { announceHub, endSockets } from "./agent/announce.ts"
import { AgentDoorsRoutes } from "./agent/doors.ts"
import { Heartbeats } from "./agent/Heartbeats.ts"
import { HubSelf } from "./agent/HubSelf.ts"
import { Installer, installPaths, installRoutes } from "./agent/install.ts"
import { AgentsRoutes } from "./agent/routes.ts"
import { AgentSignIn } from "./agent/SignIn.ts"
import { agentSocketRoute } from "./agent/socket-route.ts"
import { AccountsRoutes, signInRoutes } from "./account/routes.ts"
import { BridgeAddress, type BridgeOptions, bridgeLayer } from "./bridge/Bridge.ts"
import { exportPath, exportRoutes } from "./conversation/export.ts"
import { livePath, liveRoute } from "./conversation/live.ts"
import { ConversationsRoutes, ModelsRoutes } from "./conversation/routes.ts"
import { AuthLive, type TokenKeys, Tokens } from "./edge/auth.ts"
import { withRawRoutes } from "./edge/described.ts"
import { drainOnShutdown, Draining } from "./edge/Draining.ts"
import { type ListenOptions, listening } from "./edge/listen.ts"
import { isLoopback, isWildcard, ownAddress } from "./edge/loopback.ts"
import { countRequests, metricsRoute } from "./edge/metrics.ts"
import { answerOutages, Outage } from "./edge/Outage.ts"
import { shallowOnly } from "./edge/nesting.ts"
import { ownNamesOnly, problems } from "./edge/problems.ts"
import { HubAddress } from "./HubAddress.ts"
import { HostsLive } from "./host/routes.ts"
import { EventFeed } from "./log/EventFeed.ts"
import { eventsRoute } from "./log/events.ts"
import { LogLive } from "./log/routes.ts"
import { ActionsRoutes, PlansRoutes } from "./plan/routes.ts"
import { reportPath, reportRoute } from "./report/routes.ts"
import { SchedulesLive } from "./schedule/routes.ts"
import { systemLive } from "./system.ts"
import { outputPaths, outputRoutes } from "./task/output.ts"
import { OutputWakes } from "./task/OutputWakes.ts"
import { TasksLive } from "./task/routes.ts"
import { ToolsLive } from "./tool/routes.ts"

export interface HubOptions extends ListenOptions {
  /** The token of this home's owner. */
  readonly adminToken: Redacted.Redacted
  /** Signs sessions; absent: they end with this process. */
  readonly sessionKey?: Redacted.Redacted<Uint8Array>
  readonly version: string
  /** The line protocol; absent: not served. */
  readonly bridge?: BridgeOptions
  /** Who the agents are; default those that enrolled. */
  readonly fleet?: Layer.Layer<Fleet, never, Db>
  /** By which agents know this installation's hubs; absent: a new one, which ends with this hub. */
  readonly grantKey?: KeyObject
}

/** Serves until its scope is closed. */
export const hubLayer = (options: HubOptions) => {
  const keys = keysOf(options)
  const bridge = options.bridge === undefined ? BridgeAddress.none : bridgeLayer(options.bridge, options.version)
  const served = HttpRouter.serve(app(options.version, keys), { disableLogger: true, disableListenLog: true }).pipe(
    Layer.provideMerge(bridge),
    Layer.provide(limits),
    Layer.provide(OutputWakes.layer),
    Layer.provide(ConversationFeedLive.pipe(Layer.provide(LiveTextLive))),
    Layer.provide(Outage.layer),
    Layer.provideMerge(EventFeed.layer),
    Layer.provide(Layer.mergeAll(Tasks.layer, TaskOutput.layer, ConversationsLive, Plans.layer, signedIn(keys))),
    Layer.provideMerge(agents(options.grantKey)),
    Layer.provide(options.fleet ?? FleetLive),
    Layer.provideMerge(address(options)),
    Layer.provideMerge(listening(options))
  )
  const ends = Layer.mergeAll(drainOnShutdown, endSockets, announceHub)
  return ends.pipe(Layer.provideMerge(served), Layer.provide(Draining.layer))
}

/** The room of agents: who they are, their sockets, their answers. */
const agents = (key: KeyObject | undefined) =>
  Layer.mergeAll(AgentSockets.layer, AgentSignIn.layer, Installer.layer).pipe(
    Layer.provideMerge(Layer.mergeAll(Heartbeats.layer, PlanOutcomes.layer("hub"))),
    Layer.provideMerge(Layer.mergeAll(Agents.layer, HubSelf.layer(key)))
  )

/** The line protocol alone. */
export const bridgeRoleLayer = (
  options: Required<Pick<HubOptions, "adminToken" | "version" | "bridge">> & Pick<HubOptions, "sessionKey">
) =>
  drainOnShutdown.pipe(
    Layer.provideMerge(bridgeLayer(options.bridge, options.version)),
    Layer.provide(ConversationFeedLive.pipe(Layer.provide(LiveTextLive))),
    Layer.provide(
      Layer.mergeAll(Tasks.layer, TaskOutput.layer, ConversationsLive, Plans.layer, signedIn(keysOf(options)))
    ),
    Layer.provide(FleetLive),
    Layer.provide(Draining.layer)
  )

const keysOf = ({ adminToken, sessionKey }: Pick<HubOptions, "adminToken" | "sessionKey">): TokenKeys => ({
  adminToken,
  sessionKey: sessionKey ?? Redacted.make(new Uint8Array(randomBytes(32)))
})

/** Accounts, and whose a credential is. */
const signedIn = (keys: TokenKeys) => Tokens.layer(keys).pipe(Layer.provideMerge(AccountsLive))

/** Their descriptions have the routes beside the contract too. */
const described = HubApi.annotate(OpenApi.Transform, withRawRoutes)

const app = (version: string, keys: TokenKeys) =>
  Layer.mergeAll(
    HttpApiBuilder.layer(described, { openapiPath: "/openapi.json" }).pipe(
      Layer.provide(
        Layer.mergeAll(
          systemLive(version),
          AccountsRoutes,
          signInRoutes(keys.sessionKey),
          TasksLive,
          HostsLive,
          ToolsLive,
          SchedulesLive,
          ConversationsRoutes,
          ModelsRoutes,
          PlansRoutes,
          ActionsRoutes,
          AgentsRoutes,
          AgentDoorsRoutes,
          LogLive
        )
      ),
      Layer.provide([AuthLive, HttpApiMiddleware.layerProblemDetails({ includeDetails: true })])
    ),
    // No font and no script from anywhere else: the page works without the internet and tells nobody of its reader.
    HttpApiScalar.layer(described, { path: "/docs", scalar: { withDefaultFonts: false } }),
    eventsRoute,
    outputRoutes,
    liveRoute,
    exportRoutes,
    reportRoute,
    metricsRoute,
    agentSocketRoute,
    installRoutes,
    problems(HubApi, [
      streams.events,
      ...outputPaths,
      livePath,
      exportPath,
      reportPath,
      "/metrics",
      agentPaths.socket,
      ...installPaths,
      "/docs",
      "/openapi.json"
    ]),
    shallowOnly,
    answerOutages,
    countRequests,
    ownNamesOnly
  )

const limits = Layer.mergeAll(
  Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.fromInputUnsafe("2 MiB")),
  ErrorReporter.layer([
    Effect.map(Effect.context<never>(), (context) => {
      const run = Effect.runForkWith(context)
      return ErrorReporter.make(({ error }) => {
        // What a client sent wrongly is a matter of its answer, not of our log.
        if (/RequestParseError|RouteNotFound/.test(error.message)) return
        run(Effect.logError(`a request failed: ${error.stack ?? error.message}`))
      })
    })
  ])
)

const address = ({ host, certificate }: ListenOptions): Layer.Layer<HubAddress, never, HttpServer.HttpServer> =>
  Layer.effect(
    HubAddress,
    Effect.map(HttpServer.HttpServer, (server) => {
      const port = "port" in server.address ? server.address.port : 0
      const at = (name: string) => `${name.includes(":") ? `[${name}]` : name}:${port}`
      const mine = isLoopback(host) ? host : "127.0.0.1"
      const far = `https://${at(isWildcard(host) ? ownAddress() : host)}`
      return HubAddress.of({
        port,
        url: `http://${at(mine)}`,
        get tls() {
          if (isLoopback(host) || certificate === undefined) return null
          return { url: far, fingerprint: certificate.now().fingerprint }
        }
      })
    })
  )
