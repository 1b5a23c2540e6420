/**
 * The long-running roles, wired once: hub, worker, or both in one process.
 *
 * Owns: what a role is made of, and its end. Does not own: the parts, how a person starts it (`command/*.ts`).
 * Invariants: the schema is up to date before anything reads it; the hub is announced only when it answers; whatever ends the
 * role, its parts end in the order in which they need each other.
 */
import { randomBytes } from "node:crypto"
import { hostname } from "node:os"
import { DateTime, Effect, Layer, Redacted } from "effect"
import { ensureAdminToken } from "@signalbox/core/config/credentials.ts"
import { ensureGrantKey } from "@signalbox/core/config/grant-key.ts"
import { Home } from "@signalbox/core/config/Home.ts"
import { announceHub, type HubInfo, writeHubFile } from "@signalbox/core/config/hub-file.ts"
import { installationRoot } from "@signalbox/core/config/root.ts"
import { Secrets } from "@signalbox/core/config/secret.ts"
import { ensureSessionKey } from "@signalbox/core/config/session-key.ts"
import { Settings } from "@signalbox/core/config/Settings.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { catalogLayer } from "@signalbox/core/model/CatalogLive.ts"
import { logIdentity } from "@signalbox/core/log/identity.ts"
import { fileLogs, stderrLogs } from "@signalbox/core/observe/logs.ts"
import { Progress } from "@signalbox/core/observe/Progress.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { migrate } from "@signalbox/core/postgres/migrate.ts"
import { PostgresServer, shownServer } from "@signalbox/core/postgres/PostgresServer.ts"
import { Projections } from "@signalbox/core/projection/Projection.ts"
import { admitReader } from "@signalbox/core/report/reader.ts"
import { BridgeAddress } from "@signalbox/hub/bridge/Bridge.ts"
import { bridgeRoleLayer, hubLayer } from "@signalbox/hub/Hub.ts"
import { serving } from "@signalbox/hub/edge/served-certificate.ts"
import { HubAddress } from "@signalbox/hub/HubAddress.ts"
import { HostCommands } from "@signalbox/worker/host/HostCommands.ts"
import { modelsLayer } from "@signalbox/worker/model/ModelsLive.ts"
import { runWorker, workerServices } from "@signalbox/worker/Worker.ts"
import { hubsServerLayer, serverLayer } from "../database.ts"
import { talk } from "../output.ts"
import { certificateFiles, serverCertificate } from "./certificate.ts"
import { followFiles, shownBy, type Shown } from "./renewal.ts"

export interface ServeOptions {
  readonly hub: boolean
  readonly worker: boolean
  /** The line protocol without the rest of the hub, which brings its own. */
  readonly bridgeAlone?: boolean
  /** local: the next free port when the usual one is taken. server: a clear error. */
  readonly ports: "local" | "server"
  /** stderr: JSON lines. file: HOME/logs/<role>.log, for a terminal that belongs to the screen. */
  readonly logs: "stderr" | "file"
}

export const serve = (options: ServeOptions) =>
  Effect.gen(function* () {
    const server = yield* PostgresServer
    return yield* Effect.scoped(role(options)).pipe(Effect.raceFirst(server.failed))
  }).pipe(Effect.provide(logLayer(options).pipe(Layer.provideMerge(options.hub ? serverLayer : hubsServerLayer))))

const logLayer = (options: ServeOptions) =>
  options.logs === "stderr"
    ? stderrLogs()
    : Layer.unwrap(Effect.map(Home, (home) => fileLogs({ directory: home.logs, role: options.hub ? "hub" : "worker" })))

const role = (options: ServeOptions) =>
  Effect.gen(function* () {
    const server = yield* PostgresServer
    const name = `${hostname()}-${process.pid}-${randomBytes(2).toString("hex")}`
    const database = Db.layer(server.url, {
      max: 12,
      name: `signalbox-${options.hub ? "hub" : options.worker ? "worker" : "bridge"}`
    })
    const services = workerServices({ name }).pipe(
      Layer.provideMerge(Layer.mergeAll(catalogLayer(), modelsLayer)),
      Layer.provideMerge(eventLogLayer),
      Layer.provideMerge(Layer.effectDiscard(upToDate)),
      Layer.provideMerge(database)
    )
    const parts = Effect.gen(function* () {
      if (options.hub) yield* Layer.build(yield* hub(options))
      if (options.bridgeAlone === true) yield* Layer.build(yield* bridgeAlone(options))
      if (options.worker) yield* Effect.logInfo(`the worker ${name} takes jobs`)
      if (options.hub && options.worker) yield* firstLook
      return yield* options.worker ? runWorker : Effect.flatMap(Projections, (projections) => projections.run)
    })
    return yield* Effect.scoped(parts).pipe(Effect.provide(services))
  })

/** Once in the life of a log: nobody needs to ask what this machine has before the first task. */
const firstLook = Effect.flatMap(HostCommands, (hosts) =>
  hosts.run("local", { _tag: "RequestCheck" }, "first-look")
).pipe(Effect.catch((error) => Effect.logWarning(`this machine was not looked at: ${error.message}`)))

const upToDate = Effect.gen(function* () {
  const applied = yield* migrate(installationRoot().migrations)
  if (applied.length > 0) yield* Effect.logInfo(`applied ${applied.join(", ")}`)
  const notice = yield* admitReader
  if (notice !== undefined) yield* Effect.logWarning(notice)
})

/** What every edge needs: who may come in, and by what it is known. */
const edge = Effect.fnUntraced(function* (options: ServeOptions) {
  const home = yield* Home
  const settings = yield* Settings
  const adminToken = yield* ensureAdminToken(home)
  const sessionKey = yield* ensureSessionKey(home)
  const secrets = yield* Secrets
  secrets.add(Redacted.value(adminToken))
  const first = yield* serverCertificate(home, settings)
  const certificate = first === undefined ? undefined : serving(first)
  const follow = (told: (shown: Shown) => Effect.Effect<void>) =>
    certificate === undefined
      ? Effect.void
      : Effect.forkScoped(followFiles({ ...certificateFiles(home, settings), served: certificate, told }))
  const bridge = {
    host: settings.bridgeHost,
    port: settings.bridgePort,
    mode: options.ports,
    certificate,
    open: settings.bridgeOpen
  }
  return { adminToken, sessionKey, version: installationRoot().version, bridge, certificate, follow }
})

/** What the home says of its hub, with the certificate that it shows now. */
const showing = (about: HubInfo, shown: Shown): HubInfo => {
  const { fingerprint } = shown
  return {
    ...about,
    ...(about.bridge?.fingerprint === undefined ? {} : { bridge: { ...about.bridge, fingerprint } }),
    ...(about.tls === undefined ? {} : { tls: { ...about.tls, fingerprint } }),
    certificate: shown
  }
}

const listens = (at: { readonly host: string; readonly port: number; readonly tls: boolean }): string =>
  `The bridge listens on ${at.host} port ${at.port}${at.tls ? " with TLS" : ""}`

const bridgeAlone = (options: ServeOptions) =>
  Effect.map(edge(options), (made) =>
    Layer.effectDiscard(
      Effect.gen(function* () {
        const { at } = yield* BridgeAddress
        if (at !== null) yield* talk(listens(at))
        yield* made.follow(() => Effect.void)
      })
    ).pipe(Layer.provide(bridgeRoleLayer(made)), Layer.provide(catalogLayer()))
  )

const hub = (options: ServeOptions) =>
  Effect.gen(function* () {
    const home = yield* Home
    const settings = yield* Settings
    const made = yield* edge(options)
    const grantKey = yield* ensureGrantKey(home, settings.grantKey)
    const { version, certificate } = made
    const announced = Layer.effectDiscard(
      Effect.gen(function* () {
        const { url, port, tls } = yield* HubAddress
        const { at } = yield* BridgeAddress
        const { url: database, origin } = yield* PostgresServer
        const about = {
          url,
          pid: process.pid,
          startedAt: yield* DateTime.now,
          version,
          ...(at === null ? {} : { bridge: at }),
          ...(tls === null ? {} : { tls }),
          database: { server: shownServer(database), origin, log: yield* logIdentity }
        }
        yield* announceHub(home, certificate === undefined ? about : showing(about, shownBy(certificate)))
        yield* made.follow((shown) =>
          Effect.catch(writeHubFile(home, showing(about, shown)), (error) => Effect.logWarning(error.message))
        )
        const tell = yield* Progress
        if (at !== null && settings.bridgePort !== 0 && at.port !== settings.bridgePort)
          yield* tell(`Port ${settings.bridgePort} is taken; the bridge listens on ${at.port} instead.`)
        if (settings.httpPort !== 0 && port !== settings.httpPort)
          yield* tell(`Port ${settings.httpPort} is taken; the hub listens on ${port} instead.`)
        yield* talk(`Signalbox ${version} is up at ${url} (API docs: ${url}/docs)`)
        if (tls !== null) yield* talk(`Other machines reach it at ${tls.url}, certificate ${tls.fingerprint}`)
        if (at !== null) yield* talk(listens(at))
      })
    )
    return announced.pipe(
      Layer.provideMerge(
        hubLayer({ ...made, grantKey, host: settings.httpHost, port: settings.httpPort, mode: options.ports })
      ),
      Layer.provide(catalogLayer())
    )
  })
