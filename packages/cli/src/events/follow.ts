/**
 * The log on stdout as it grows, one event per line.
 *
 * Invariant: what the connection lost is asked for again; a closed pipe ends it (bin.ts).
 */
import { Console, Effect, Result, Schema, Stream } from "effect"
import { streams } from "@signalbox/core/api/contract.ts"
import { follow as followStream } from "@signalbox/core/api/sse.ts"
import { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { HubConnection, withConnection } from "../client/HubConnection.ts"
import { cannotTell, Json, talk } from "../output.ts"
import { asJson, forPeople } from "./line.ts"
import type { EventFlags } from "./print.ts"

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(RecordedEvent))

export const follow = ({ from = 1, stream, type }: EventFlags) =>
  withConnection(
    Effect.gen(function* () {
      if (from < 1) return yield* Effect.fail(cannotTell("Positions begin at 1."))
      const { url, token } = yield* HubConnection
      const line = (yield* Json) ? asJson : forPeople
      const query = new URLSearchParams({
        ...(stream === undefined ? {} : { stream }),
        ...(type === undefined ? {} : { type }),
        from: String(from)
      })
      yield* followStream({ url: `${url}${streams.events}?${query}`, token }).pipe(
        Stream.runForEach((one) => {
          if (one._tag === "Down") return talk(`The hub is away (${one.reason}); waiting for it.`)
          const event = one._tag === "Frame" && one.frame.event !== "caught-up" ? decode(one.frame.data) : undefined
          return event !== undefined && Result.isSuccess(event) ? Console.log(line(event.success)) : Effect.void
        })
      )
    })
  )
