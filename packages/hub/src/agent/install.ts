/**
 * What a host needs to become an agent, served to anybody: the script, the agent's bundle, and a Node for hosts that have none.
 *
 * Owns: the files, their hashes, the script's text. Does not own: the agent's own installing (`signalbox-agent install`), invites.
 * Invariants: nothing secret is in any of them; the script names the SHA-256 of everything that it fetches, and whoever is sent to the
 * script is told the script's; hashes are those of the files as they are when they are asked for.
 */
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { readFile, realpath, stat } from "node:fs/promises"
import { join } from "node:path"
import { Context, Effect, Layer, Schema, Semaphore } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { installScriptPath } from "@signalbox/core/agent/install.ts"
import { Unavailable } from "@signalbox/core/api/problems.ts"
import { installationRoot } from "@signalbox/core/config/root.ts"
import { scriptText } from "./install-script.ts"

const bundleRoute = "/install-agent/signalbox-agent.cjs"
const nodeRoute = "/install-agent/node"
export const installPaths = [installScriptPath, bundleRoute, nodeRoute] as const

/** The agent was not built, or its files cannot be read. */
export class NotInstallable extends Schema.TaggedError<NotInstallable>()("NotInstallable", { reason: Schema.String }) {
  override get message(): string {
    return `The agent cannot be given to hosts: ${this.reason}. Build it with npm run build.`
  }
}

export interface Installable {
  readonly script: string
  /** Of the script. */
  readonly sha256: string
}

export class Installer extends Context.Service<
  Installer,
  { readonly installable: Effect.Effect<Installable, NotInstallable> }
>()("@signalbox/hub/agent/Installer") {
  static readonly layer: Layer.Layer<Installer> = Layer.effect(
    Installer,
    Effect.gen(function* () {
      const hashes = makeHashes()
      const one = yield* Semaphore.make(1) // a Node is large: it is read once, not by everybody who asks at the same time
      return Installer.of({
        installable: Semaphore.withPermits(
          one,
          1
        )(
          Effect.tryPromise({
            try: async () => {
              const script = scriptText({
                bundle: { path: bundleRoute, sha256: await hashes(bundleFile()) },
                node: { path: nodeRoute, sha256: await hashes(process.execPath), machine: machineOf(process.arch) }
              })
              return { script, sha256: createHash("sha256").update(script).digest("hex") }
            },
            catch: (cause) => new NotInstallable({ reason: cause instanceof Error ? cause.message : String(cause) })
          })
        )
      })
    })
  )
}

export const installRoutes = Layer.unwrap(
  Effect.gen(function* () {
    const installer = yield* Installer
    const unavailable = Effect.mapError((error: NotInstallable) => new Unavailable({ detail: error.message }))
    return Layer.mergeAll(
      HttpRouter.add(
        "GET",
        installScriptPath,
        Effect.map(unavailable(installer.installable), ({ script }) =>
          HttpServerResponse.text(script, { contentType: "text/x-shellscript; charset=utf-8" })
        )
      ),
      HttpRouter.add(
        "GET",
        bundleRoute,
        Effect.map(
          unavailable(
            Effect.tryPromise({
              try: () => readFile(bundleFile()),
              catch: () => new NotInstallable({ reason: "its bundle is not there" })
            })
          ),
          (bytes) => HttpServerResponse.uint8Array(bytes, { contentType: "application/octet-stream" })
        )
      ),
      HttpRouter.add(
        "GET",
        nodeRoute,
        Effect.map(
          Effect.promise(() => stat(process.execPath)),
          ({ size }) =>
            HttpServerResponse.raw(createReadStream(process.execPath), {
              contentType: "application/octet-stream",
              contentLength: size
            })
        )
      )
    )
  })
)

const bundleFile = (): string => join(installationRoot().directory, "packages/agent/dist/signalbox-agent.cjs")

/** As `uname -m` says it. */
const machineOf = (arch: string): string => ({ x64: "x86_64", arm64: "aarch64" })[arch] ?? arch

/** Kept until the file is another one. */
const makeHashes = () => {
  const known = new Map<string, { readonly mark: string; readonly sha256: string }>()
  return async (path: string): Promise<string> => {
    const real = await realpath(path)
    const { size, mtimeMs, ino } = await stat(real)
    const mark = `${size} ${mtimeMs} ${ino}`
    const before = known.get(real)
    if (before?.mark === mark) return before.sha256
    const hash = createHash("sha256")
    for await (const part of createReadStream(real, { highWaterMark: 1_048_576 }) as AsyncIterable<Buffer>)
      hash.update(part)
    const sha256 = hash.digest("hex")
    known.set(real, { mark, sha256 })
    return sha256
  }
}
