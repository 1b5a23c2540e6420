/** Plans over the line protocol: a real worker carries them out, agents answer by the log. */
import { randomUUID } from "node:crypto"
import { duplexPair } from "node:stream"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { ConversationFeedLive } from "@signalbox/core/conversation/ConversationFeedLive.ts"
import { ConversationsLive } from "@signalbox/core/conversation/ConversationsLive.ts"
import { LiveTextLive } from "@signalbox/core/conversation/LiveTextLive.ts"
import { shortCode } from "@signalbox/core/plan/code.ts"
import { PlanOutcomes } from "@signalbox/core/plan/PlanOutcomes.ts"
import { Plans } from "@signalbox/core/plan/Plans.ts"
import { PlanTail } from "@signalbox/core/plan/PlanTail.ts"
import { makeFleet, member, runAgents } from "../../../../test/support/fleet.ts"
import { adminToken, RoomsTest, TokensTest } from "../../../../test/support/hub.ts"
import { NoModels } from "../../../../test/support/no-models.ts"
import { CatalogPlain } from "../../../../test/support/catalog-plain.ts"
import { until } from "../../../../test/support/until.ts"
import { runWorker, workerServices } from "@signalbox/worker/Worker.ts"
import type { Peer } from "./Peer.ts"
import { runSession } from "./session.ts"
import { makeWire } from "./wire.ts"

const fleet = makeFleet([member("web1", { tags: ["web"] }), member("web2", { tags: ["web"] }), member("db1")])
const services = Layer.mergeAll(
  TokensTest,
  ConversationFeedLive.pipe(Layer.provide(LiveTextLive)),
  ConversationsLive,
  Plans.layer,
  PlanOutcomes.layer("hub"),
  PlanTail.layer
).pipe(Layer.provideMerge(fleet.layer), Layer.provideMerge(RoomsTest))

const startWorker = Effect.forkScoped(
  runWorker.pipe(
    Effect.provide(
      workerServices({ name: randomUUID(), fleet: fleet.layer }).pipe(
        Layer.provideMerge(Layer.merge(NoModels, CatalogPlain))
      )
    )
  )
)

const peer: Peer = {
  address: "198.51.100.7",
  port: 40_000,
  connectedAt: "2026-11-21T00:00:00.000Z",
  trusted: false,
  tls: { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" },
  account: undefined
}
const limits = { line: 65_536, ahead: 64, perSecond: 1_000, burst: 1_000, stallMs: 5_000 }

/** Signed in. Each command is answered with what was said until the next prompt. */
const visit = Effect.gen(function* () {
  const [here, there] = duplexPair()
  let seen = ""
  there.on("data", (chunk: Buffer) => (seen += chunk.toString()))
  yield* Effect.forkScoped(runSession(makeWire(here, limits), peer, "1.2.3"))
  const prompt = until(
    `a prompt after ${JSON.stringify(seen)}`,
    Effect.sync(() => /(?:^|\n)> $/u.test(seen))
  )
  const asks = (line: string) =>
    Effect.suspend(() => {
      seen = ""
      there.write(`${line}\n`)
      return Effect.map(prompt, () => seen)
    })
  yield* prompt
  yield* asks(`AUTH ${Redacted.value(adminToken)}`)
  return { asks }
})
const idIn = (text: string): string => /p-[0-9]{8}-[0-9A-Z]{6}/u.exec(text)?.[0] ?? "none"

describe("a client that has signed in", () => {
  it.live("gives instructions: what reads is answered at once, what acts waits for a yes to what was shown", () =>
    Effect.gen(function* () {
      yield* startWorker
      const agents = yield* runAgents((command) =>
        command.action === "system.usage"
          ? { summary: "12 % CPU.", data: { cpu: 12, evil: "\u001b[2J\u0007red" } }
          : command.purpose === "act"
            ? { summary: `restarted on ${command.host}`, proven: true }
            : {}
      )
      const { asks } = yield* visit
      assert.match(yield* asks("PLANS"), /no plans yet/u)
      assert.match(yield* asks("DO"), /Say what is to be done/u)

      const read = yield* asks("do show cpu usage on db1")
      assert.match(read, /db1: succeeded(?:, proven)?\. 12 % CPU\.\n {4}cpu: 12\n/u)
      assert.match(read, /p-\S+ succeeded\n> $/u)
      assert.notInclude(read, "\u001b")
      assert.notInclude(read, "\u0007")

      const proposed = yield* asks("DO restart nginx on all web servers")
      const id = idIn(proposed)
      assert.match(proposed, /1\. service\.restart nginx\.service on web1 web2 {2}\[\w+: restart a service/u)
      assert.include(proposed, `APPROVE ${id}`)
      const done = yield* asks(`APPROVE ${id}`)
      assert.include(done, `${id} is approved.`)
      for (const host of ["web1", "web2"]) assert.include(done, `${host}: succeeded, proven. restarted on ${host}`)
      assert.include(done, `${id} succeeded`)
      assert.match(yield* asks("PLANS"), new RegExp(`${id} {2}succeeded`, "u"))
      assert.match(yield* asks(`APPROVE ${id}`), /succeeded/u)
      const acts = [...agents.reached.values()]
      assert.isTrue(acts.every((count) => count === 1))
    }).pipe(Effect.provide(services))
  )

  it.live(
    "approves nothing that was not shown on its connection, types the code of what is critical, and may refuse",
    () =>
      Effect.gen(function* () {
        yield* startWorker
        yield* runAgents((command) => (command.purpose === "act" ? { proven: true } : {}))
        const first = yield* visit
        const id = idIn(yield* first.asks("DO reboot db1"))
        const second = yield* visit
        const shown = yield* second.asks(`APPROVE ${id}`)
        assert.match(shown, /system\.reboot on db1/u)
        assert.match(shown, /Look at it, then say APPROVE again\./u)
        const { hash = "", status } = yield* (yield* Plans).load(id)
        assert.strictEqual(status, "proposed")
        assert.match(yield* second.asks(`APPROVE ${id}`), /typing the short code/u)
        assert.match(yield* second.asks(`APPROVE ${id} 0000-0000`), /is not it/u)
        assert.include(shown, `APPROVE ${id} ${shortCode(hash)}`)
        assert.include(yield* second.asks(`APPROVE ${id} ${shortCode(hash)}`), `${id} succeeded`)

        const other = idIn(yield* first.asks("DO restart nginx on web1"))
        assert.include(yield* second.asks(`REJECT ${other} not now`), `${other} is rejected.`)
        assert.match(yield* first.asks(`APPROVE ${other}`), /cannot be approved any more/u)
        assert.match(yield* first.asks("APPROVE p-20260101-AAAAAA"), /There is no plan p-20260101-AAAAAA/u)
        assert.match(yield* first.asks("REJECT nonsense"), /There is no plan nonsense/u)
        const unclear = yield* first.asks("DO make everybody happy")
        assert.match(unclear, /phrasebook does not know this/u)
      }).pipe(Effect.provide(services))
  )
})
