/** Conversations with whole processes: hub, workers and a model's server that speaks the provider's protocol. */
import { assert, describe, it, onTestFinished } from "@effect/vitest"
import { Schema } from "effect"
import postgres from "postgres"
import { freshDatabase } from "../support/database.ts"
import { answerOf, reply } from "../support/providers/script.ts"
import { type StandIn, startProvider } from "../support/providers/stand-in.ts"
import { dispose, type Home, makeHome, signalbox, startHub, startWorker, until } from "../support/signalbox.ts"
import { begin, decide, eventsOf, follow, happened, regenerate, send } from "./support.ts"

const model = "openai/gpt-4"

const world = async (run: (home: Home, provider: StandIn, database: string) => Promise<void>): Promise<void> => {
  const provider = await startProvider("openai")
  const database = await freshDatabase()
  const home = await makeHome({ database, env: provider.env })
  try {
    await startHub(home)
    await run(home, provider, database)
  } finally {
    await dispose(home)
    await provider.close()
  }
}

// At once: each has its own home and database and mostly waits for what the dead one held to expire.
describe("a worker that dies", { concurrent: true }, () => {
  it("in the middle of a reply: what had come is kept, nobody is asked twice, and it can be written anew", async () => {
    await world(async (home, provider, database) => {
      const first = await startWorker(home)
      const { conversationId, version } = await begin(home, model, "say 300 words every 400")
      const screen = await follow(home, conversationId, version + 1)
      await until("it streams", 60_000, async () => (screen.text.includes("word20 ") ? true : undefined))
      await first.kill9()
      const seen = screen.text
      await startWorker(home)
      const failed = await happened(home, conversationId, "ReplyFailed", 1, 60_000)
      assert.strictEqual(failed.data["kind"], "worker-died")
      const kept = String(failed.data["text"])
      assert.isTrue(kept.startsWith("word1 word2 "))
      // what is stored lags behind what is shown by a quarter of a second, on a busy machine by more: a hundred characters take five
      assert.isAbove(kept.length, seen.length - 100)
      assert.lengthOf(provider.requests, 1)
      assert.strictEqual(provider.requests[0]?.ended, "given-up")
      await unknownEverywhere(home, database, conversationId)
      provider.next(reply("anew and whole"))
      await regenerate(home, conversationId)
      const done = await happened(home, conversationId, "ReplyCompleted")
      assert.strictEqual(done.data["text"], "anew and whole")
      assert.lengthOf(provider.requests, 2)
      await until("the screen has all of it", 60_000, async () =>
        screen.text.endsWith("anew and whole") && screen.types.includes("ReplyCompleted") ? true : undefined
      )
      screen.stop()
    })
  })

  it("before it has claimed the reply: the next one simply writes it", async () => {
    await world(async (home, provider, database) => {
      const sql = postgres(database, { max: 1, onnotice: () => {} })
      try {
        const first = await startWorker(home)
        const warm = await begin(home, model, "say 1 words")
        await happened(home, warm.conversationId, "ReplyCompleted")
        // the turn is somebody's who died: the job has been fetched and waits for its turn
        const { conversationId } = await begin(home, model, "hello", { first: undefined })
        await sql`insert into queue.lease (name, holder, epoch, expires_at)
          values (${`reply/${conversationId}`}, 'dead', 1, now() + interval '25 seconds')`

        await send(home, conversationId, "say 3 words")
        await until("the job is in the first worker's hands", 60_000, async () => {
          const [row] = await sql`select count(*)::int as n from pgboss.job
            where name = 'conversation.reply' and state = 'active'`
          return row?.["n"] === 1 ? true : undefined
        })
        await first.kill9()
        assert.lengthOf(provider.requests, 1)
        await startWorker(home)
        const done = await happened(home, conversationId, "ReplyCompleted", 1, 60_000)
        assert.strictEqual(done.data["text"], "word1 word2 word3")
        assert.lengthOf(provider.requests, 2)
      } finally {
        await sql.end()
      }
    })
  })

  it("by TERM lets its reply finish first", async () => {
    await world(async (home, provider) => {
      const first = await startWorker(home)
      const { conversationId, version } = await begin(home, model, "say 40 words every 50")
      const screen = await follow(home, conversationId, version + 1)
      await until("it streams", 60_000, async () => (screen.text === "" ? undefined : true))
      await first.stop()
      const done = await happened(home, conversationId, "ReplyCompleted")
      assert.isTrue(String(done.data["text"]).endsWith(" word40"))
      assert.lengthOf(provider.requests, 1)
      screen.stop()
    })
  })
})

/** What the dead worker's call took, nobody knows: it is told so, and never as nothing. */
const unknownEverywhere = async (home: Home, database: string, id: string): Promise<void> => {
  const { value: shown } = await until("the reply's end is in the list", 60_000, async () => {
    const { stdout } = await signalbox(home, "conversation", "show", id)
    return /^state +idle$/mu.test(stdout) ? stdout : undefined
  })
  assert.match(shown, /^tokens +unknown$/mu)
  assert.match(shown, /^cost +unknown$/mu)
  assert.match(shown, /^\*tokens and price unknown\*$/mu)
  assert.notMatch(shown, /\$0|\b0 in\b/u)
  const { conversation } = (await signalbox(home, "conversation", "show", id, "--json")).json(
    Schema.Struct({ conversation: Schema.Record(Schema.String, Schema.Unknown) })
  )
  const { inputTokens, outputTokens, costUsd, uncounted } = conversation
  assert.deepStrictEqual([inputTokens, outputTokens, costUsd, uncounted], [null, null, null, 1])
  const sql = postgres(database, { max: 1, onnotice: () => {} })
  try {
    const views = ["report.conversations", "report.daily_usage"]
    for (const view of views) {
      const rows =
        await sql`select input_tokens, output_tokens, cost_usd, unpriced::int, uncounted::int from ${sql(view)}`
      const unknown = { input_tokens: null, output_tokens: null, cost_usd: null, unpriced: 0, uncounted: 1 }
      assert.deepStrictEqual([...rows], [unknown], view)
    }
  } finally {
    await sql.end()
  }
}

describe("two workers", () => {
  it("write ten replies at once, none crossed, each seen alike through two hubs, and start an approved task once though one is killed", async () => {
    await world(async (home, provider, database) => {
      const [first] = [await startWorker(home), await startWorker(home)]
      const second = await makeHome({ database, env: provider.env })
      onTestFinished(() => dispose(second))
      await startHub(second)
      const gate = Promise.withResolvers<void>()
      const words = (n: number) => Array.from({ length: 30 + n }, (_, i) => `talk${n}.${i + 1}`).join(" ")
      provider.otherwise((asked) => {
        const n = /^talk (\d)$/u.exec(asked.messages.at(-1)?.text ?? "")?.[1]
        return n === undefined
          ? answerOf(asked)
          : reply(words(Number(n)), { everyMs: 5, gate: { after: 20, open: gate.promise } })
      })
      const talks = await Promise.all(Array.from({ length: 10 }, (_, n) => begin(home, model, `talk ${n}`)))
      const followers = (of: Home) => Promise.all(talks.map((one) => follow(of, one.conversationId, one.version + 1)))
      const inTheMiddle = (screens: Awaited<ReturnType<typeof followers>>) =>
        until("all ten stream", 60_000, async () =>
          screens.every((screen, n) => screen.text.endsWith(`talk${n}.20`)) ? true : undefined
        )
      const screens = await followers(home)
      await inTheMiddle(screens)
      // who comes later, and through another hub, is told from the reply's first word on
      const others = await followers(second)
      await inTheMiddle(others)
      gate.resolve()
      for (const [n, one] of talks.entries()) {
        const done = await happened(home, one.conversationId, "ReplyCompleted", 1, 60_000)
        assert.strictEqual(done.data["text"], words(n))
        for (const screen of [screens[n], others[n]]) {
          await until(`a screen of talk ${n} has heard of its end`, 20_000, async () =>
            screen?.types.includes("ReplyCompleted") === true ? true : undefined
          )
          assert.strictEqual(screen?.text, words(n))
          screen?.stop()
        }
      }
      assert.lengthOf(provider.requests, 10)

      const args = JSON.stringify({ host: "local", tool: "shell", command: "echo hello" })
      const { conversationId } = await begin(home, model, `call start_task ${args}`)
      const step = await happened(home, conversationId, "ReplyStepped")
      const callId = (step.data["calls"] as ReadonlyArray<{ callId: string }>)[0]?.callId ?? ""
      await decide(home, conversationId, callId, true)
      await first?.kill9()
      const done = await happened(home, conversationId, "ReplyCompleted", 1, 60_000)
      const types = (await eventsOf(home, conversationId)).map((event) => event.type)
      assert.lengthOf(
        types.filter((type) => type === "ToolAnswered"),
        1
      )
      const taskId = /task-[0-9-]+-[a-z0-9]{6}/u.exec(String(done.data["text"]))?.[0]
      assert.isDefined(taskId)
    })
  })
})
