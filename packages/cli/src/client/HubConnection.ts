/**
 * How a client command reaches the hub of this home, and what it says when it cannot.
 *
 * Owns: finding address and token, the translation of the API's problems into exit codes.
 * Does not own: what is asked, and how (`hub.ts`, `read.ts`).
 * Invariants: a client makes nothing in the home; every failure becomes one sentence.
 */
import { Context, Effect, Layer, Redacted, Schema, SchemaIssue } from "effect"
import { readAdminToken } from "@signalbox/core/config/credentials.ts"
import { elsewhere } from "@signalbox/core/config/elsewhere.ts"
import { homePaths } from "@signalbox/core/config/find.ts"
import { homeDirectory } from "@signalbox/core/config/Home.ts"
import { readHubFile } from "@signalbox/core/config/hub-file.ts"
import { mustBe } from "@signalbox/core/config/words.ts"
import { cannotTell, CommandFailed, failed } from "../output.ts"

/** What the process was started with. */
export const Environment = Context.Reference<NodeJS.ProcessEnv>("@signalbox/cli/client/Environment", {
  defaultValue: () => process.env
})

export class HubConnection extends Context.Service<
  HubConnection,
  {
    readonly url: string
    readonly token: Redacted.Redacted
    /** Of the hub's certificate, where the environment pins it. */
    readonly fingerprint?: string | undefined
  }
>()("@signalbox/cli/client/HubConnection") {
  static readonly layer: Layer.Layer<HubConnection, CommandFailed> = Layer.effect(
    HubConnection,
    Effect.gen(function* () {
      const chosen = elsewhere(yield* Environment)
      if ("problem" in chosen) return yield* Effect.fail(cannotTell(chosen.problem))
      const { url, token, fingerprint } = chosen
      if (url !== undefined && token !== undefined)
        return HubConnection.of({ url, token: Redacted.make(token), fingerprint })
      const home = homePaths(yield* homeDirectory)
      const state = yield* readHubFile(home)
      if (state._tag === "None")
        return yield* Effect.fail(
          cannotTell(`No hub is running for ${home.directory}. Start one with signalbox up (or signalbox hub).`)
        )
      if (state._tag === "Stale")
        return yield* Effect.fail(
          cannotTell(`The hub of ${home.directory} has ended without a goodbye. Start it again with signalbox up.`)
        )
      return HubConnection.of({
        url: state.hub.url,
        token: token === undefined ? yield* readAdminToken(home) : Redacted.make(token)
      })
    }).pipe(Effect.mapError((error) => (error instanceof CommandFailed ? error : cannotTell(error.message))))
  )
}

/** Runs what needs to know where the hub is. */
export const withConnection = <A, E extends { readonly message: string }, R>(self: Effect.Effect<A, E, R>) =>
  self.pipe(Effect.mapError(toFailure), Effect.provide(HubConnection.layer))

/** 1: the hub says no. 2: what was asked cannot be, or the hub cannot be asked. */
export const toFailure = (error: { readonly message: string }): CommandFailed => {
  if (error instanceof CommandFailed) return error
  const tag = "_tag" in error ? error._tag : undefined
  switch (tag) {
    case "NotFound":
    case "Rejected":
    case "Unauthorized":
    case "Forbidden":
    case "Throttled":
      return failed(error.message)
    case "Invalid":
    case "Unavailable":
      return cannotTell(error.message)
    case "BadRequestProblem":
      return cannotTell(refusals(error))
    case "SchemaError":
      return cannotTell(error instanceof Schema.SchemaError ? sentences(format(error.issue).issues) : error.message)
    case "HttpClientError":
      return cannotTell(`The hub does not answer (${why(error)}). Is it running? signalbox up starts it.`)
    case "StreamRefused":
      return failed(error.message)
    default:
      return failed(error.message)
  }
}

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** What the hub's answer lists. */
const refusals = (error: { readonly message: string }): string =>
  "errors" in error && Array.isArray(error.errors) ? sentences(error.errors) || error.message : error.message

/** "after.0 must be a task id …" for each thing that the contract refuses, as it would be refused by the hub. */
const sentences = (
  issues: ReadonlyArray<{ readonly path?: ReadonlyArray<unknown> | undefined; readonly message: string }>
): string =>
  issues
    .map(({ path = [], message }) => {
      const parts = path.map(String).filter((part) => !["payload", "params", "query"].includes(part))
      if (parts[0] === "env" && parts[1] !== undefined) return `"${parts[1]}" is not a name of an environment variable`
      if (parts.length === 0) return message
      const said = mustBe(message)
      return said === message ? `${parts.join(".")}: ${message}` : `${parts.join(".")} ${said}`
    })
    .join("; ")

const why = (error: object): string => {
  for (let at: unknown = error, depth = 0; depth < 6 && typeof at === "object" && at !== null; depth++) {
    if ("code" in at && typeof at.code === "string") return at.code
    at = "cause" in at && at.cause !== undefined ? at.cause : "reason" in at ? at.reason : undefined
  }
  return "no connection"
}
