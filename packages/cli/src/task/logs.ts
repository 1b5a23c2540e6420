/**
 * A task's output on stdout, byte for byte.
 *
 * Invariants: raw bytes and nothing else without --json; when following, a break is bridged without a lost or doubled byte.
 */
import { Console, Effect, Option, Redacted, Result, Schema, Stream } from "effect"
import { streams } from "@signalbox/core/api/contract.ts"
import { follow } from "@signalbox/core/api/sse.ts"
import { writeBytes } from "../client/bytes.ts"
import { HubConnection } from "../client/HubConnection.ts"
import { withHub } from "../client/hub.ts"
import { cannotTell, failed, Json, talk } from "../output.ts"

export interface LogFlags {
  readonly taskId: string
  readonly follow: boolean
  readonly stream: "out" | "err"
  readonly tail: number | undefined
  readonly fromByte: number | undefined
}

export const logs = (flags: LogFlags) =>
  withHub(
    Effect.gen(function* () {
      if (flags.tail !== undefined && flags.fromByte !== undefined)
        return yield* Effect.fail(cannotTell("Give --tail or --from-byte, not both."))
      for (const [name, value] of [
        ["--tail", flags.tail],
        ["--from-byte", flags.fromByte]
      ] as const)
        if (value !== undefined && value < 0) return yield* Effect.fail(cannotTell(`${name} must not be negative.`))
      return yield* flags.follow ? following(flags) : whole(flags)
    })
  )

const queryOf = (flags: LogFlags): URLSearchParams => {
  const query = new URLSearchParams({ stream: flags.stream })
  if (flags.tail !== undefined) query.set("tail", String(flags.tail))
  if (flags.fromByte !== undefined) query.set("from", String(flags.fromByte))
  return query
}

const Problem = Schema.Struct({ detail: Schema.String })

const whole = Effect.fnUntraced(function* (flags: LogFlags) {
  const { url, token } = yield* HubConnection
  const response = yield* Effect.tryPromise({
    try: (signal) =>
      fetch(`${url}${streams.output(encodeURIComponent(flags.taskId))}?${queryOf(flags)}`, {
        signal,
        headers: { authorization: `Bearer ${Redacted.value(token)}` }
      }),
    catch: () => cannotTell("The hub does not answer. Is it running? signalbox up starts it.")
  })
  const body = response.body
  if (!response.ok || body === null) {
    const problem: unknown = yield* Effect.promise(() => response.json().catch(() => undefined))
    const detail = Schema.is(Problem)(problem) ? problem.detail : `The hub answered ${response.status}.`
    return yield* Effect.fail(response.status === 404 || response.status === 401 ? failed(detail) : cannotTell(detail))
  }
  const pieces = Stream.fromReadableStream({
    evaluate: () => body,
    onError: () => failed("The output was cut: the connection to the hub broke.")
  })
  if (!(yield* Json)) return yield* Stream.runForEach(pieces, writeBytes)
  const decoder = new TextDecoder()
  const text = yield* Stream.runFold(
    pieces,
    () => "",
    (all, piece) => all + decoder.decode(piece, { stream: true })
  )
  const header = (name: string) => response.headers.get(name) ?? ""
  yield* Console.log(
    JSON.stringify({
      taskId: flags.taskId,
      stream: flags.stream,
      status: header("x-task-status"),
      fromByte: Number(header("x-from-byte")),
      nextByte: Number(header("x-next-byte")),
      text: text + decoder.decode()
    })
  )
})

const Chunk = Schema.fromJsonString(Schema.Struct({ from: Schema.Int, base64: Schema.String }))
const End = Schema.fromJsonString(Schema.Struct({ status: Schema.String, exitCode: Schema.NullOr(Schema.Int) }))
const decodeChunk = Schema.decodeUnknownResult(Chunk)
const decodeEnd = Schema.decodeUnknownResult(End)

const following = Effect.fnUntraced(function* (flags: LogFlags) {
  const { url, token } = yield* HubConnection
  const json = yield* Json
  const decoder = new TextDecoder()
  const address = `${url}${streams.followOutput(encodeURIComponent(flags.taskId))}?${queryOf(flags)}`
  yield* follow({ url: address, token }).pipe(
    Stream.mapEffect((line) =>
      Effect.gen(function* () {
        if (line._tag === "Down") yield* talk(`The hub is away (${line.reason}); waiting for it.`)
        if (line._tag !== "Frame") return Option.none()
        const end = line.frame.event === "end" ? decodeEnd(line.frame.data) : undefined
        if (end !== undefined && Result.isSuccess(end)) {
          if (json) yield* Console.log(JSON.stringify(end.success))
          return Option.some(end.success)
        }
        const chunk = decodeChunk(line.frame.data)
        if (Result.isFailure(chunk)) return Option.none()
        const bytes = Buffer.from(chunk.success.base64, "base64")
        const fromByte = chunk.success.from
        if (!json) yield* writeBytes(bytes)
        else {
          const text = decoder.decode(bytes, { stream: true })
          yield* Console.log(JSON.stringify({ fromByte, nextByte: fromByte + bytes.length, text }))
        }
        return Option.none()
      })
    ),
    Stream.takeUntil(Option.isSome),
    Stream.runDrain
  )
})
