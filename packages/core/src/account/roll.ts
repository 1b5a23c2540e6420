/**
 * Which accounts there are and what they may, in memory, kept up by following the log.
 *
 * Owns: that roll, and telling of changes. Does not own: tokens and passwords.
 * Invariants: an account that has changed is told of after the change is in the log, so whoever then reads the log sees it; the roll
 * holds a name and a role for each account and nothing else.
 */
import { Deferred, Effect, Option, Result, Schedule, type Scope } from "effect"
import type { RecordedEvent } from "../log/Event.ts"
import { EventLog } from "../log/EventLog.ts"
import { makeTypeTail } from "../log/type-tail.ts"
import type { Db } from "../postgres/Db.ts"
import { accountEvents, accountOf } from "./events.ts"
import { type AccountRole, may } from "./permissions.ts"

/** What changes who may approve. */
const deciding = ["AccountCreated", "RoleChanged", "AccountRemoved"]

const patience = "2 seconds"

export interface Roll {
  /** An account other than the owner of the home may approve plans of every risk. */
  readonly othersApprove: Effect.Effect<boolean>
  readonly watch: (hear: (name: string) => void) => Effect.Effect<void, never, Scope.Scope>
  /** An account was changed by this very process: who watches hears of it now, and again by the log. */
  readonly tell: (name: string) => void
}

export const makeRoll: Effect.Effect<Roll, never, Db | EventLog | Scope.Scope> = Effect.gen(function* () {
  const log = yield* EventLog
  const known = new Map<string, { readonly version: number; readonly role: AccountRole | undefined }>()
  const listeners = new Set<(name: string) => void>()
  const complete = yield* Deferred.make<void>()

  const note = (event: RecordedEvent): void => {
    const name = accountOf(event.stream)
    const decoded = accountEvents.decode(event)
    if (name === undefined || Result.isFailure(decoded) || decoded.success === undefined) return
    const one = decoded.success
    if ((known.get(name)?.version ?? 0) >= event.version) return
    if (one._tag === "AccountRemoved") known.set(name, { version: event.version, role: undefined })
    else if ("role" in one) known.set(name, { version: event.version, role: one.role })
  }
  const tail = yield* makeTypeTail("accounts", accountEvents.types)
  const tell = (name: string): void => {
    for (const hear of listeners) hear(name)
  }
  const follow = tail.watchAll((event) => {
    note(event)
    const name = accountOf(event.stream)
    if (name !== undefined) tell(name)
  })
  const past = Effect.forEach(
    deciding,
    (type) =>
      Effect.gen(function* () {
        for (let from = 1, more = true; more;) {
          const page = yield* log.page({ type, from })
          for (const event of page.events) note(event)
          from = (page.events.at(-1)?.position ?? 0) + 1
          more = page.more && page.events.length > 0
        }
      }),
    { discard: true }
  )
  const patiently = past.pipe(
    Effect.tapError((error) => Effect.logWarning(`the accounts are read again in a moment: ${error.message}`)),
    Effect.retry(Schedule.spaced("1 second"))
  )
  yield* follow.pipe(
    Effect.andThen(patiently),
    Effect.andThen(Deferred.succeed(complete, undefined)),
    Effect.forkScoped
  )

  return {
    tell,
    // until the past is read, nobody is known to be alone
    othersApprove: Effect.map(
      Effect.timeoutOption(Deferred.await(complete), patience),
      (read) =>
        Option.isNone(read) || [...known.values()].some(({ role }) => role !== undefined && may(role, "approveHigh"))
    ),
    watch: (hear) =>
      Effect.acquireRelease(
        Effect.sync(() => void listeners.add(hear)),
        () => Effect.sync(() => void listeners.delete(hear))
      )
  }
})
