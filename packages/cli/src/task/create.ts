/** `task create`, `retry`, `resume`: making tasks from the command line. */
import { randomUUID } from "node:crypto"
import { Clock, Effect, Result, Schema, Stdio, Stream } from "effect"
import type { TaskRequest } from "@signalbox/core/api/contract.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { withHub } from "../client/hub.ts"
import { parseMoment } from "../client/time.ts"
import { answer, cannotTell } from "../output.ts"
import { waitForAll } from "./wait.ts"

/** What the flags of `task create` and `schedule add` say. */
export interface TaskFlags {
  readonly host: string
  readonly tool: string
  readonly command: string
  readonly params: string | undefined
  readonly context: string | undefined
  readonly cwd: string | undefined
  readonly env: Readonly<Record<string, string>>
  readonly envFrom: ReadonlyArray<string>
  readonly timeout: number | undefined
  readonly idleTimeout: number | undefined
  readonly priority: number | undefined
  readonly notify: ReadonlyArray<string>
}

const Params = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json))
const decodeParams = Schema.decodeUnknownResult(Params)

/** "-" as command is stdin. Nothing else is ever read from there. */
export const toRequest = Effect.fnUntraced(function* (flags: TaskFlags) {
  const params = flags.params === undefined ? undefined : decodeParams(flags.params)
  if (params !== undefined && Result.isFailure(params))
    return yield* Effect.fail(cannotTell(`--params must be a JSON object, such as '{"model":"sonnet"}'.`))
  const command = flags.command === "-" ? yield* stdin : flags.command
  const request: TaskRequest = {
    host: flags.host,
    tool: flags.tool,
    command,
    ...(params === undefined ? {} : { params: params.success }),
    ...(flags.context === undefined ? {} : { context: flags.context }),
    ...(flags.cwd === undefined ? {} : { cwd: flags.cwd }),
    ...(Object.keys(flags.env).length === 0 ? {} : { env: flags.env }),
    ...(flags.envFrom.length === 0 ? {} : { envFrom: flags.envFrom }),
    ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout }),
    ...(flags.idleTimeout === undefined ? {} : { idleTimeoutMs: flags.idleTimeout }),
    ...(flags.priority === undefined ? {} : { priority: flags.priority }),
    ...(flags.notify.length === 0 ? {} : { notify: flags.notify })
  }
  return request
})

/** All of it, as text. */
export const stdin = Effect.flatMap(Stdio.Stdio, (io) => io.stdin.pipe(Stream.decodeText, Stream.mkString)).pipe(
  Effect.mapError(() => cannotTell("Nothing could be read from stdin."))
)

export const create = (
  flags: TaskFlags & {
    readonly after: ReadonlyArray<string>
    readonly at: string | undefined
    readonly wait: boolean
  }
) =>
  withHub(
    Effect.gen(function* () {
      const startAt = flags.at === undefined ? undefined : parseMoment(flags.at, yield* Clock.currentTimeMillis, 1)
      if (startAt !== undefined && "problem" in startAt) return yield* Effect.fail(cannotTell(`${startAt.problem}.`))
      const request = yield* toRequest(flags)
      const hub = yield* HubClient
      const { taskId } = yield* hub.tasks.create({
        payload: {
          ...request,
          commandId: randomUUID(),
          ...(flags.after.length === 0 ? {} : { after: flags.after }),
          ...(startAt === undefined ? {} : { startAt: startAt.value })
        }
      })
      if (flags.wait) return yield* waitForAll([taskId])
      yield* answer({ taskId }, () => taskId)
    })
  )

export const retry = (taskId: string, wait: boolean) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const made = yield* hub.tasks.retry({ params: { taskId }, payload: { commandId: randomUUID() } })
      if (wait) return yield* waitForAll([made.taskId])
      yield* answer({ taskId: made.taskId }, () => made.taskId)
    })
  )

export const resume = (taskId: string, text: string, wait: boolean) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const said = text === "-" ? yield* stdin : text
      const made = yield* hub.tasks.resume({ params: { taskId }, payload: { commandId: randomUUID(), text: said } })
      if (wait) return yield* waitForAll([made.taskId])
      yield* answer({ taskId: made.taskId }, () => made.taskId)
    })
  )
