import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result, Schema } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { Commands } from "./Commands.ts"
import type { Decider } from "./Decider.ts"
import { makeEventTypes } from "./Event.ts"
import { EventLog } from "./EventLog.ts"
import { layer } from "./EventLogLive.ts"

const AccountEvent = Schema.TaggedUnion({ Deposited: { amount: Schema.Number }, Withdrawn: { amount: Schema.Number } })
type AccountEvent = typeof AccountEvent.Type
type AccountCommand = { readonly _tag: "Deposit" | "Withdraw" | "EnsureAtLeast"; readonly amount: number }
const types = makeEventTypes<AccountEvent>({ schema: AccountEvent, types: ["Deposited", "Withdrawn"] })

const account: Decider<
  { readonly balance: number; readonly at: string },
  AccountCommand,
  AccountEvent,
  { readonly message: string }
> = {
  initial: { balance: 0, at: "" },
  evolve: (state, event, { at }) => ({
    balance: state.balance + (event._tag === "Deposited" ? event.amount : -event.amount),
    at
  }),
  decide: (state, { _tag, amount }) => {
    if (_tag === "Withdraw")
      return amount > state.balance
        ? Result.fail({ message: `only ${state.balance} are left` })
        : Result.succeed([{ _tag: "Withdrawn", amount }])
    if (_tag === "EnsureAtLeast")
      return Result.succeed(state.balance >= amount ? [] : [{ _tag: "Deposited", amount: amount - state.balance }])
    return Result.succeed([{ _tag: "Deposited", amount }])
  }
}

const LogTest = Layer.provideMerge(Commands.layer, layer).pipe(Layer.provide(DbTest))

const run = (command: AccountCommand, commandId: string = randomUUID(), stream = "account-1") =>
  Effect.flatMap(Commands, (commands) =>
    commands.execute({ decider: account, types, stream, command, commandId, actor: "person:ana" })
  )

describe("commands", () => {
  it.live("are decided on the folded stream, and answer with the events and the state", () =>
    Effect.gen(function* () {
      const { events, state, position, duplicate } = yield* run({ _tag: "Deposit", amount: 10 })
      assert.deepStrictEqual(
        { events, balance: state.balance, position, duplicate },
        { events: [{ _tag: "Deposited", amount: 10 }], balance: 10, position: 1, duplicate: false }
      )
      assert.match(state.at, /Z$/)
      const error = yield* Effect.flip(run({ _tag: "Withdraw", amount: 11 }))
      assert.deepStrictEqual([error._tag, error.message], ["CommandRejected", "only 10 are left"])
      assert.strictEqual((yield* run({ _tag: "Withdraw", amount: 4 })).state.balance, 6)
    }).pipe(Effect.provide(LogTest))
  )

  it.live("know a stream that is followed as its follower heard it, and are decided anew where that was not all", () =>
    Effect.gen(function* () {
      const [commands, log] = [yield* Commands, yield* EventLog]
      const known = () => commands.heard(account, "account-1")
      const withdrawn = (amount: number) =>
        Effect.gen(function* () {
          const event = types.encode({ _tag: "Withdrawn", amount })
          const { toPosition } = yield* log.append({
            stream: "account-1",
            expected: "any",
            commandId: randomUUID(),
            actor: "another process",
            events: [event]
          })
          return (yield* log.read({ from: toPosition, limit: 1 }))[0]!
        })
      yield* run({ _tag: "Deposit", amount: 10 })
      assert.isUndefined(known(), "nobody has told it anything")
      const second = yield* withdrawn(4)
      commands.hear(account, types, second)
      assert.deepStrictEqual([known()?.version, known()?.state.balance], [2, 6])
      commands.hear(account, types, second)
      assert.strictEqual(known()?.state.balance, 6, "told twice is heard once")
      yield* run({ _tag: "Withdraw", amount: 1 })
      assert.deepStrictEqual([known()?.version, known()?.state.balance], [3, 5], "and goes on with its own commands")

      yield* withdrawn(5) // which it is not told
      assert.strictEqual(known()?.state.balance, 5)
      assert.strictEqual((yield* Effect.flip(run({ _tag: "Withdraw", amount: 1 }))).message, "only 0 are left")
      assert.isUndefined(known(), "whoever told it tells it no more")
      commands.hear(account, types, yield* withdrawn(0))
      assert.strictEqual(known()?.version, 5)
    }).pipe(Effect.provide(LogTest))
  )

  it.live("that come again are answered the same: accepted, rejected, and nothing to do", () =>
    Effect.gen(function* () {
      const [deposit, rejected, nothing] = [randomUUID(), randomUUID(), randomUUID()]
      yield* Effect.flip(run({ _tag: "Withdraw", amount: 5 }, rejected))
      yield* run({ _tag: "Deposit", amount: 10 }, deposit)
      const idle = yield* run({ _tag: "EnsureAtLeast", amount: 10 }, nothing)
      assert.deepStrictEqual([idle.events, idle.position, idle.duplicate], [[], 1, false])
      yield* run({ _tag: "Withdraw", amount: 6 })

      const again = yield* run({ _tag: "Deposit", amount: 10 }, deposit)
      assert.deepStrictEqual(
        [again.events, again.position, again.duplicate, again.state.balance],
        [[{ _tag: "Deposited", amount: 10 }], 1, true, 4]
      )
      const idleAgain = yield* run({ _tag: "EnsureAtLeast", amount: 10 }, nothing) // would have something to do by now
      assert.deepStrictEqual([idleAgain.events, idleAgain.position, idleAgain.duplicate], [[], 1, true])
      const stillRejected = yield* Effect.flip(run({ _tag: "Withdraw", amount: 5 }, rejected))
      assert.strictEqual(stillRejected.message, "only 0 are left")
      const reused = yield* Effect.flip(run({ _tag: "Withdraw", amount: 1 }, deposit))
      assert.strictEqual(reused._tag, "CommandIdReused")
      const elsewhere = yield* Effect.flip(run({ _tag: "Deposit", amount: 10 }, deposit, "account-2"))
      assert.strictEqual(elsewhere._tag, "CommandIdReused")
      assert.strictEqual(yield* Effect.flatMap(EventLog, (log) => log.head), 2)
    }).pipe(Effect.provide(LogTest))
  )

  it.live("of many processes on one stream lose no update, and never overdraw", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      // Each has its own memory and turns, like a process: only the log keeps them honest.
      const process = Layer.fresh(Commands.layer).pipe(Layer.provide(Layer.succeed(EventLog, log)))
      yield* run({ _tag: "Deposit", amount: 30 })
      const outcomes = yield* Effect.forEach(
        [1, 2, 3, 4],
        () =>
          Effect.all(
            Array.from({ length: 12 }, () => Effect.result(run({ _tag: "Withdraw", amount: 1 }))),
            { concurrency: "unbounded" }
          ).pipe(Effect.provide(process, { local: true })),
        { concurrency: "unbounded" }
      )
      const rejected = outcomes.flat().filter(Result.isFailure)
      assert.lengthOf(rejected, 18)
      assert.deepStrictEqual(new Set(rejected.map((r) => r.failure.message)), new Set(["only 0 are left"]))
      const loaded = yield* Effect.flatMap(Commands, (commands) => commands.load(account, types, "account-1"))
      assert.deepStrictEqual([loaded.state.balance, loaded.version], [0, 31])
    }).pipe(Effect.provide(LogTest))
  )

  it.live("on a stream longer than a page see all of it", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const events = Array.from({ length: 1_000 }, () => types.encode({ _tag: "Deposited", amount: 1 }))
      for (let n = 0; n < 3; n++)
        yield* log.append({ stream: "account-1", expected: "any", commandId: randomUUID(), events, actor: "hub" })
      assert.strictEqual((yield* run({ _tag: "Withdraw", amount: 2_999 })).state.balance, 1)
    }).pipe(Effect.provide(LogTest))
  )

  it.live("refuse an event that does not fit, and stop at one that cannot be read", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const refused = yield* Effect.flip(run({ _tag: "Deposit", amount: 2 ** 60 }))
      assert.deepStrictEqual(
        [refused._tag, refused.message],
        [
          "EventNotStorable",
          "Deposited on account-1 cannot be stored: data.amount is 1152921504606847000, a whole number beyond ±(2^53 − 1), which is not exact; store it as text"
        ]
      )
      assert.strictEqual(yield* log.head, 0)
      yield* log.append({
        stream: "account-1",
        expected: "any",
        commandId: randomUUID(),
        events: [{ type: "Deposited", data: { amount: "much" } }],
        actor: "hub"
      })
      const error = yield* Effect.flip(run({ _tag: "Deposit", amount: 1 }))
      assert.strictEqual(error._tag, "EventNotDecodable")
    }).pipe(Effect.provide(LogTest))
  )

  it.live("that are only written say whether they have written, also on a state that is out of date", () =>
    Effect.gen(function* () {
      const commands = yield* Commands
      const write = (command: AccountCommand, commandId: string, seen?: { balance: number; version: number }) =>
        commands.write({
          decider: account,
          types,
          stream: "account-2",
          command,
          commandId,
          actor: "person:ana",
          ...(seen === undefined ? {} : { seen: { state: { balance: seen.balance, at: "" }, version: seen.version } })
        })
      const [first, second] = [randomUUID(), randomUUID()]
      assert.isTrue(yield* write({ _tag: "Deposit", amount: 10 }, first, { balance: 0, version: 0 }))
      assert.isFalse(yield* write({ _tag: "Deposit", amount: 10 }, first), "a repeat writes nothing")
      // It believes that nothing is there, finds out, and decides anew.
      assert.isFalse(yield* write({ _tag: "EnsureAtLeast", amount: 10 }, second, { balance: 0, version: 0 }))
      assert.isTrue(yield* write({ _tag: "Withdraw", amount: 10 }, randomUUID(), { balance: 0, version: 0 }))
      const { state } = yield* commands.load(account, types, "account-2")
      assert.strictEqual(state.balance, 0)
    }).pipe(Effect.provide(LogTest))
  )
})
