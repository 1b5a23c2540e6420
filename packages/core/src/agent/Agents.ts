/**
 * What people do with agents, and how a host becomes one.
 *
 * Owns: invites, enrollment, change, revoke, names that are one of a kind. Does not own: proofs by keys and sockets (hub), the rules of one
 * agent's life (`decider.ts`).
 * Invariants: of an invite only its hash is kept; names are given out by one process at a time, over all hubs, on read models that have
 * seen the name before; a name has one invite: a newer one ends that which nobody has used.
 */
import { randomUUID } from "node:crypto"
import { Clock, Context, Effect, Layer, Option, Schema, Semaphore } from "effect"
import { ReadModels } from "../api/ReadModels.ts"
import type { Action } from "../action/Action.ts"
import { actionNames, catalog } from "../action/catalog.ts"
import { HostName } from "../host/config.ts"
import { Commands, type ExecuteError } from "../log/Commands.ts"
import { CommandRejected } from "../log/EventLog.ts"
import { Db, type DbError } from "../postgres/Db.ts"
import { type AgentCommand, badInvite } from "./decider.ts"
import { agentEvents, agentIdOf, agentStream, makeInviteToken, tokenHashOf } from "./events.ts"
import type { EnrollRequest } from "./enrollment.ts"
import { agentRows, type AgentRow } from "./presence.ts"
import type { AgentSample } from "./protocol.ts"
import { agentDecider } from "./room.ts"
import { type AgentInfo, AgentView, infoOf } from "./view.ts"

export class AgentNotFound extends Schema.TaggedError<AgentNotFound>()("AgentNotFound", { which: Schema.String }) {
  override get message(): string {
    return `There is no agent ${this.which.slice(0, 100)}. See agent list.`
  }
}
/** What was asked cannot be; nothing was done. */
export class AgentInvalid extends Schema.TaggedError<AgentInvalid>()("AgentInvalid", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

export interface AgentBy {
  readonly commandId: string
  readonly actor: string
}
export interface Invite {
  readonly name?: string
  readonly tags: ReadonlyArray<string>
  readonly allows: ReadonlyArray<string>
  readonly ttlMillis: number
}
export interface Invited {
  readonly agentId: string
  /** Shown once. */
  readonly token: string
  readonly expiresAt: string
  /** The invite for the same name that nobody had used: it holds no more. */
  readonly replaced?: string
  readonly position: number
}
type Change = Omit<Extract<AgentCommand, { readonly _tag: "Change" }>["change"], "_tag">
type AgentError = ExecuteError | DbError
interface Executed {
  readonly position: number
  readonly agent: AgentView | undefined
}

export class Agents extends Context.Service<
  Agents,
  {
    readonly invite: (invite: Invite, by: AgentBy) => Effect.Effect<Invited, AgentError | AgentInvalid>
    /** @returns the agent after it; a repeat by the same key is answered the same */
    readonly enroll: (request: EnrollRequest) => Effect.Effect<AgentView, AgentError>
    /** By id or name. */
    readonly change: (
      which: string,
      change: Change,
      by: AgentBy
    ) => Effect.Effect<
      { readonly position: number; readonly agent: AgentView },
      AgentError | AgentNotFound | AgentInvalid
    >
    readonly revoke: (
      which: string,
      reason: string | undefined,
      by: AgentBy
    ) => Effect.Effect<{ readonly position: number; readonly agent: AgentView }, AgentError | AgentNotFound>
    /** By name; invites that were not used and revoked ones are among them. */
    readonly list: Effect.Effect<ReadonlyArray<AgentInfo>, DbError>
    readonly find: (which: string) => Effect.Effect<AgentInfo, DbError | AgentNotFound>
    /** As the log has it now. */
    readonly load: (agentId: string) => Effect.Effect<AgentView | undefined, ExecuteError>
    readonly execute: (agentId: string, command: AgentCommand, by: AgentBy) => Effect.Effect<Executed, ExecuteError>
  }
>()("@signalbox/core/agent/Agents") {
  static readonly layer: Layer.Layer<Agents, never, Commands | Db | ReadModels> = Layer.effect(
    Agents,
    Effect.gen(function* () {
      const commands = yield* Commands
      const db = yield* Db
      const models = yield* ReadModels
      const turn = yield* Semaphore.make(1)

      const load = (agentId: string) =>
        Effect.map(commands.load(agentDecider, agentEvents, agentStream(agentId)), ({ state }) => state)
      const execute = Effect.fnUntraced(function* (agentId: string, command: AgentCommand, by: AgentBy) {
        const { state, position } = yield* commands.execute({
          decider: agentDecider,
          types: agentEvents,
          stream: agentStream(agentId),
          command,
          ...by
        })
        return { position, agent: state }
      })
      const certainly = (done: Executed) =>
        done.agent === undefined
          ? Effect.die(new Error("an agent was changed and is not there"))
          : Effect.succeed({ position: done.position, agent: done.agent })
      const rows = (which: string | null) => Effect.provideService(agentRows(which, false), Db, db)
      const seen = (position: number) => Effect.ignore(Effect.timeoutOption(models.waitFor(position), "3 seconds"))

      /** One at a time, over all hubs, and waiting for that takes one connection a hub; `taken` is what the log has. */
      const naming = <E = never>(
        self: (taken: ReadonlyMap<string, string>) => Effect.Effect<Executed, E | ExecuteError>
      ): Effect.Effect<Executed, E | ExecuteError | DbError> =>
        Semaphore.withPermits(
          turn,
          1
        )(
          db.transaction(
            Effect.gen(function* () {
              yield* db.query("give names one at a time", (sql) => sql`select pg_advisory_xact_lock(${nameLock})`)
              const names = yield* db.query(
                "read names",
                (sql) => sql<{ id: string; name: string }[]>`
                select id, name from read.agent where status <> 'revoked' and name is not null
                  and (status = 'enrolled' or (view ->> 'expiresAt')::timestamptz > now())`
              )
              const done = yield* self(new Map(names.map(({ id, name }) => [name, id])))
              yield* seen(done.position)
              return done
            })
          )
        )

      const idOf = (which: string) =>
        Effect.flatMap(rows(which), (found): Effect.Effect<string, AgentNotFound> => {
          const [row] = found
          return row === undefined
            ? Effect.fail(new AgentNotFound({ which }))
            : Effect.succeed(decodeView(row.view).agentId)
        })

      /** Lost words of an invite cannot be shown again, so that a new one is what somebody wants who asks for it. */
      const withdraw = Effect.fnUntraced(function* (agentId: string, name: string, actor: string) {
        const before = yield* load(agentId)
        if (before?.status === "revoked") return
        if (before?.status !== "invited") return yield* new AgentInvalid({ reason: nameTaken(name) })
        const reason = `A newer invite for ${name} took its place.`
        yield* execute(agentId, { _tag: "Withdraw", reason }, { commandId: randomUUID(), actor })
      })

      return Agents.of({
        load,
        execute,
        list: Effect.map(rows(null), (all) => all.map(shown)),
        find: (which) =>
          Effect.flatMap(rows(which), ([row]) =>
            row === undefined ? Effect.fail(new AgentNotFound({ which })) : Effect.succeed(shown(row))
          ),
        invite: Effect.fnUntraced(function* ({ name, tags, allows, ttlMillis }, by) {
          yield* optIns(allows)
          const token = makeInviteToken()
          const agentId = agentIdOf(token)
          const expiresAt = new Date((yield* Clock.currentTimeMillis) + ttlMillis).toISOString()
          let replaced: string | undefined
          const { position } = yield* naming<AgentInvalid>((taken) =>
            Effect.gen(function* () {
              replaced = name === undefined ? undefined : taken.get(name)
              if (replaced !== undefined) yield* withdraw(replaced, name ?? "", by.actor)
              const invited = { tokenHash: tokenHashOf(token), tags, allows, expiresAt }
              const named = name === undefined ? invited : { ...invited, name }
              return yield* execute(agentId, { _tag: "Invite", invited: named }, by)
            })
          )
          return { agentId, token, expiresAt, position, ...(replaced === undefined ? {} : { replaced }) }
        }),
        enroll: Effect.fnUntraced(function* (request) {
          const agentId = agentIdOf(request.token)
          if ((yield* load(agentId)) === undefined)
            return yield* new CommandRejected({ commandId: agentId, reason: badInvite })
          const { agent } = yield* naming((taken) =>
            Effect.gen(function* () {
              const before = yield* load(agentId) // it may have been renamed while this waited
              const now = yield* Clock.currentTimeMillis
              return yield* execute(
                agentId,
                {
                  _tag: "Enroll",
                  tokenHash: tokenHashOf(request.token),
                  now,
                  enrolled: {
                    publicKey: request.publicKey,
                    name: freeName(before?.name ?? shortName(request.hostname, agentId), agentId, taken),
                    hostname: request.hostname.toWellFormed(),
                    machineId: request.machineId.toWellFormed(),
                    version: request.version.toWellFormed()
                  }
                },
                { commandId: randomUUID(), actor: `agent:${agentId}` }
              )
            })
          )
          return agent ?? (yield* Effect.die(new Error(`${agentId} was enrolled and is not there`)))
        }),
        change: Effect.fnUntraced(function* (which, change, by) {
          yield* optIns(change.allows ?? [])
          const agentId = yield* idOf(which)
          const { name } = change
          const done = yield* naming<AgentInvalid>((taken) =>
            Effect.gen(function* () {
              const holder = name === undefined ? undefined : taken.get(name)
              if (name !== undefined && holder !== undefined && holder !== agentId) {
                const waits = (yield* load(holder))?.status === "invited"
                return yield* new AgentInvalid({ reason: waits ? nameInvited(name) : nameTaken(name) })
              }
              return yield* execute(agentId, { _tag: "Change", change }, by)
            })
          )
          return yield* certainly(done)
        }),
        revoke: Effect.fnUntraced(function* (which, reason, by) {
          const agentId = yield* idOf(which)
          const done = yield* execute(agentId, { _tag: "Revoke", ...(reason === undefined ? {} : { reason }) }, by)
          yield* seen(done.position)
          return yield* certainly(done)
        })
      })
    })
  )
}

/** Of the advisory lock; any number that nobody else uses. */
const nameLock = 7_202_611

const decodeView = Schema.decodeUnknownSync(Schema.toCodecJson(AgentView))
const shown = ({ view, online, lastSeen, sample }: AgentRow): AgentInfo =>
  infoOf(decodeView(view), {
    online,
    lastSeenAt: lastSeen === null ? null : new Date(lastSeen).toISOString(),
    sample: sample === undefined ? null : momentary(sample)
  })

/** A name that allows nothing would be taken for one that does. */
const optIns = (names: ReadonlyArray<string>): Effect.Effect<void, AgentInvalid> => {
  const wrong = names.find((name) => !optInNames.includes(name))
  return wrong === undefined
    ? Effect.void
    : Effect.fail(
        new AgentInvalid({
          reason: `"${wrong}" is no action that has to be allowed. These are: ${optInNames.join(", ")}.`
        })
      )
}
const optInNames: ReadonlyArray<string> = actionNames.filter((name) => {
  const entry: Pick<Action<never>, "optIn"> = catalog[name]
  return entry.optIn === true
})

const momentary = ({ cpu, memory, disk, relay }: AgentSample): AgentInfo["sample"] => ({
  cpu,
  memory,
  disk,
  ...(relay === undefined ? {} : { relay })
})

const nameTaken = (name: string): string =>
  `There is an agent ${name} already. Choose another name, or revoke that one: agent revoke ${name}.`
/** Somebody may be about to use it: unlike a newer invite, a new name does not end it. */
const nameInvited = (name: string): string =>
  `An invite for the name ${name} waits to be used. Choose another name, or end the invite: agent revoke ${name}.`

const decodeName = Schema.decodeUnknownOption(HostName)

/** As the host calls itself, without its domain. */
const shortName = (hostname: string, agentId: string): string =>
  Option.getOrElse(
    decodeName(
      (hostname.split(".")[0] ?? "")
        .replaceAll(/[^A-Za-z0-9._-]+/gu, "-")
        .replace(/^[^A-Za-z0-9]+/u, "")
        .slice(0, 55)
    ),
    () => agentId
  )

/** With a number when it is taken. */
const freeName = (base: string, agentId: string, taken: ReadonlyMap<string, string>): string => {
  for (let n = 1; ; n++) {
    const name = n === 1 ? base : `${base.slice(0, 55)}-${n}`
    if ((taken.get(name) ?? agentId) === agentId) return name
  }
}
