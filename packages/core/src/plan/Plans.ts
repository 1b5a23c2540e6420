/**
 * What people do with plans, whatever edge they come by: HTTP, bridge, chat tools.
 *
 * Owns: from a draft to a proposed plan, approval with the look at drift, reject, cancel. Does not own: understanding words (phrasebook,
 * model), the rules (`decider.ts`), who may do what (accounts, at the edge), carrying out (worker).
 * Invariants: every instruction is an event, also one that cannot be planned, with the reason; one command id takes effect once and is
 * always answered the same, drawn ids included; targets are frozen here and nowhere else.
 */
import { randomBytes } from "node:crypto"
import { Clock, Context, Effect, Layer, Schema } from "effect"
import type { AccountRole } from "../account/permissions.ts"
import { Fleet, type FleetMember } from "../agent/Fleet.ts"
import { canonical, Commands, type ExecuteError } from "../log/Commands.ts"
import { EventLog } from "../log/EventLog.ts"
import { findReceipt } from "../log/receipt.ts"
import { Db, type DbError } from "../postgres/Db.ts"
import { type Content, keepContents, missingContent } from "./contents.ts"
import type { PlanCommand } from "./decider.ts"
import { planDrift } from "./drift.ts"
import { makePlanId, planEvents, planStream } from "./events.ts"
import { answerOf, instructionOf, type NotUnderstood, type Understood } from "./proposal.ts"
import { resultOf } from "./results.ts"
import { planDecider } from "./room.ts"
import type { PlanView } from "./view.ts"

export class PlanNotFound extends Schema.TaggedError<PlanNotFound>()("PlanNotFound", { planId: Schema.String }) {
  override get message(): string {
    return `There is no plan ${this.planId.slice(0, 60)}. See plan list.`
  }
}

export interface PlanBy {
  readonly commandId: string
  /** As the log names who did it. */
  readonly actor: string
  /** As the rule of the second person names him. */
  readonly account: string
  readonly conversationId?: string
}
export interface Approver extends PlanBy {
  readonly role: AccountRole
  /** There is no other account. */
  readonly alone: boolean
}

export interface Instructed {
  /** Absent: the draft in words. */
  readonly text?: string
  readonly dryRun: boolean
  readonly meaning:
    Understood | NotUnderstood | { readonly ask: "model"; readonly text: string; readonly model?: string }
}
export interface Done {
  readonly position: number
  readonly plan: PlanView
}
type PlanError = ExecuteError | DbError

export class Plans extends Context.Service<
  Plans,
  {
    /** A draft that cannot be carried out is recorded too: its plan is `not-understood`, with the reason. */
    readonly instruct: (instructed: Instructed, by: PlanBy) => Effect.Effect<Done, PlanError>
    /** What a model made of an instruction that waits for it. */
    readonly answer: (
      planId: string,
      meaning: Understood | NotUnderstood,
      by: Pick<PlanBy, "commandId" | "actor">
    ) => Effect.Effect<Done, PlanError | PlanNotFound>
    readonly approve: (
      planId: string,
      said: { readonly hash: string; readonly code?: string },
      by: Approver
    ) => Effect.Effect<Done, PlanError | PlanNotFound>
    readonly reject: (
      planId: string,
      reason: string | undefined,
      by: PlanBy
    ) => Effect.Effect<Done, PlanError | PlanNotFound>
    /** What has begun comes to its end, nothing further begins. */
    readonly cancel: (
      planId: string,
      reason: string | undefined,
      by: PlanBy
    ) => Effect.Effect<Done, PlanError | PlanNotFound>
    /** A model shall look through the logs that it read; the command's id names the explanation. */
    readonly explain: (
      planId: string,
      model: string | undefined,
      by: PlanBy
    ) => Effect.Effect<Done, PlanError | PlanNotFound>
    /** As the log has it now. */
    readonly load: (planId: string) => Effect.Effect<PlanView, ExecuteError | PlanNotFound>
    /** The whole answer of a command; undefined: there is none. */
    readonly result: (planId: string, commandId: string) => Effect.Effect<Schema.Json | undefined, PlanError>
  }
>()("@signalbox/core/plan/Plans") {
  static readonly layer: Layer.Layer<Plans, never, Commands | Db | EventLog | Fleet> = Layer.effect(
    Plans,
    Effect.gen(function* () {
      const context = yield* Effect.context<Commands | Db | EventLog | Fleet>()
      const commands = yield* Commands
      const fleet = yield* Fleet
      const run = <A, E>(self: Effect.Effect<A, E, Commands | Db | EventLog | Fleet>) =>
        Effect.provideContext(self, context)

      const existing = Effect.fnUntraced(function* (planId: string) {
        const { state } = yield* commands.load(planDecider, planEvents, planStream(planId))
        return state ?? (yield* new PlanNotFound({ planId }))
      })
      const decide = Effect.fnUntraced(function* (
        planId: string,
        command: PlanCommand,
        by: Pick<PlanBy, "commandId" | "actor">,
        body: object
      ) {
        const { state, position } = yield* commands.execute({
          decider: planDecider,
          types: planEvents,
          stream: planStream(planId),
          command,
          commandId: by.commandId,
          actor: by.actor,
          body: canonical(body)
        })
        return state === undefined ? yield* new PlanNotFound({ planId }) : { position, plan: state }
      })

      return Plans.of({
        instruct: (instructed, by) => run(instruct(instructed, by)),
        answer: Effect.fnUntraced(function* (planId, meaning, by) {
          const [view, members, now] = yield* Effect.all([existing(planId), fleet.members, Clock.currentTimeMillis], {
            concurrency: 3
          })
          const { event, contents } = answerOf({ planId, by: view.by, meaning, members, now })
          if (view.status === "asked") yield* run(keepContents(planId, contents))
          return yield* decide(planId, { _tag: "Answer", with: event }, by, { answer: planId, meaning })
        }),
        approve: Effect.fnUntraced(function* (planId, { hash, code }, { account, role, alone, ...by }) {
          const [view, members, now] = yield* Effect.all([existing(planId), fleet.members, Clock.currentTimeMillis], {
            concurrency: 3
          })
          const drift =
            view.plan === undefined
              ? undefined
              : (planDrift(view.plan, members, now) ?? (yield* run(missingContent(planId, view.plan.steps)))?.message)
          const approval = { by: account, role, alone, ...(code === undefined ? {} : { code }) }
          const command: PlanCommand = {
            _tag: "Approve",
            approval,
            hash,
            now,
            ...(drift === undefined ? {} : { drift })
          }
          return yield* decide(planId, command, by, { approve: planId, hash, ...approval })
        }),
        reject: (planId, reason, by) =>
          Effect.andThen(
            existing(planId),
            decide(planId, stopping("Reject", by, reason), by, { reject: planId, reason })
          ),
        cancel: (planId, reason, by) =>
          Effect.andThen(
            existing(planId),
            decide(planId, stopping("Cancel", by, reason), by, { cancel: planId, reason })
          ),
        explain: (planId, model, by) =>
          Effect.andThen(
            existing(planId),
            decide(
              planId,
              {
                _tag: "Explain",
                asked: { explanationId: by.commandId, by: by.account, ...(model === undefined ? {} : { model }) }
              },
              by,
              { explain: planId, model }
            )
          ),
        load: existing,
        result: (planId, commandId) => run(resultOf(planId, commandId))
      })
    })
  )
}

const stopping = (_tag: "Reject" | "Cancel", { account }: PlanBy, reason: string | undefined): PlanCommand => ({
  _tag,
  by: account,
  ...(reason === undefined ? {} : { reason })
})

const instruct = Effect.fnUntraced(function* (instructed: Instructed, by: PlanBy) {
  const commands = yield* Commands
  const fleet = yield* Fleet
  const [before, members, now] = yield* Effect.all(
    [firstAnswer(by.commandId), fleet.members, Clock.currentTimeMillis],
    { concurrency: 3 }
  )
  const give = Effect.fnUntraced(function* (planId: string) {
    const { command, contents } = giving(planId, instructed, by, members, now)
    if (before === undefined) yield* keepContents(planId, contents)
    const { state, position } = yield* commands.execute({
      decider: planDecider,
      types: planEvents,
      stream: planStream(planId),
      command,
      commandId: by.commandId,
      actor: by.actor,
      body: canonical({ said: saidOf(instructed), dryRun: instructed.dryRun, account: by.account }),
      ...(before === undefined ? { seen: { state: undefined, version: 0 } } : {})
    })
    return state === undefined
      ? yield* Effect.die(new Error(`${planId} was recorded and is not there`))
      : { plan: state, position }
  })
  if (before !== undefined) return yield* give(before)
  // Two of the same command at the same moment: the slower one finds the id taken and answers with the first one's plan.
  return yield* give(makePlanId(now, randomBytes(6))).pipe(
    Effect.catchTag("CommandIdReused", (reused) =>
      Effect.flatMap(firstAnswer(by.commandId), (first) => (first === undefined ? Effect.fail(reused) : give(first)))
    )
  )
})

/** What the client said. What it was understood as, and how long that took, may differ when it says it again. */
const saidOf = ({ text, meaning }: Instructed): object | string =>
  text ?? ("draft" in meaning ? meaning.draft : meaning)

/** The plan that a command made. */
export const firstAnswer = (commandId: string): Effect.Effect<string | undefined, DbError, Db> =>
  Effect.map(findReceipt(commandId), (receipt) =>
    receipt?.stream.startsWith(planStream("")) === true ? receipt.stream.slice(planStream("").length) : undefined
  )

const giving = (
  planId: string,
  { text, dryRun, meaning }: Instructed,
  { account, conversationId }: PlanBy,
  members: ReadonlyArray<FleetMember>,
  now: number
): { readonly command: PlanCommand; readonly contents: ReadonlyArray<Content> } => {
  const asks = "ask" in meaning
  const answer = asks ? undefined : answerOf({ planId, by: account, meaning, members, now })
  const command: PlanCommand = {
    _tag: "Give",
    given: {
      planId,
      text: instructionOf(text, meaning),
      by: account,
      dryRun,
      ask: asks ? "model" : "none",
      ...(asks && meaning.model !== undefined ? { model: meaning.model } : {}),
      ...(conversationId === undefined ? {} : { conversationId })
    },
    ...(answer === undefined ? {} : { answer: answer.event })
  }
  return { command, contents: answer?.contents ?? [] }
}
