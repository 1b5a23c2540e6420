/**
 * From the rooms' errors to the API's problems, in one place.
 *
 * Invariants: what a person can mend keeps its sentence; what only we can mend dies and becomes a 500 without details.
 */
import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import type { AgentInvalid, AgentNotFound } from "@signalbox/core/agent/Agents.ts"
import { CurrentActor } from "@signalbox/core/api/auth.ts"
import {
  Invalid,
  NotFound,
  Rejected,
  type Throttled,
  type Unauthorized,
  Unavailable
} from "@signalbox/core/api/problems.ts"
import type { AccountInvalid, AccountNotFound } from "@signalbox/core/account/Accounts.ts"
import type { ConversationNotFound, ModelUnknown } from "@signalbox/core/conversation/Conversations.ts"
import type { ImportInvalid } from "@signalbox/core/conversation/import.ts"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import type { HostInvalid } from "@signalbox/core/host/request.ts"
import type { ExecuteError } from "@signalbox/core/log/Commands.ts"
import type { LogUnavailable } from "@signalbox/core/log/EventLog.ts"
import type { DbError } from "@signalbox/core/postgres/Db.ts"
import type { PlanNotFound } from "@signalbox/core/plan/Plans.ts"
import type { TaskNotFound } from "@signalbox/core/task/create.ts"
import type { TaskRejection } from "@signalbox/core/task/decider.ts"
import type { TaskInvalid } from "@signalbox/core/task/request.ts"
import type { ToolInvalid } from "@signalbox/core/tool/userTool.ts"

export type Problem = NotFound | Rejected | Invalid | Unavailable
export type RoomError =
  | AccountInvalid
  | AccountNotFound
  | ExecuteError
  | DbError
  | LogUnavailable
  | AgentInvalid
  | AgentNotFound
  | ConversationNotFound
  | ModelUnknown
  | ImportInvalid
  | TaskInvalid
  | TaskNotFound
  | TaskRejection
  | HostInvalid
  | PlanNotFound
  | ToolInvalid

/** For commands. Problems pass. */
export const answer = <A, R>(self: Effect.Effect<A, RoomError | Problem, R>): Effect.Effect<A, Problem, R> =>
  Effect.catch(self, toProblem)

const toProblem = (error: RoomError | Problem): Effect.Effect<never, Problem> => {
  switch (error._tag) {
    case "AccountInvalid":
    case "TaskInvalid":
    case "HostInvalid":
    case "ToolInvalid":
    case "ModelUnknown":
    case "ImportInvalid":
    case "AgentInvalid":
    case "EventNotStorable":
      return Effect.fail(new Invalid({ detail: error.message }))
    case "ConversationNotFound":
      return Effect.fail(new NotFound({ what: error.conversationId.slice(0, 60), detail: error.message }))
    case "AgentNotFound":
      return Effect.fail(new NotFound({ what: error.which, detail: error.message }))
    case "AccountNotFound":
      return Effect.fail(new NotFound({ what: error.what.slice(0, 80), detail: error.message }))
    case "PlanNotFound":
      return Effect.fail(new NotFound({ what: error.planId, detail: error.message }))
    case "TaskNotFound":
      return Effect.fail(new NotFound({ what: error.taskId, detail: error.message }))
    case "CommandRejected":
    case "CommandIdReused":
    case "TaskRejection":
      return Effect.fail(new Rejected({ detail: error.message }))
    case "LogUnavailable":
    case "DbError":
      return unavailable(error)
    case "EventNotDecodable":
      return Effect.die(error)
    default:
      return Effect.fail(error)
  }
}

/** For questions: only the database can fail them. */
export const read = <A, R>(self: Effect.Effect<A, DbError | LogUnavailable, R>): Effect.Effect<A, Unavailable, R> =>
  Effect.catch(self, unavailable)

/** For questions that may be wrong themselves. */
export const readOr = <A, R, E extends Problem | Unauthorized | Throttled>(
  self: Effect.Effect<A, DbError | LogUnavailable | E, R>
): Effect.Effect<A, Unavailable | E, R> =>
  Effect.catch(self, (error): Effect.Effect<never, Unavailable | E> =>
    isOutage(error) ? unavailable(error) : Effect.fail(error)
  )

const isOutage = (
  error: DbError | LogUnavailable | Problem | Unauthorized | Throttled
): error is DbError | LogUnavailable => error._tag === "DbError" || error._tag === "LogUnavailable"

const unavailable = (error: DbError | LogUnavailable): Effect.Effect<never, Unavailable> =>
  error._tag === "LogUnavailable" || error.transient
    ? Effect.fail(new Unavailable({ detail: error.message }))
    : Effect.die(error)

/** Who does it, and by which command id: the client's, else a new one. */
export const origin = (given?: { readonly commandId?: string }) =>
  Effect.map(CurrentActor, (actor) => ({ actor: actor.name, commandId: given?.commandId ?? randomUUID() }))

/** Whoever asks after a command's answer shall see what it did; when the read models lag by more, they see it later. */
export const seen = (position: number): Effect.Effect<void, never, ReadModels> =>
  Effect.flatMap(ReadModels, (models) => models.waitFor(position)).pipe(
    Effect.timeoutOption("2 seconds"),
    Effect.ignore
  )
