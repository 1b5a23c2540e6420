/**
 * The desk where commands are handed in: checked, begun in turn, carried out at most once, answered until the hub has heard.
 *
 * Owns: the order of checks, turns, deadlines, time limits, repeating results. Does not own: sockets, how an action is done (performers), the
 * file of receipts.
 * Invariants: nothing begins without a grant that fits, nor after the grant's end, and no guard ends without the hub's signature; an act begins only when its receipt is on the disk;
 * the same id with other content is refused; acts with the same key wait for each other; only what was truly granted leaves a trace.
 */
import type { KeyObject } from "node:crypto"
import type { Action } from "@signalbox/core/action/Action.ts"
import { catalog, decodeAction, type Act, type ActionName } from "@signalbox/core/action/catalog.ts"
import { canonicalHash } from "@signalbox/core/agent/canonical.ts"
import {
  checkGrant,
  grantRefusals,
  releaseHolds,
  type CommandRequest,
  type GrantRefusal
} from "@signalbox/core/agent/grant.ts"
import type { AgentMessage, CommandResult, HubMessage } from "@signalbox/core/agent/protocol.ts"
import { Result } from "effect"
import type { Performers } from "./perform/Performer.ts"
import { fitting } from "./fitting.ts"
import { makeAftercare } from "./aftercare.ts"
import { makeOutbox } from "./outbox.ts"
import { carryOut } from "./carry-out.ts"
import type { Ended, Receipts, Unfinished } from "./receipts.ts"
import { makeTurns } from "./turns.ts"
import { reasonOf, say } from "./trouble.ts"

/** Told in `data.reason` of a result that is refused. */
export type RefusalReason = GrantRefusal | "not-allowed" | "not-understood" | "other-content" | "busy" | "no-receipt"

export type GuardReleased = Extract<HubMessage, { readonly _tag: "guard_released" }>

/** What becomes of acts after they were begun, where their performers can tell. */
export interface Aftermath {
  /** The hub still reaches the agent: the restore by itself of this command is called off. False: that came too late. */
  readonly release: (commandId: string) => Promise<boolean>
  /** Begun before this process, without an end. Undefined: nobody can tell. */
  readonly interrupted: (commandId: string, unfinished: Unfinished, bootId: string) => Promise<Ended | undefined>
  /** Asked before a result is told again: what was well may have been restored by itself since. */
  readonly since: (commandId: string, ended: Ended) => Promise<Ended>
}

export interface DeskOptions {
  readonly agentId: string
  readonly hubKey: KeyObject
  /** Of this process: an action that wants another one is refused. */
  readonly privilege: "agent" | "root"
  readonly capabilities: ReadonlyArray<ActionName>
  readonly performers: Partial<Performers>
  readonly receipts: Receipts
  readonly aftermath?: Aftermath
  readonly now?: () => number
  /** Between two tries to write what the disk did not take. */
  readonly rewriteMillis?: number
}

export interface Desk {
  readonly request: (request: CommandRequest) => void
  readonly acknowledge: (commandId: string) => void
  /** The hub has it that what this command did fell over later. */
  readonly relapseHeard: (commandId: string) => void
  /** Only with the hub's signature: a guard that anybody could end would guard against nothing. */
  readonly release: (released: GuardReleased) => void
  /** From now on answers go here, first of all those that were not acknowledged. Undefined: nobody listens. */
  readonly attach: (answer: ((message: AgentMessage) => void) | undefined) => void
  /** Nothing waits, runs or is unacknowledged. */
  readonly idle: () => boolean
  /** Begins nothing more; resolves when what runs has ended. */
  readonly stop: () => Promise<void>
}

const mostWaiting = 500

export const makeDesk = (options: DeskOptions): Desk => {
  const { receipts, privilege, performers } = options
  const now = options.now ?? Date.now
  const outbox = makeOutbox(receipts, {
    ...(options.aftermath === undefined ? {} : { since: options.aftermath.since }),
    ...(options.rewriteMillis === undefined ? {} : { rewriteMillis: options.rewriteMillis })
  })
  const turns = makeTurns()
  const aftercare = makeAftercare(now)
  /** What is here and has no end yet, with what it was. */
  const open = new Map<string, string>()
  const working = new Set<Promise<void>>()
  let stopping = false

  const refuse = (commandId: string, reason: RefusalReason, summary: string): void =>
    outbox.once({ ...plain(commandId, "refused", summary), data: { reason } })

  const plain = (commandId: string, outcome: CommandResult["outcome"], summary: string): CommandResult => ({
    commandId,
    outcome,
    summary,
    data: null,
    startedAt: now(),
    finishedAt: now()
  })

  const request = (command: CommandRequest): void => {
    const { commandId, action, args } = command
    const refusal = checkGrant(command, { agentId: options.agentId, hubKey: options.hubKey, now: now() })
    if (refusal !== undefined) return refuse(commandId, refusal, grantRefusals[refusal])
    const digest = canonicalHash({ action, args })
    const before = receipts.find(commandId)?.digest ?? outbox.find(commandId) ?? open.get(commandId)
    if (before !== undefined && before !== digest)
      return refuse(commandId, "other-content", "Another command had this id before, so nothing was done.")
    if (open.has(commandId)) return outbox.tell({ _tag: "command_accepted", commandId })
    if (before !== undefined) return outbox.repeat(commandId)
    if (stopping) return // not accepted: it is asked again when the agent is back
    if (open.size >= mostWaiting)
      return refuse(commandId, "busy", `${mostWaiting} commands wait on this host already, so nothing was done.`)
    const decoded = decodeAction(action, args)
    if (Result.isFailure(decoded)) return refuse(commandId, "not-understood", decoded.failure)
    const act = decoded.success
    const entry = catalog[act.name] as Action<Act["args"]> // an entry and its own arguments
    if (entry.privilege !== privilege || !options.capabilities.includes(act.name))
      return refuse(commandId, "not-allowed", notAllowed(act.name, entry))
    open.set(commandId, digest)
    outbox.tell({ _tag: "command_accepted", commandId })
    const work = turns
      .take(entry.effect === "reads" ? undefined : keyOf(entry, act), () => inTurn(command, act, entry, digest))
      .finally(() => {
        open.delete(commandId)
        working.delete(work)
      })
    if (act.name !== "system.reboot") working.add(work) // that one ends with the machine, which waits for us
  }

  const inTurn = async (
    command: CommandRequest,
    act: Act,
    entry: Action<Act["args"]>,
    digest: string
  ): Promise<void> => {
    const { commandId, grant } = command
    const durable = entry.effect === "acts"
    const settle = (result: CommandResult): Promise<void> => outbox.add(fitting(result), digest, durable)
    if (stopping) return
    if (now() > grant.expiresAt)
      return settle(
        plain(commandId, "expired", "The command's time was over before it could begin, so nothing was done.")
      )
    if (durable)
      try {
        await receipts.begin(commandId, digest, act.name)
      } catch (cause) {
        const reason = `No receipt can be written here (${reasonOf(cause)}), so nothing was done. Look at the disk.`
        return refuse(commandId, "no-receipt", reason)
      }
    const startedAt = now()
    const key = keyOf(entry, act)
    aftercare.leave(key)
    const { performed, rest } = await carryOut(performers, act, {
      commandId,
      timeoutMs: Math.min(command.timeoutMs, entry.timeoutMs),
      effect: entry.effect,
      ...(command.guardMillis === undefined ? {} : { guardMillis: command.guardMillis })
    })
    const { afterwards, ...ended } = performed
    if (afterwards !== undefined) aftercare.watch(commandId, key, afterwards)
    await settle({ commandId, ...ended, startedAt, finishedAt: now() })
    await rest // the next with the same key waits until this one is truly gone
  }

  return {
    request,
    acknowledge: (commandId) => {
      outbox.acknowledge(commandId)
      aftercare.heard(commandId)
    },
    relapseHeard: aftercare.acknowledge,
    release: ({ commandId, signature }) => {
      if (!releaseHolds({ agentId: options.agentId, commandId }, signature, options.hubKey))
        return say(`A word that would end the guard of ${commandId} is not signed by the hub, so nothing was done.`)
      void options.aftermath?.release(commandId).then(
        (kept) => (kept ? outbox.tell({ _tag: "guard_off", commandId }) : outbox.repeat(commandId)),
        () => undefined // then the guard restores
      )
    },
    attach: (answer) => {
      outbox.attach(answer)
      aftercare.attach(answer)
    },
    idle: () => open.size === 0 && outbox.empty() && aftercare.idle(),
    stop: async () => {
      stopping = true
      aftercare.stop()
      await Promise.allSettled(working)
      await outbox.settled()
    }
  }
}

/** Acts on one thing are done one after the other. */
const keyOf = (entry: Action<Act["args"]>, act: Act): string => entry.key?.(act.args) ?? act.name

const notAllowed = (name: ActionName, entry: Pick<Action<never>, "optIn">): string =>
  entry.optIn === true
    ? `${name} is off on this host, so nothing was done. Its owner can allow it in the agent's configuration.`
    : `This host's agent does not carry out ${name}, so nothing was done.`
