/** What the reports say was used, against what the providers' servers counted: whole processes, three protocols. */
import { assert, describe, it } from "@effect/vitest"
import postgres from "postgres"
import { freshDatabase } from "../support/database.ts"
import { fault, reply } from "../support/providers/script.ts"
import { startProvider } from "../support/providers/stand-in.ts"
import { dispose, makeHome, start, startHub, until } from "../support/signalbox.ts"
import { begin, follow, happened, interrupt, send } from "./support.ts"

const kinds = ["anthropic", "gemini", "openai"] as const
const refs = ["anthropic/claude-sonnet-4-6", "gemini/gemini-2.5-flash", "openai/gpt-4.1"] as const

interface Usage {
  readonly provider: string
  readonly model: string
  readonly calls: number
  readonly input: number
  readonly output: number
  readonly cached: number
  readonly written: number
  readonly reasoning: number
  readonly cost: number
  readonly unpriced: number
}

describe("daily usage", () => {
  it("agrees to the token with three providers, after ten conversations at once on two workers, with retries, breaks and an interruption", async () => {
    const servers = await Promise.all(kinds.map((kind) => startProvider(kind)))
    const database = await freshDatabase()
    const sql = postgres(database, { max: 1, onnotice: () => {} })
    const home = await makeHome({ database, env: Object.assign({}, ...servers.map((server) => server.env)) })
    try {
      await startHub(home)
      await Promise.all([start(home, "worker"), start(home, "worker")])
      const [anthropic, gemini, openai] = servers
      // a name is refused while the lists hold some providers and not yet its own
      await until("all three are listed", 60_000, async () => {
        const listed = await sql`select provider from model.catalog where provider = any(${[...kinds]})`
        return listed.length === kinds.length ? true : undefined
      })

      // ten at once; whoever comes first meets the trouble
      anthropic?.next(fault("overloaded"), reply("lost before its first word", { cut: { after: 0, how: "reset" } }))
      gemini?.next(reply("one two three four", { cut: { after: 2, how: "end" }, thinking: "hm hm" }))
      openai?.next(fault("rate-limit", 300))
      const ids = await Promise.all(
        Array.from({ length: 10 }, async (_, index) => {
          const model = refs[index % 3] ?? refs[0]
          return (await begin(home, model, `the number is n${index}. say 40 words every 10`)).conversationId
        })
      )
      const ended = await Promise.all(
        ids.map((id) =>
          Promise.race([happened(home, id, "ReplyCompleted", 1, 60_000), happened(home, id, "ReplyFailed", 1, 60_000)])
        )
      )
      assert.strictEqual(ended.filter((event) => event.type === "ReplyFailed").length, 1)

      // once more in the same conversations: Anthropic reads its cache
      await Promise.all(ids.map((id) => send(home, id, "what is the number?")))
      const second = await Promise.all(
        ids.map(async (id, index) => {
          const nth = ended[index]?.type === "ReplyCompleted" ? 2 : 1
          return String((await happened(home, id, "ReplyCompleted", nth, 60_000)).data["text"])
        })
      )
      assert.deepStrictEqual(
        second,
        ids.map((_, index) => `The number is n${index}.`)
      )

      // and one that a person stops: what Anthropic had counted by then is kept
      const stopped = await begin(home, refs[0], "say 400 words every 20")
      const screen = await follow(home, stopped.conversationId, stopped.version + 1)
      await until("it streams", 60_000, async () => (screen.text.includes("word5 ") ? true : undefined))
      await interrupt(home, stopped.conversationId)
      await happened(home, stopped.conversationId, "ReplyInterrupted")
      screen.stop()

      const usage = () => sql<Array<Usage>>`
        select provider, model, calls::int as calls, input_tokens::int as input, output_tokens::int as output,
          cached_input_tokens::int as cached, cache_write_tokens::int as written, reasoning_tokens::int as reasoning,
          cost_usd::float8 as cost, unpriced::int as unpriced
        from report.daily_usage order by provider`
      const { value: rows } = await until("the report has all calls", 60_000, async () => {
        const all = await usage()
        return all.reduce((sum, row) => sum + row.calls, 0) === 21 ? all : undefined
      })
      assert.lengthOf(rows, 3)
      for (const [index, row] of rows.entries()) {
        const counted = servers[index]?.counted().get(row.model)
        const { input, output, cached, cacheWrite, reasoning } = counted ?? assert.fail(`${row.model} was not asked`)
        assert.deepStrictEqual(
          [row.provider, row.input, row.output, row.cached, row.written, row.reasoning, row.unpriced],
          [kinds[index], input, output, cached, cacheWrite, row.provider === "anthropic" ? 0 : reasoning, 0]
        )
        assert.isAbove(row.cost, 0)
      }
      assert.isAbove(rows[0]?.cached ?? 0, 0)
    } finally {
      await sql.end()
      await dispose(home)
      await Promise.all(servers.map((server) => server.close()))
    }
  })
})
