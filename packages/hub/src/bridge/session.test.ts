import { duplexPair } from "node:stream"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted } from "effect"
import { Fleet } from "@signalbox/core/agent/Fleet.ts"
import { ConversationFeedLive } from "@signalbox/core/conversation/ConversationFeedLive.ts"
import { ConversationsLive } from "@signalbox/core/conversation/ConversationsLive.ts"
import { LiveTextLive } from "@signalbox/core/conversation/LiveTextLive.ts"
import { Plans } from "@signalbox/core/plan/Plans.ts"
import { adminToken, RoomsTest, TokensTest } from "../../../../test/support/hub.ts"
import { until } from "../../../../test/support/until.ts"
import type { Peer } from "./Peer.ts"
import { runSession } from "./session.ts"
import { BridgeTimes } from "./state.ts"
import { makeWire } from "./wire.ts"

const services = Layer.mergeAll(
  TokensTest,
  ConversationFeedLive.pipe(Layer.provide(LiveTextLive)),
  ConversationsLive,
  Plans.layer
).pipe(Layer.provideMerge(Fleet.empty), Layer.provideMerge(RoomsTest))

/** A client on another machine. */
const afar: Peer = {
  address: "198.51.100.7",
  port: 40_000,
  connectedAt: "2026-11-21T00:00:00.000Z",
  trusted: false,
  tls: { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" },
  account: undefined
}
const limits = { line: 65_536, ahead: 64, perSecond: 100, burst: 100, stallMs: 5_000 }

const visit = Effect.gen(function* () {
  const [here, there] = duplexPair()
  let seen = ""
  there.on("data", (chunk: Buffer) => (seen += chunk.toString()))
  const session = yield* Effect.forkScoped(runSession(makeWire(here, limits), afar, "1.2.3"))
  const sees = (wanted: RegExp) =>
    until(
      `${wanted} was said`,
      Effect.sync(() => wanted.test(seen))
    )
  const asks = (line: string, wanted: RegExp) =>
    Effect.suspend(() => {
      seen = ""
      there.write(`${line}\n`)
      return sees(wanted)
    })
  return { session, sees, asks }
})

describe("a client from another machine", () => {
  it.live("may do nothing before it has signed in, and then what everybody may", () =>
    Effect.gen(function* () {
      const { sees, asks } = yield* visit
      yield* sees(/Sign in with AUTH token\.\n> /u)
      for (const line of [
        "IA",
        "LIST-MODELS",
        "CHANGE-MODEL x",
        "CHATS",
        "TASKS",
        "LOGS x",
        "RUN local shell id",
        "DO reboot web1",
        "APPROVE p"
      ])
        yield* asks(line, /is for those who have signed in/u)
      yield* asks("INFO", /Signed in: no, AUTH token is due/u)
      yield* asks(`AUTH ${Redacted.value(adminToken)}`, /signed in as local-admin/u)
      yield* asks("CHATS", /no conversations yet/u)
      yield* asks("TASKS", /no tasks yet/u)
    }).pipe(Effect.provide(services))
  )

  it.live("is sent away after five tokens that are not known, or when it does not sign in", () =>
    Effect.gen(function* () {
      const guesser = yield* visit
      yield* guesser.sees(/> /u)
      for (let n = 0; n < 4; n++) yield* guesser.asks(`AUTH sbx_${n}`, /not known here\.\n> /u)
      yield* guesser.asks("AUTH sbx_5", /not known here/u)
      assert.match(yield* Fiber.join(guesser.session), /Too many tokens/u)
      const silent = yield* visit
      assert.match(yield* Fiber.join(silent.session), /You said nothing/u)
    }).pipe(Effect.provide(services), Effect.provideService(BridgeTimes, { idleMs: 60_000, signInMs: 4_000 }))
  )
})
