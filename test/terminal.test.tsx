import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { HubAddress } from "@signalbox/hub/HubAddress.ts"
import { connect } from "@signalbox/tui/Hub.ts"
import { Screen } from "@signalbox/tui/Screen.tsx"
import { Session } from "@signalbox/tui/Session.ts"
import { Store } from "@signalbox/tui/store.ts"
import { keys, open } from "@signalbox/tui/testing/screen.ts"
import { adminToken, HubTest } from "./support/hub.ts"

/** The screen on a whole hub; closed with the scope. */
const openScreen = Effect.gen(function* () {
  const { url } = yield* HubAddress
  const told: Array<string> = []
  const store = new Store()
  const acts = connect({ baseUrl: url, token: adminToken, store, tell: (sentence) => told.push(sentence) })
  const session = new Session({ store, acts })
  const screen = yield* Effect.acquireRelease(
    Effect.promise(() => open(<Screen session={session} attach={() => Promise.resolve()} />, 120, 30)),
    (opened) =>
      Effect.promise(async () => {
        await opened.close()
        session.stop()
        await acts.close()
      })
  )
  return { screen, told }
})

describe("the terminal on a real hub", () => {
  it.live("shows the tasks there are, makes, kills and retries, adds a host, and shows each event of it", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      for (const n of [1, 2, 3])
        yield* hub.tasks.create({ payload: { host: "local", tool: "shell", command: `echo number ${n}` } })
      const { screen, told } = yield* openScreen
      const see = (test: RegExp) => Effect.promise(() => screen.until((text) => test.test(text)))
      const press = (...all: ReadonlyArray<string>) => Effect.promise(() => screen.press(...all))

      yield* see(/● live 3[\s\S]*3 tasks · queued 3/u)
      yield* press("c", keys.tab, keys.tab, "echo from the form", keys.ctrlS)
      yield* see(/> ◌ task-.*echo from the form[\s\S]*4 tasks/u)
      yield* press("x", "y")
      yield* see(/> ◼ task-.*killed/u)
      yield* press("r")
      yield* see(/> ◌ task-.*echo from the form[\s\S]*5 tasks/u)
      assert.lengthOf((yield* hub.tasks.list({ query: {} })).tasks, 5)

      yield* press("c", keys.tab, keys.tab, "later", keys.tab, keys.tab, keys.tab, keys.tab)
      yield* press("task-20261120-120000-abc123", keys.ctrlS)
      yield* see(/✗ There is no task task-20261120-120000-abc123/u)
      yield* press(keys.escape, keys.escape)

      yield* press("3", "c", "web9", keys.tab, "192.0.2.1", keys.ctrlS)
      yield* see(/> . web9 .*checking/u)
      yield* press("6")
      yield* see(/> .*host\/web9 +HostCheckRequested|> .*host\/web9 +HostAdded/u)
      const { head } = yield* hub.log.page({ query: { limit: 1 } })
      yield* see(new RegExp(`● live ${head}`, "u"))
      screen.assertCalm()
      assert.deepStrictEqual(told, [])
    }).pipe(Effect.scoped, Effect.provide(HubTest))
  )

  it.live("takes an instruction in words, shows what the hub makes of it, and keeps it as a plan", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { screen, told } = yield* openScreen
      const see = (test: RegExp) => Effect.promise(() => screen.until((text) => test.test(text), 20_000))
      const press = (...all: ReadonlyArray<string>) => Effect.promise(() => screen.press(...all))

      yield* see(/● live/u)
      yield* press("4")
      yield* see(/No plans yet\. Press i and say what is to be done\./u)
      yield* press("i", "restart nginx on web1", keys.enter)
      yield* see(/> restart nginx on web1 [\s\S]*No host has an agent yet/u)
      yield* press(keys.escape)
      yield* see(/> ✗ \S+ unclear .*restart nginx on web1[\s\S]*1 plan/u)
      // The read model may not have it yet; the log has.
      const { events } = yield* hub.log.page({ query: { from: 1, limit: 10 } })
      const planId = events.find((event) => event.type === "InstructionGiven")?.stream.slice("plan/".length) ?? ""
      const { plan } = yield* hub.plans.get({ params: { planId } })
      assert.deepStrictEqual([plan.text, plan.dryRun, plan.status], ["restart nginx on web1", true, "not-understood"])
      screen.assertCalm()
      assert.deepStrictEqual(told, [])
    }).pipe(Effect.scoped, Effect.provide(HubTest))
  )
})
