/** What a model knows of the past, by real processes: summaries within a long conversation, and of earlier ones in a new one. */
import { assert, describe, it, onTestFinished } from "@effect/vitest"
import postgres from "postgres"
import { freshDatabase } from "../support/database.ts"
import { type ProviderKind, type StandIn, startProvider } from "../support/providers/stand-in.ts"
import { dispose, type Home, makeHome, signalbox, signalboxWith, start, startHub, until } from "../support/signalbox.ts"
import { begin, eventsOf, happened, send, summarize } from "./support.ts"

interface World {
  readonly home: Home
  readonly database: string
  readonly providers: ReadonlyArray<StandIn>
}

const world = async (
  kinds: ReadonlyArray<ProviderKind>,
  env: Readonly<Record<string, string>> = {}
): Promise<World> => {
  const providers = await Promise.all(kinds.map((kind) => startProvider(kind)))
  const database = await freshDatabase()
  const home = await makeHome({ database, env: Object.assign({}, ...providers.map((one) => one.env), env) })
  onTestFinished(async () => {
    await dispose(home)
    await Promise.all(providers.map((one) => one.close()))
  })
  await startHub(home)
  return { home, database, providers }
}

const limit = 4_000
/** Says nothing of interest, at length. */
const chatter = (n: number) => `Remark ${n}. ${"Nothing much happens in this part of the talk. ".repeat(18)}`
const bytesOf = (provider: StandIn | undefined): number =>
  provider?.requests.at(-1)?.messages.reduce((sum, message) => sum + message.text.length, 0) ?? assert.fail("not asked")

describe("a long conversation", () => {
  it("is summarized when it passes SIGNALBOX_SUMMARY_BYTES, and a model of another provider still knows its beginning", async () => {
    const { home, providers } = await world(["openai", "anthropic", "gemini"], {
      SIGNALBOX_SUMMARY_BYTES: String(limit)
    })
    const [openai, anthropic, gemini] = providers
    const first = await start(home, "worker")
    const { conversationId: id } = await begin(home, "openai/gpt-5", "the code word is heron", { tools: false })
    await happened(home, id, "ReplyCompleted", 1)
    let said = 1
    const chat = async (times: number): Promise<void> => {
      for (let n = 0; n < times; n++) {
        await send(home, id, chatter(++said))
        await happened(home, id, "ReplyCompleted", said)
      }
    }
    await chat(3)
    const summary = await happened(home, id, "ConversationSummarized")
    assert.strictEqual(summary.data["reason"], "size")
    assert.strictEqual(summary.data["model"], "openai/gpt-5")
    assert.include(String(summary.data["text"]), "the code word is heron")
    const through = Number(summary.data["throughVersion"])
    const at = (await eventsOf(home, id)).filter((event) => event.version <= through).map((event) => event.type)
    assert.include(at, "MessageSent")
    assert.isBelow(through, summary.version)

    // another provider, and another worker: nothing is known but what is in the log
    await first.stop()
    await start(home, "worker")
    const ask = async (model: string) => {
      const asked = await signalbox(home, "chat", "--conversation", id, "--model", model, "what is the code word?")
      said++
      return [asked.code, asked.stdout]
    }
    assert.deepStrictEqual(await ask("anthropic/claude-sonnet-4-6"), [0, "The code word is heron.\n"])
    const told = anthropic?.requests.at(-1)?.messages ?? []
    assert.match(told[0]?.text ?? "", /^Summary of our conversation so far/u)
    assert.lengthOf(
      told.filter((message) => message.text === "the code word is heron"),
      0
    )
    assert.isBelow(bytesOf(anthropic), limit)

    // that one's turn to be summarized by the next one, the first summary with it
    await chat(4)
    const again = await happened(home, id, "ConversationSummarized", 2)
    assert.strictEqual(again.data["model"], "anthropic/claude-sonnet-4-6")
    assert.deepStrictEqual(await ask("gemini/gemini-2.5-flash"), [0, "The code word is heron.\n"])
    assert.isBelow(bytesOf(gemini), limit + 2_000)
    assert.isAbove(openai?.requests.length ?? 0, 0)

    // the originals stay readable and searchable
    const shown = await signalbox(home, "conversation", "show", id)
    assert.match(shown.stdout, /^the code word is heron$/mu)
    assert.include(shown.stdout, "Remark 2. ")
    const found = await signalbox(home, "conversation", "search", '"word is heron"')
    assert.match(found.stdout, new RegExp(`^${id} +\\d+ +user`, "mu"))
  })

  it("is not begun by a worker that was told nonsense: one sentence, which names the setting", async () => {
    const home = await makeHome({ database: "postgres://127.0.0.1:1/nobody" })
    onTestFinished(() => dispose(home))
    for (const [name, value, reason] of [
      ["SIGNALBOX_SUMMARY_BYTES", "plenty", "it must be an integer"],
      ["SIGNALBOX_SUMMARY_BYTES", "12", "it must be a value between 1000 and 100000000"],
      ["SIGNALBOX_SUMMARY_SHARE", "1.5", "it must be a value between 0.05 and 0.95"]
    ] as const) {
      const ended = await signalboxWith(home, { env: { [name]: value } }, "worker")
      assert.deepStrictEqual(
        [ended.code, ended.stdout, ended.stderr],
        [1, "", `error: The setting ${name} is wrong: ${reason}. Mend it in the environment or in .env.\n`]
      )
    }
  })
})

const many = 53
const carriedMost = 50
const thing = (n: number): string => `item ${"abcdefghij"[Math.floor(n / 10)]}${"abcdefghij"[n % 10]}`

describe("a new conversation", () => {
  it("knows the newest 50 summaries of its client when that is wanted, and none when it is not", async () => {
    const { home, database, providers } = await world(["openai"])
    const [openai] = providers
    await start(home, "worker")
    const model = "openai/gpt-5"
    const summaries = await Promise.all(
      Array.from({ length: many }, async (_, n) => {
        const { conversationId: id } = await begin(home, model, `the ${thing(n)} is v${n}`, { tools: false })
        await happened(home, id, "ReplyCompleted", 1, 120_000)
        await summarize(home, id)
        const { at, version, data } = await happened(home, id, "ConversationSummarized", 1, 120_000)
        return { id, n, at, version, text: String(data["text"]) }
      })
    )
    const sql = postgres(database, { max: 1, onnotice: () => {} })
    onTestFinished(() => sql.end())
    await until("all summaries can be read", 60_000, async () =>
      (await sql`select 1 from read.message where role = 'summary'`).length === many ? true : undefined
    )
    const newest = summaries
      .toSorted((a, b) => (`${a.at} ${a.id}` < `${b.at} ${b.id}` ? -1 : 1))
      .slice(many - carriedMost)
    const oldest = summaries.filter((one) => !newest.includes(one))
    const ask = async (n: number, ...flags: ReadonlyArray<string>) => {
      const asked = await signalbox(home, "chat", "--model", model, ...flags, `what is the ${thing(n)}?`)
      return [asked.code, asked.stdout, openai?.requests.at(-1)?.system ?? ""] as const
    }
    const [known, lost] = [newest[0]?.n ?? 0, oldest.at(-1)?.n ?? 0]
    const [, without, plain] = await ask(known)
    assert.strictEqual(without, `I do not know the ${thing(known)}.\n`)
    assert.notInclude(plain, "Summary of")

    const [code, answer, system] = await ask(known, "--carry")
    assert.deepStrictEqual([code, answer], [0, `The ${thing(known)} is v${known}.\n`])
    const told = [...system.matchAll(/^Summary of [\d-]+:\n(`{3,})\n([\s\S]*?)\n\1$/gmu)].map(([, , text]) => text)
    assert.deepStrictEqual(
      told,
      newest.map((one) => one.text)
    )
    assert.strictEqual((await ask(lost, "--carry"))[1], `I do not know the ${thing(lost)}.\n`)

    // and the log tells which they were
    const { stdout } = await signalbox(home, "conversation", "list", "--json")
    const id = /chat-\d{8}-\d{6}-[a-z0-9]{6}/u.exec(stdout)?.[0] ?? assert.fail(stdout)
    const begun = await happened(home, id, "ConversationStarted")
    assert.deepStrictEqual(
      begun.data["carried"],
      newest.map((one) => ({ conversationId: one.id, version: one.version, at: one.at, text: one.text }))
    )
  }, 240_000)
})
