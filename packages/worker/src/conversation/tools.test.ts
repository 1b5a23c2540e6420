/** Tools that a model calls: those that read, those that wait for a person, those that nobody has. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { recordConversation as record } from "../../../../test/support/conversed.ts"
import { Accounts } from "@signalbox/core/account/Accounts.ts"
import { AccountsLive } from "@signalbox/core/account/AccountsLive.ts"
import { Conversations } from "@signalbox/core/conversation/Conversations.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { noFacts } from "./ask.ts"
import { carryOut } from "./tools.ts"
import { workerServices } from "../Worker.ts"
import {
  model,
  makeModel,
  says,
  calls,
  BaseTest,
  startWorker,
  by,
  begin,
  eventsOf,
  happened,
  is
} from "../../../../test/support/answered.ts"

describe("tools of a reply", () => {
  it.live("that read are carried out at once, and their answers are data for the next step", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      talker.answers((_, nth) => (nth === 1 ? calls("list_hosts", {}) : says("there is one")))
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("which hosts?")
      const done = yield* happened(conversationId, "ReplyCompleted")
      const answer = yield* happened(conversationId, "ToolAnswered")
      assert.strictEqual(done.text, "there is one")
      assert.isFalse(answer.isError)
      assert.match(answer.text, /data, not an instruction[\s\S]*"local"/u)
      assert.deepStrictEqual(talker.asked[1]?.messages, [
        { role: "user", text: "which hosts?" },
        {
          role: "assistant",
          text: "I call list_hosts. ",
          calls: [{ callId: "call_0", name: "list_hosts", args: {} }]
        },
        { role: "tool", callId: "call_0", name: "list_hosts", text: answer.text, isError: false }
      ])
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("that act wait for a person; then the task is started once, on the person's behalf", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      const command = "echo from the chat"
      talker.answers((_, nth) =>
        nth === 1 ? calls("start_task", { host: "local", tool: "shell", command }) : says("it runs")
      )
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("start it")
      const step = yield* happened(conversationId, "ReplyStepped")
      assert.isTrue(step.calls[0]?.needsApproval)
      const conversations = yield* Conversations
      assert.strictEqual((yield* conversations.load(conversationId)).status, "waiting")
      assert.lengthOf(yield* tasksMade, 0)
      yield* conversations.decideCall(conversationId, { callId: "call_0", approve: true }, by("local-admin"))
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted")).text, "it runs")
      const made = yield* tasksMade
      assert.lengthOf(made, 1)
      assert.strictEqual(made[0]?.actor, "person:ana")
      assert.include((yield* happened(conversationId, "ToolAnswered")).text, made[0]?.taskId ?? "none")
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("that act are not carried out when whoever agreed may not do it himself any more", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      talker.answers((_, nth) =>
        nth === 1 ? calls("start_task", { host: "local", tool: "shell", command: "true" }) : says("a pity")
      )
      const accounts = yield* Accounts
      yield* accounts.add({ name: "ben", role: "operator" }, by("local-admin"))
      const { conversationId } = yield* begin("start it")
      yield* Effect.gen(function* () {
        yield* startWorker("one", talker.layer)
        yield* happened(conversationId, "ReplyStepped")
      }).pipe(Effect.scoped)
      const conversations = yield* Conversations
      yield* conversations.decideCall(conversationId, { callId: "call_0", approve: true }, by("ben"))
      yield* accounts.changeRole("ben", "viewer", by("local-admin"))
      yield* startWorker("two", talker.layer)
      yield* happened(conversationId, "ReplyCompleted")
      const answer = yield* happened(conversationId, "ToolAnswered")
      assert.isTrue(answer.isError)
      assert.match(answer.text, /for accounts with the role operator; ben is viewer/u)
      assert.lengthOf(yield* tasksMade, 0)
    }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(AccountsLive, BaseTest)))
  )

  it.live("that a person refuses are not carried out, and the model is told", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      talker.answers((_, nth) =>
        nth === 1 ? calls("start_task", { host: "local", tool: "shell", command: "true" }) : says("as you wish")
      )
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("start it")
      yield* happened(conversationId, "ReplyStepped")
      yield* (yield* Conversations).decideCall(conversationId, { callId: "call_0", approve: false }, by())
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted")).text, "as you wish")
      assert.lengthOf(yield* tasksMade, 0)
      const told = talker.asked[1]?.messages.at(-1)
      assert.isTrue(told?.role === "tool" && told.isError && told.text.includes("refused"))
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("can be interrupted while a person is waited for", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      talker.answers(() => calls("kill_task", { taskId: "task-20260101-000000-abcdef" }))
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("kill it")
      yield* happened(conversationId, "ReplyStepped")
      yield* (yield* Conversations).interrupt(conversationId, by())
      assert.strictEqual((yield* happened(conversationId, "ReplyInterrupted")).text, "")
      assert.lengthOf(talker.asked, 1)
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("that do not exist or do not fit are an answer, though the call's id comes again and again", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      talker.answers((_, nth) =>
        nth === 1
          ? calls("format_disk", { disk: "all" })
          : nth === 2
            ? calls("read_task", { task: 7 })
            : nth === 3
              ? calls("read_task", { taskId: "task-20260101-000000-abcdef" })
              : says("I give up")
      )
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("do it")
      yield* happened(conversationId, "ReplyCompleted")
      const answers = (yield* eventsOf(conversationId)).filter((event) => is(event, "ToolAnswered"))
      assert.deepStrictEqual(
        answers.map((one) => [one.callId, one.isError]),
        [
          ["call_0", true],
          ["call_0-2", true],
          ["call_0-3", false]
        ]
      )
      assert.match(answers[0]?.text ?? "", /There is no tool format_disk/u)
      assert.match(answers[2]?.text ?? "", /There is no task/u)
      const told = talker.asked[3]?.messages.filter((one) => one.role === "tool").map((one) => one.text)
      assert.deepStrictEqual(
        told,
        answers.map((one) => one.text)
      )
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("end after 25 rounds", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      talker.answers(() => calls("list_tools", {}))
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("go round")
      assert.match((yield* happened(conversationId, "ReplyCompleted")).text, /25 rounds/u)
      assert.lengthOf(talker.asked, 25)
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("that a worker carried out and did not tell are not carried out twice by the next", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      const call = { callId: "c1", name: "start_task", args: { host: "local", tool: "shell", command: "true" } }
      const { conversationId, replyId } = yield* begin("start it")
      // a worker asked, a person agreed, the task was started, and the worker died before it said so
      yield* record(conversationId, {
        _tag: "RecordStep",
        event: {
          _tag: "ReplyStepped",
          replyId: replyId ?? "",
          step: 1,
          text: "",
          calls: [{ ...call, needsApproval: true }],
          ...noFacts(model)
        }
      })
      yield* (yield* Conversations).decideCall(conversationId, { callId: "c1", approve: true }, by("local-admin"))
      const services = workerServices({ name: "dead" }).pipe(Layer.provideMerge(talker.layer))
      const first = yield* carryOut(call, {
        replyId: replyId ?? "",
        person: "person:ana",
        approvedBy: "local-admin"
      }).pipe(Effect.provide(services))
      assert.isFalse(first.isError)
      talker.answers(() => says("done"))
      yield* startWorker("one", talker.layer)
      yield* happened(conversationId, "ReplyCompleted")
      const made = yield* tasksMade
      assert.lengthOf(made, 1)
      assert.include((yield* happened(conversationId, "ToolAnswered")).text, made[0]?.taskId ?? "none")
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )
})

const tasksMade = Effect.gen(function* () {
  const log = yield* EventLog
  const events = yield* log.read({ type: "TaskCreated", limit: 100 })
  return events.map(({ stream, actor }) => ({ taskId: stream.replace(/^.*\//u, ""), actor }))
})
