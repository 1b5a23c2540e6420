/** How a reply ends that does not end well, as people read it: on the screen and on the bridge at once, by real processes. */
import { assert, describe, it, onTestFinished } from "@effect/vitest"
import postgres from "postgres"
import { freshDatabase } from "../support/database.ts"
import { freePort } from "../support/free-port.ts"
import type { LineClient } from "../support/line-client.ts"
import type { Pane } from "../support/pane.ts"
import { type Answer, fault, reply } from "../support/providers/script.ts"
import { type StandIn, startProvider } from "../support/providers/stand-in.ts"
import { dispose, type Home, makeHome, rolesOf, signalbox, startHub, startWorker, until } from "../support/signalbox.ts"
import { onBridge, openNewest } from "./terminals.ts"

const model = "openai/gpt-5"

/** One conversation, seen by both: what is said on the bridge stands on the screen. */
const world = async (
  run: (seen: {
    readonly home: Home
    readonly database: string
    readonly provider: StandIn
    readonly tui: Pane
    readonly bridge: LineClient
  }) => Promise<void>
): Promise<void> => {
  const provider = await startProvider("openai")
  const database = await freshDatabase()
  const home = await makeHome({
    database,
    env: { ...provider.env, SIGNALBOX_BRIDGE_PORT: String(await freePort()) }
  })
  try {
    const made = await signalbox(home, "cert")
    assert.strictEqual(made.code, 0, made.stderr)
    await startHub(home)
    await startWorker(home)
    const used = await signalbox(home, "model", "use", model)
    assert.strictEqual(used.code, 0, used.stderr)
    const bridge = await onBridge(home)
    bridge.send("IA\n")
    await bridge.until("IA> ")
    bridge.send("we begin here\n")
    await bridge.until(/You said: we begin here[\s\S]*IA> /u)
    const tui = await openNewest(home, "ends-tui", /we begin here/u)
    try {
      await run({ home, database, provider, tui, bridge })
    } finally {
      await tui.stop()
      await bridge.close()
    }
  } finally {
    await dispose(home)
    await provider.close()
  }
}

interface Ending {
  readonly answer: Answer
  /** What had arrived. */
  readonly kept: string
  /** What the bridge says of it, and the screen. */
  readonly bridge: string
  readonly screen: string
}

/** Both parts, in this order; of the screen, whose lines are wrapped and pushed in. */
const words = (...parts: ReadonlyArray<string>): RegExp =>
  new RegExp(
    parts
      .map((part) =>
        part
          .split(" ")
          .map((word) => word.replaceAll(/[.()$]/gu, "\\$&"))
          .join("\\s+")
      )
      .join("\\s[\\s\\S]*"),
    "u"
  )

const broken = "The answer of OpenAI broke off before its end. What had come is kept; send again for a whole one."
const gone = "OpenAI does not have the model gpt-5, or not for this account. Choose another one (model list)."
const used =
  "OpenAI says that the account of OPENAI_API_KEY has used up its credit or quota. Raise it with the provider, or choose another model."
const died =
  "The worker died while the model was speaking. What had arrived is kept, and the model was not asked again; write the reply anew if you want it."

const endings: ReadonlyArray<Ending> = [
  {
    answer: reply("a long tale that never", { stop: "length" }),
    kept: "a long tale that never",
    bridge: "(The reply was cut: the model stopped at its limit of length. Ask it to go on.)",
    screen: "… cut: the model stopped at its limit of length; ask it to go on"
  },
  {
    answer: reply("first you take the", { stop: "safety" }),
    kept: "first you take the",
    bridge: "(The provider stopped the reply for safety reasons.)",
    screen: "… stopped by the provider's safety rules"
  },
  {
    answer: reply("apples pears plums and cherries", { cut: { after: 3, how: "end" } }),
    kept: "apples pears plums",
    bridge: broken,
    screen: `✗ failed: ${broken} what had arrived is above; r asks again`
  },
  { answer: fault("no-model"), kept: "", bridge: gone, screen: `✗ failed: ${gone}` },
  { answer: fault("quota"), kept: "", bridge: used, screen: `✗ failed: ${used}` }
]

describe("a reply that does not end well is told on the screen and on the bridge, with what had arrived:", () => {
  it("cut, stopped for safety, broken off, model gone, quota used up", async () => {
    await world(async ({ provider, tui, bridge }) => {
      for (const [n, { answer, kept, bridge: wanted, screen }] of endings.entries()) {
        const before = provider.requests.length
        provider.next(answer)
        bridge.send(`question ${n}\n`)
        assert.strictEqual(await bridge.until("IA> "), `${kept}\n${wanted}\nIA> `)
        await tui.until(words(`question ${n} ◆ gpt-5`, `${kept} ${screen}`.trim()), 20_000)
        assert.lengthOf(provider.requests, before + 1, "nobody is asked twice")
      }
    })
  })

  it("its worker was killed", async () => {
    await world(async ({ home, database, provider, tui, bridge }) => {
      const sql = postgres(database, { max: 1, onnotice: () => {} })
      onTestFinished(() => sql.end())
      const gate = Promise.withResolvers<void>()
      provider.next(reply("one two three four five", { gate: { after: 3, open: gate.promise } }))
      bridge.send("count\n")
      await bridge.until("one two three")
      await tui.until(/count\s[\s\S]*one two three/u)
      await until("it is stored", 60_000, async () =>
        (await sql`select 1 from live.chunk where text like '%three'`).length === 1 ? true : undefined
      )
      for (const role of rolesOf(home)) if (role.name.startsWith("worker")) await role.kill9()
      gate.resolve()
      await startWorker(home)
      assert.strictEqual(await bridge.until("IA> "), `\n${died}\nIA> `) // the text stands there since it came
      await tui.until(
        words("count ◆ gpt-5", `one two three ✗ failed: ${died} what had arrived is above; r asks again`),
        60_000
      )
      assert.lengthOf(provider.requests, 2)
    })
  })
})
