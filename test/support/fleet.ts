/**
 * A fleet of test agents: they hear what is dispatched to them from the log and answer as the hub's desk would record it.
 *
 * Owns: members, how they answer, and the count of every command that reached one. Does not own: real agents (packages/agent).
 */
import { Effect, Layer, Result } from "effect"
import { Fleet, type FleetMember } from "@signalbox/core/agent/Fleet.ts"
import type { CommandResult } from "@signalbox/core/agent/protocol.ts"
import { type PlanEvent, planEvents, planIdOf } from "@signalbox/core/plan/events.ts"
import { PlanOutcomes } from "@signalbox/core/plan/PlanOutcomes.ts"
import { PlanTail } from "@signalbox/core/plan/PlanTail.ts"

export type Dispatched = Extract<PlanEvent, { readonly _tag: "StepDispatched" }>
export type Answer = Partial<CommandResult> | "silent" | "accept-only"

export const member = (host: string, more: Partial<FleetMember> = {}): FleetMember => ({
  agentId: `agent-${host}`,
  host,
  tags: [],
  facts: {
    os: "Debian GNU/Linux 12 (bookworm)",
    kernel: "6.1.0-18-amd64",
    arch: "x86_64",
    cpus: 4,
    virtualization: "kvm"
  },
  sample: { at: Date.now(), cpu: 10, memory: 40, disk: 50, load: 0.2, uptime: 86_400 },
  lastSeen: Date.now(),
  online: true,
  allows: [],
  ...more
})

const heard = ({ sample }: FleetMember) => {
  const now = Date.now()
  return { lastSeen: now, ...(sample === undefined ? {} : { sample: { ...sample, at: now } }) }
}

/** Its members can be changed at any time; those that are online have always just been heard of. */
export const makeFleet = (first: ReadonlyArray<FleetMember>) => {
  const members = new Map(first.map((one) => [one.agentId, one]))
  return {
    set: (one: FleetMember) => void members.set(one.agentId, one),
    remove: (host: string) => void members.delete(`agent-${host}`),
    layer: Layer.succeed(Fleet, {
      members: Effect.sync(() =>
        [...members.values()]
          .map((one) => (one.online ? { ...one, ...heard(one) } : one))
          .toSorted((a, b) => (a.host < b.host ? -1 : 1))
      )
    })
  }
}

/**
 * Answers until the scope ends.
 * @param answer what becomes of a command; default: it succeeds, and is proven where it acts
 */
export const runAgents = (answer: (of: Dispatched, nth: number) => Answer | Effect.Effect<Answer> = () => ({})) =>
  Effect.gen(function* () {
    const outcomes = yield* PlanOutcomes
    const reached = new Map<string, number>()
    const scope = yield* Effect.scope
    const run = Effect.runForkWith(yield* Effect.context<never>())
    let nth = 0
    yield* (yield* PlanTail).watchAll((recorded) => {
      const event = Result.getOrUndefined(planEvents.decode(recorded))
      if (event?._tag !== "StepDispatched") return
      reached.set(event.commandId, (reached.get(event.commandId) ?? 0) + 1)
      const of = {
        planId: planIdOf(recorded.stream),
        step: event.step,
        purpose: event.purpose,
        agentId: event.agentId,
        ...(event.targetId === undefined ? {} : { targetId: event.targetId }),
        commandId: event.commandId
      }
      const now = Date.now()
      const turn = nth++
      run(
        Effect.gen(function* () {
          const asked = answer(event, turn)
          if (asked === "silent") return
          yield* Effect.forkIn(outcomes.accepted(of), scope)
          const said = Effect.isEffect(asked) ? yield* asked : asked
          if (said === "silent" || said === "accept-only") return
          yield* outcomes.ended(of, {
            commandId: event.commandId,
            outcome: "succeeded",
            summary: `${event.action} on ${event.host} is done.`,
            data: null,
            ...(event.purpose === "act" ? { proven: true } : {}),
            startedAt: now,
            finishedAt: Date.now(),
            ...said
          })
        }).pipe(Effect.forkIn(scope))
      )
    })
    return { reached }
  })
