/**
 * A worker that dies after it has claimed a reply on word of it, and before it has asked the model: real processes, and a database
 * that stops them where it has to be.
 *
 * The word of a reply comes before its request: while the append lock is held the worker can claim, and the request cannot be written.
 * The claim's row is held as well, so that the worker cannot give it back.
 */
import { assert, describe, it } from "@effect/vitest"
import postgres from "postgres"
import { freshDatabase } from "../support/database.ts"
import { type StandIn, startProvider } from "../support/providers/stand-in.ts"
import { dispose, type Home, makeHome, type Role, startHub, startWorker, until } from "../support/signalbox.ts"
import { begin, eventsOf, follow, happened, regenerate, send } from "./support.ts"

const model = "openai/gpt-4"

interface Between {
  readonly home: Home
  readonly provider: StandIn
  /** It has claimed the reply and waits for the request. */
  readonly worker: Role
  readonly conversationId: string
  readonly replyId: string
  /** Lets the request be written, and tells when the hub has answered. */
  readonly write: () => Promise<void>
  /** What the worker had on the way to the database meanwhile is not done; of one that is dead, nothing is. */
  readonly letClaimGo: (dead: boolean) => Promise<void>
}

/** Two replies are written before: the hub follows the conversation then, and gives word of the third. */
const written = 2

const betweenClaimAndRequest = async (run: (between: Between) => Promise<void>): Promise<void> => {
  const provider = await startProvider("openai")
  const database = await freshDatabase()
  const home = await makeHome({ database, env: provider.env })
  const sql = postgres(database, { max: 4, onnotice: () => {} })
  try {
    await startHub(home)
    const worker = await startWorker(home)
    const { conversationId, version } = await begin(home, model, "say 1 words")
    await happened(home, conversationId, "ReplyCompleted")
    const screen = await follow(home, conversationId, version + 1)
    await send(home, conversationId, "say 1 words")
    await until("the hub has heard the second reply's end", 60_000, async () =>
      screen.types.filter((type) => type === "ReplyCompleted").length === written ? true : undefined
    )
    assert.lengthOf(provider.requests, written)

    const word = Promise.withResolvers<string>()
    await sql.listen("signalbox_volatile", (text) => {
      const [topic, payload] = JSON.parse(text) as [string, ReadonlyArray<string>]
      if (topic === "reply-soon" && payload[0] === conversationId) word.resolve(payload[1] ?? "")
    })
    const [log, claim] = [await sql.reserve(), await sql.reserve()]
    await log`select pg_advisory_lock(5167001)`
    const sent = send(home, conversationId, "say 3 words")
    const replyId = await Promise.race([word.promise, sent.then(() => Promise.reject(new Error("no word was given")))])
    await until("the worker has claimed it", 60_000, async () => {
      await claim`begin`
      const rows = await claim`select 1 from live.claim where reply_id = ${replyId} and step = 1 for update`
      if (rows.length === 1) return true
      await claim`rollback`
      // the worker may have heard of it before it knew how the last reply had ended: word may come twice
      await sql`select pg_notify('signalbox_volatile', ${JSON.stringify(["reply-soon", [conversationId, replyId]])})`
      return undefined
    })
    await run({
      home,
      provider,
      worker,
      conversationId,
      replyId,
      write: async () => {
        await log`select pg_advisory_unlock(5167001)`
        await sent
      },
      letClaimGo: async (dead) => {
        await sql`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name = 'signalbox-talk' and (${dead} or wait_event_type = 'Lock')`
        await claim`rollback`
      }
    })
    screen.stop()
  } finally {
    await dispose(home)
    await sql.end({ timeout: 5 })
    await provider.close()
  }
}

/** It is over, once and with a reason, and nobody was asked; a person can have it written anew, once. */
const toldAndNeverAsked = async ({ home, provider, conversationId, replyId }: Between): Promise<void> => {
  const failed = await happened(home, conversationId, "ReplyFailed", 1, 90_000)
  assert.deepInclude(failed.data, { replyId, kind: "worker-died", text: "" })
  assert.include(String(failed.data["message"]), "The model was not asked again")
  assert.lengthOf(provider.requests, written)
  await regenerate(home, conversationId)
  const done = await happened(home, conversationId, "ReplyCompleted", written + 1, 60_000)
  assert.strictEqual(done.data["text"], "word1 word2 word3")
  const ends = (await eventsOf(home, conversationId)).filter(
    ({ type, data }) => /^Reply(Completed|Failed|Interrupted)$/u.test(type) && data["replyId"] === replyId
  )
  assert.lengthOf(ends, 1)
  assert.lengthOf(provider.requests, written + 1)
}

describe("a worker that has claimed a reply on word of it", () => {
  it("and dies before the request is written: the reply ends with that, and the model is not asked", async () => {
    await betweenClaimAndRequest(async (between) => {
      await between.worker.kill9()
      await between.letClaimGo(true)
      await between.write()
      await startWorker(between.home)
      await toldAndNeverAsked(between)
    })
  })

  it("and dies when the request is written, before it has asked: the same", async () => {
    await betweenClaimAndRequest(async (between) => {
      process.kill(between.worker.pid, "SIGSTOP")
      await between.write()
      await between.worker.kill9()
      await between.letClaimGo(true)
      await startWorker(between.home)
      await toldAndNeverAsked(between)
    })
  })

  it("and sleeps until another one has told of its death: it wakes up and asks nobody", async () => {
    await betweenClaimAndRequest(async (between) => {
      const { home, provider, worker, conversationId } = between
      process.kill(worker.pid, "SIGSTOP")
      await between.write()
      await startWorker(home)
      await happened(home, conversationId, "ReplyFailed", 1, 90_000)
      await between.letClaimGo(false)
      process.kill(worker.pid, "SIGCONT")
      await worker.stop() // lets everything end that it has begun
      assert.lengthOf(provider.requests, written)
      await toldAndNeverAsked(between)
    })
  })
})
