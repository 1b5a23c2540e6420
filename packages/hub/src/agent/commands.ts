/**
 * From a dispatched step to what its agent is sent: the arguments, and the hub's signature under exactly this.
 *
 * Owns: the grant's making. Does not own: what is signed and how (core's `agent/grant.ts`), when it is sent (`AgentSockets.ts`).
 * Invariants: what is signed is what the log says was dispatched; the same step signed twice is the same grant.
 */
import type { KeyObject } from "node:crypto"
import { Effect } from "effect"
import { argsHash, type CommandRequest, signGrant } from "@signalbox/core/agent/grant.ts"
import type { Grant } from "@signalbox/core/agent/protocol.ts"
import { Commands, type ExecuteError } from "@signalbox/core/log/Commands.ts"
import { argsWithContents, type ContentMissing } from "@signalbox/core/plan/contents.ts"
import { type PlanEvent, planEvents, planStream } from "@signalbox/core/plan/events.ts"
import type { CommandRef } from "@signalbox/core/plan/results.ts"
import { planDecider } from "@signalbox/core/plan/room.ts"
import type { Db, DbError } from "@signalbox/core/postgres/Db.ts"

export type Dispatched = Extract<PlanEvent, { readonly _tag: "StepDispatched" }>

/** What the hub must know of a command while its answer is out. */
export interface Sent extends CommandRef {
  readonly action: string
  readonly guardMillis?: number
}

export const sentOf = (planId: string, event: Dispatched): Sent => ({
  planId,
  step: event.step,
  purpose: event.purpose,
  agentId: event.agentId,
  ...(event.targetId === undefined ? {} : { targetId: event.targetId }),
  commandId: event.commandId,
  action: event.action,
  ...(event.guardMillis === undefined ? {} : { guardMillis: event.guardMillis })
})

export const refOf = ({ action: _a, guardMillis: _g, ...ref }: Sent): CommandRef => ref

/** @param at when it was dispatched, milliseconds since 1970 */
export const requestOf = (
  planId: string,
  event: Dispatched,
  args: CommandRequest["args"],
  at: number,
  key: KeyObject
): CommandRequest => {
  const guard = event.guardMillis === undefined ? {} : { guardMillis: event.guardMillis }
  const grant: Grant = {
    v: 1,
    commandId: event.commandId,
    agentId: event.agentId,
    planId,
    planHash: event.hash,
    action: event.action,
    argsHash: argsHash(args),
    notBefore: at,
    expiresAt: event.deadline,
    timeoutMs: event.timeoutMs,
    ...guard
  }
  return {
    _tag: "command_request",
    commandId: event.commandId,
    action: event.action,
    args,
    timeoutMs: event.timeoutMs,
    ...guard,
    grant,
    signature: signGrant(grant, key)
  }
}

/** Large ones and contents are not in the event. Undefined: the plan does not say. */
export const argsOf = (
  planId: string,
  event: Dispatched
): Effect.Effect<CommandRequest["args"] | undefined, ExecuteError | DbError | ContentMissing, Commands | Db> =>
  event.args !== undefined
    ? Effect.succeed(event.args)
    : Effect.gen(function* () {
        const { state } = yield* (yield* Commands).load(planDecider, planEvents, planStream(planId))
        const step = event.purpose === "act" ? state?.plan?.steps[event.step] : undefined
        return step === undefined ? undefined : yield* argsWithContents(planId, step)
      })
