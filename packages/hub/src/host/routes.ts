/**
 * The hosts group of the API.
 *
 * Owns: commands of people about hosts, and waiting for a worker's visit. Does not own: the visit (worker), the rules (core).
 */
import { Duration, Effect, Option, Result, Stream } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { HubApi } from "@signalbox/core/api/contract.ts"
import { NotFound, Rejected, Unavailable } from "@signalbox/core/api/problems.ts"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import type { HostCommand } from "@signalbox/core/host/decider.ts"
import { hostEvents, hostStream } from "@signalbox/core/host/events.ts"
import { editHostConfig, toHostConfig } from "@signalbox/core/host/request.ts"
import { hostDecider } from "@signalbox/core/host/room.ts"
import { hostConfig } from "@signalbox/core/host/view.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { Installer } from "../agent/install.ts"
import { HubAddress } from "../HubAddress.ts"
import { answer, origin, read, readOr, seen } from "../edge/answer.ts"

const visitTimeout = "30 seconds"
const prepareTimeout = "10 minutes"

export const HostsLive = HttpApiBuilder.group(
  HubApi,
  "hosts",
  Effect.fnUntraced(function* (handlers) {
    const models = yield* ReadModels
    const commands = yield* Commands
    const log = yield* EventLog
    const address = yield* HubAddress
    const installer = yield* Installer
    const sees = (position: number) => Effect.provideService(seen(position), ReadModels, models)

    const load = (name: string) =>
      Effect.map(commands.load(hostDecider(name), hostEvents, hostStream(name)), (loaded) => loaded.state)
    const existing = (name: string) =>
      Effect.flatMap(load(name), (host) => (host === undefined || host.removed ? missing(name) : Effect.succeed(host)))

    const execute = Effect.fnUntraced(function* (
      name: string,
      command: HostCommand,
      given?: { readonly commandId?: string },
      body?: string
    ) {
      const executed = yield* commands.execute({
        ...(yield* origin(given)),
        decider: hostDecider(name),
        types: hostEvents,
        stream: hostStream(name),
        command,
        ...(body === undefined ? {} : { body })
      })
      yield* sees(executed.position)
      return { position: executed.position }
    })

    /** The host after the first of these events that comes after `position`. */
    const visited = Effect.fnUntraced(function* (
      name: string,
      position: number,
      types: ReadonlyArray<string>,
      within: Duration.Input = visitTimeout
    ) {
      const event = yield* log.follow({ from: position + 1 }).pipe(
        Stream.flatMap((one) => (one._tag === "Event" ? Stream.succeed(one.event) : Stream.empty)),
        Stream.filter((event) => event.stream === hostStream(name) && types.includes(event.type)),
        Stream.runHead,
        Effect.timeoutOption(within),
        Effect.map(Option.flatten)
      )
      if (Option.isNone(event))
        return yield* Effect.fail(
          new Unavailable({
            detail: `No worker looked at ${name} within ${Duration.format(Duration.fromInputUnsafe(within))}. Is one running? signalbox up and signalbox worker start one.`
          })
        )
      yield* sees(event.value.position)
      return event.value
    })
    const shown = Effect.fnUntraced(function* (name: string) {
      const position = yield* models.position
      const host = yield* models.host(name)
      return host === undefined ? yield* missing(name) : { host, position }
    })

    return handlers.handleAll({
      list: () => read(Effect.all({ position: models.position, hosts: models.hosts })),
      get: ({ params: { name } }) => readOr(shown(name)),
      add: ({ payload: { commandId, acceptNew, ...request } }) =>
        answer(
          Effect.gen(function* () {
            const config = yield* Effect.fromResult(toHostConfig(request))
            const command: HostCommand = { _tag: "Add", config, acceptNew: acceptNew ?? false }
            return yield* execute(config.name, command, commandId === undefined ? {} : { commandId })
          })
        ),
      edit: ({ params: { name }, payload: { commandId, ...edit } }) =>
        answer(
          Effect.gen(function* () {
            const host = yield* existing(name)
            const config = yield* Effect.fromResult(editHostConfig(hostConfig(host), edit))
            const given = commandId === undefined ? {} : { commandId }
            return yield* execute(name, { _tag: "Edit", config }, given, JSON.stringify(edit))
          })
        ),
      remove: ({ params: { name } }) =>
        answer(
          Effect.gen(function* () {
            yield* existing(name)
            const tasks = (yield* models.host(name))?.tasks
            const open = (tasks?.queued ?? 0) + (tasks?.active ?? 0)
            if (open > 0)
              return yield* Effect.fail(
                new Rejected({
                  detail: `${name} has ${open} ${open === 1 ? "task" : "tasks"} that ${open === 1 ? "has" : "have"} not ended. Kill them or wait: task list --host ${name}.`
                })
              )
            return yield* execute(name, { _tag: "Remove" })
          })
        ),
      check: ({ params: { name }, payload }) =>
        answer(
          Effect.gen(function* () {
            yield* existing(name)
            const { position } = yield* execute(name, { _tag: "RequestCheck" }, payload)
            yield* visited(name, position, ["HostChecked"])
            return yield* shown(name)
          })
        ),
      prepare: ({ params: { name }, payload: { replace, ...given } }) =>
        answer(
          Effect.gen(function* () {
            const host = yield* existing(name)
            if (address.tls === null && host.kind !== "local")
              return yield* Effect.fail(
                new Rejected({
                  detail: `This hub serves its own machine only, so no agent could reach it from ${name}. Start it with SIGNALBOX_HTTP_HOST set to an address that the host reaches.`
                })
              )
            const { sha256 } = yield* Effect.mapError(
              installer.installable,
              (error) => new Unavailable({ detail: error.message })
            )
            const from =
              host.kind === "local" || address.tls === null ? { url: address.url, fingerprint: null } : address.tls
            const wish = { url: from.url, fingerprint: from.fingerprint, script: sha256, replace: replace ?? false }
            const { position } = yield* execute(
              name,
              { _tag: "RequestPrepare", wish },
              given,
              JSON.stringify({ replace })
            )
            const event = yield* visited(name, position, ["HostPrepared", "HostPrepareFailed"], prepareTimeout)
            const said = Result.getOrUndefined(hostEvents.decode(event))
            if (said?._tag === "HostPrepareFailed") return yield* Effect.fail(new Rejected({ detail: said.reason }))
            return { said: said?._tag === "HostPrepared" ? said.said : [], position: event.position }
          })
        ),
      acceptKey: ({ params: { name }, payload: { replace, ...given } }) =>
        answer(
          Effect.gen(function* () {
            yield* existing(name)
            const command: HostCommand = { _tag: "AcceptKey", replace: replace ?? false }
            const { position } = yield* execute(name, command, given)
            const event = yield* visited(name, position, ["HostKeyPinned", "HostKeyRefused"])
            const result = yield* shown(name)
            if (event.type === "HostKeyRefused")
              return yield* Effect.fail(
                new Rejected({ detail: result.host.keyProblem ?? `The key of ${name} could not be pinned.` })
              )
            return result
          })
        )
    })
  })
)

const missing = (name: string) =>
  Effect.fail(new NotFound({ what: name, detail: `There is no host ${name}. See host list.` }))
