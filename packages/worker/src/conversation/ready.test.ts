/** A reply that is made ready and claimed before anybody may ask for it. */
import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { recordConversation as record } from "../../../../test/support/conversed.ts"
import { until } from "../../../../test/support/until.ts"
import { Conversations } from "@signalbox/core/conversation/Conversations.ts"
import { conversationEvents, conversationStream } from "@signalbox/core/conversation/events.ts"
import { conversationDecider } from "@signalbox/core/conversation/room.ts"
import { tellSoon } from "@signalbox/core/conversation/soon.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import {
  makeModel,
  BaseTest,
  startWorker,
  by,
  begin,
  happened,
  isClaimed,
  holding
} from "../../../../test/support/answered.ts"

/** What a hub says of a message that it is about to write. */
const announcement = Effect.fnUntraced(function* (conversationId: string, text: string, replyId: string) {
  const { state, version } = yield* (yield* Commands).load(
    conversationDecider,
    conversationEvents,
    conversationStream(conversationId)
  )
  const events = Result.getOrThrow(conversationDecider.decide(state, { _tag: "Send", text, replyId }))
  return { after: version, actor: "person:ana", events: events.map(conversationEvents.encode) }
})

describe("a reply", () => {
  it.live("is made ready while its claim is on its way, and not asked before", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const talker = yield* makeModel
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("good morning")
      yield* happened(conversationId, "ReplyCompleted")
      const release = yield* holding((sql) => sql`lock table live.claim in share mode`)
      const before = talker.ready.length
      yield* (yield* Conversations).send(conversationId, { text: "and now?" }, by())
      yield* until(
        "its claim waits",
        Effect.map(
          db.query(
            "look for who waits",
            (sql) => sql`select 1 from pg_locks where relation = 'live.claim'::regclass and not granted`
          ),
          (rows) => rows.length > 0
        )
      )
      yield* until(
        "it is made ready",
        Effect.sync(() => talker.ready.length > before)
      )
      assert.lengthOf(talker.asked, 1, "nobody was asked without a claim")
      yield* release
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted", 2)).text, "You said: and now?")
      assert.lengthOf(talker.asked, 2)
      assert.strictEqual(talker.ready.length, before + 1, "what was made ready is what was asked")
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("that is announced is claimed beside its request, and asked for when that is in the log", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("good morning")
      yield* happened(conversationId, "ReplyCompleted")
      const replyId = randomUUID()
      // again and again: a worker that has not heard of the outcome yet lets it pass
      yield* until("it is claimed", Effect.andThen(tellSoon(conversationId, replyId), isClaimed(replyId)))
      assert.lengthOf(talker.asked, 1, "nobody was asked before the request")
      yield* record(conversationId, { _tag: "Send", text: "and now?", replyId })
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted", 2)).text, "You said: and now?")
      assert.lengthOf(talker.asked, 2)
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live(
    "that is announced with its words is made ready before they are in the log, and asked as it was made ready",
    () =>
      Effect.gen(function* () {
        const talker = yield* makeModel
        yield* startWorker("one", talker.layer)
        const { conversationId } = yield* begin("good morning")
        yield* happened(conversationId, "ReplyCompleted")
        const attempt = Effect.fnUntraced(function* (nth: number) {
          const replyId = randomUUID()
          const before = talker.ready.length
          const request = yield* announcement(conversationId, `and ${nth}?`, replyId)
          yield* until("it is claimed", Effect.andThen(tellSoon(conversationId, replyId, request), isClaimed(replyId)))
          yield* until(
            "it is made ready",
            Effect.sync(() => talker.ready.length > before)
          )
          assert.lengthOf(talker.asked, nth - 1, "nobody was asked before the request")
          yield* record(conversationId, { _tag: "Send", text: `and ${nth}?`, replyId })
          assert.strictEqual((yield* happened(conversationId, "ReplyCompleted", nth)).text, `You said: and ${nth}?`)
          assert.lengthOf(talker.asked, nth)
          return talker.asked[nth - 1] === talker.ready[before]
        })
        // word is good for two seconds, and a machine may take longer: then it is asked anew
        let nth = 2
        while (!(yield* attempt(nth))) assert.isBelow(++nth, 12, "what was made ready was never asked")
      }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("that was announced in other words is asked as it stands in the log", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("good morning")
      yield* happened(conversationId, "ReplyCompleted")
      const replyId = randomUUID()
      const before = talker.ready.length
      const lie = yield* announcement(conversationId, "sell everything", replyId)
      yield* until("it is claimed", Effect.andThen(tellSoon(conversationId, replyId, lie), isClaimed(replyId)))
      yield* until(
        "the lie is made ready",
        Effect.sync(() => talker.ready.length > before)
      )
      assert.strictEqual(talker.ready[before]?.messages.at(-1)?.text, "sell everything")
      yield* record(conversationId, { _tag: "Send", text: "and now?", replyId })
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted", 2)).text, "You said: and now?")
      assert.deepStrictEqual(
        talker.asked.map(({ messages }) => messages.at(-1)?.text),
        ["good morning", "and now?"]
      )
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("that is announced and never asked for holds nobody up and leaves no claim", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      yield* startWorker("one", talker.layer)
      yield* startWorker("two", talker.layer)
      const { conversationId } = yield* begin("good morning")
      yield* happened(conversationId, "ReplyCompleted")
      const [replyId, later] = [randomUUID(), randomUUID()]
      yield* until("it is claimed", Effect.andThen(tellSoon(conversationId, replyId), isClaimed(replyId)))
      yield* record(conversationId, { _tag: "Send", text: "another one", replyId: later })
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted", 2)).text, "You said: another one")
      yield* until(
        "its claim is given back",
        Effect.map(isClaimed(replyId), (claimed) => !claimed)
      )
      assert.lengthOf(talker.asked, 2)
      // by now its job may do it
      yield* record(conversationId, { _tag: "Send", text: "at last", replyId })
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted", 3)).text, "You said: at last")
      assert.lengthOf(talker.asked, 3)
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("that was made ready where it is another worker's turn is not asked there", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const talker = yield* makeModel
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("good morning")
      yield* happened(conversationId, "ReplyCompleted")
      const turn = `reply/${conversationId}`
      // the turn is given back after the outcome
      yield* until(
        "the turn is free",
        Effect.map(
          db.query(
            "look for the turn",
            (sql) => sql`select 1 from queue.lease where name = ${turn} and expires_at <= now()`
          ),
          (rows) => rows.length === 1
        )
      )
      const take = yield* holding(
        (sql) => sql`select 1 from queue.lease where name = ${turn} for update`,
        (sql) => sql`update queue.lease set holder = 'two', epoch = epoch + 1, expires_at = now() + interval '1 hour'
          where name = ${turn}`
      )
      const before = talker.ready.length
      yield* (yield* Conversations).send(conversationId, { text: "and now?" }, by())
      yield* until(
        "it is made ready while somebody takes the turn",
        Effect.sync(() => talker.ready.length > before)
      )
      yield* take
      yield* until(
        "its job waits for the turn",
        Effect.map(
          db.query(
            "look for the job",
            (sql) => sql`select 1 from pgboss.job where name = 'conversation.reply' and state = 'active'
              and data ->> 'conversationId' = ${conversationId}`
          ),
          (rows) => rows.length > 0
        )
      )
      assert.lengthOf(talker.asked, 1)
      yield* db.query(
        "give the turn back",
        (sql) => sql`update queue.lease set expires_at = now() where name = ${turn}`
      )
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted", 2)).text, "You said: and now?")
      assert.lengthOf(talker.asked, 2, "asked once, by whoever has the turn")
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )
})
