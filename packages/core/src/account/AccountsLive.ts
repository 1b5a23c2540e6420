/**
 * `Accounts` over the log, and the passwords beside it.
 *
 * Owns: the order of things: what a password is checked against is written before the event that names it. Does not own: the rules.
 * Invariants: one command id takes effect once; at most two passwords are worked on at a time and few wait, so that sign-ins cannot
 * take the processor from everything else.
 */
import { randomUUID } from "node:crypto"
import { Clock, DateTime, Effect, Layer, Redacted, Semaphore } from "effect"
import { Commands } from "../log/Commands.ts"
import { EventLog } from "../log/EventLog.ts"
import { Db } from "../postgres/Db.ts"
import { AccountInvalid, AccountNotFound, type AccountBy, Accounts, SignInFailed, SignInThrottled } from "./Accounts.ts"
import type { AccountCommand } from "./decider.ts"
import { accountEvents, accountStream } from "./events.ts"
import { isAccountName, nameFault } from "./name.ts"
import { matches, passwordFault, seal } from "./password.ts"
import { listAccounts, ownerOfToken, ownerOfTokenId } from "./projection.ts"
import { makeRoll } from "./roll.ts"
import { accountDecider } from "./room.ts"
import { accountWait, makeAddressThrottle, makeNameThrottle } from "./throttle.ts"
import { hashToken, makeToken, makeTokenId } from "./token.ts"

const atOnce = 2
const mostWaiting = 64
/** An answer to a wrong password comes no sooner, so that it tells nothing of how far it came. */
const refusalMs = 400

export const AccountsLive: Layer.Layer<Accounts, never, Commands | Db | EventLog> = Layer.effect(
  Accounts,
  Effect.gen(function* () {
    const commands = yield* Commands
    const db = yield* Db
    const roll = yield* makeRoll
    const addresses = makeAddressThrottle()
    const strangers = makeNameThrottle()
    const turn = yield* Semaphore.make(atOnce)
    let waiting = 0

    const execute = (name: string, command: AccountCommand, by: AccountBy, body?: string) =>
      commands.execute({
        ...by,
        decider: accountDecider,
        types: accountEvents,
        stream: accountStream(name),
        command,
        ...(body === undefined ? {} : { body })
      })

    /** What may be kept of it anywhere in this process is dropped before the answer is given; other processes hear of it by the log. */
    const told = <A, E, R>(name: string, self: Effect.Effect<A, E, R>) =>
      Effect.tap(self, () => Effect.sync(() => roll.tell(name)))

    const find: Accounts["Service"]["find"] = (name) =>
      isAccountName(name)
        ? Effect.map(commands.load(accountDecider, accountEvents, accountStream(name)), ({ state }) =>
            state === undefined || state.removed ? undefined : state
          )
        : Effect.succeed(undefined)
    const existing = (name: string) =>
      Effect.flatMap(find(name), (account) =>
        account === undefined ? Effect.fail(new AccountNotFound({ what: `account ${name}` })) : Effect.succeed(account)
      )

    /** The reference, once what it names is there. Of a command that is refused nothing remains. */
    const withPassword = <A extends { readonly duplicate: boolean }, E, R>(
      name: string,
      password: Redacted.Redacted,
      act: (passwordRef: string) => Effect.Effect<A, E, R>
    ) =>
      Effect.gen(function* () {
        const fault = passwordFault(password, name)
        if (fault !== undefined) return yield* new AccountInvalid({ reason: fault })
        const sealed = yield* Semaphore.withPermits(turn, 1)(seal(password))
        const ref = randomUUID()
        yield* db.query(
          "keep a password",
          (sql) => sql`insert into account.password (ref, account, sealed) values (${ref}, ${name}, ${sealed})`
        )
        const done = yield* Effect.tapError(act(ref), () => forget(ref))
        if (done.duplicate) yield* forget(ref)
        return done
      })
    const forget = (ref: string) =>
      Effect.ignore(db.query("drop a password", (sql) => sql`delete from account.password where ref = ${ref}`))
    const forgetOthers = (name: string, ref: string | undefined) =>
      Effect.ignore(
        db.query(
          "drop old passwords",
          (sql) =>
            sql`delete from account.password where account = ${name} and ref is distinct from ${ref ?? null}::uuid`
        )
      )

    const add: Accounts["Service"]["add"] = Effect.fn("Accounts.add")(function* ({ name, role, password }, by) {
      const fault = nameFault(name)
      if (fault !== undefined) return yield* new AccountInvalid({ reason: fault })
      const body = JSON.stringify(["add", name, role, password !== undefined])
      const create = (passwordRef?: string) =>
        execute(name, { _tag: "Create", name, role, ...(passwordRef === undefined ? {} : { passwordRef }) }, by, body)
      const { position } = yield* password === undefined ? create() : withPassword(name, password, create)
      return { position }
    })

    const changePassword: Accounts["Service"]["changePassword"] = Effect.fn("Accounts.changePassword")(
      function* (name, password, by) {
        yield* existing(name)
        const { position, state } = yield* told(
          name,
          withPassword(name, password, (passwordRef) =>
            execute(name, { _tag: "ChangePassword", passwordRef }, by, JSON.stringify(["password", name]))
          )
        )
        if (state?.passwordRef != null) yield* forgetOthers(name, state.passwordRef)
        return { position }
      }
    )

    const issue: Accounts["Service"]["issue"] = Effect.fn("Accounts.issue")(function* (name, { label, expiresAt }, by) {
      yield* existing(name)
      const now = yield* Clock.currentTimeMillis
      if (expiresAt !== undefined && Number.isNaN(Date.parse(expiresAt)))
        return yield* new AccountInvalid({ reason: "The end of a token is a time like 2026-12-31T00:00:00Z." })
      const token = makeToken()
      const tokenId = makeTokenId()
      const until = expiresAt === undefined ? {} : { expiresAt: DateTime.formatIso(DateTime.makeUnsafe(expiresAt)) }
      const hash = hashToken(Redacted.value(token))
      const done = yield* execute(
        name,
        { _tag: "IssueToken", tokenId, hash, label, ...until, now },
        by,
        JSON.stringify(["issue", name, label, expiresAt])
      )
      if (done.duplicate)
        return yield* new AccountInvalid({
          reason: "That token was told to whoever asked first, and is not known here any more. Ask for another one."
        })
      return { position: done.position, tokenId, token }
    })

    const revoke: Accounts["Service"]["revoke"] = Effect.fn("Accounts.revoke")(function* (tokenId, by) {
      const [row] = yield* db.query("find a token", (sql) => ownerOfTokenId(sql, tokenId))
      if (row === undefined) return yield* new AccountNotFound({ what: `token ${tokenId}` })
      const { position } = yield* told(row.account, execute(row.account, { _tag: "RevokeToken", tokenId }, by))
      return { position, account: row.account }
    })

    const ofToken: Accounts["Service"]["ofToken"] = Effect.fnUntraced(function* (token) {
      const hash = hashToken(token)
      const [row] = yield* db.query("find a token", (sql) => ownerOfToken(sql, hash))
      if (row === undefined) return undefined
      const account = yield* find(row.account)
      const found = account?.tokens.find((one) => one.hash === hash)
      if (account === undefined || found === undefined) return undefined
      const expiresAt = found.expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(found.expiresAt)
      return expiresAt > (yield* Clock.currentTimeMillis) ? { account, expiresAt } : undefined
    })

    const throttled = (ms: number) => new SignInThrottled({ seconds: Math.max(1, Math.ceil(ms / 1000)) })

    const sealedBy = (ref: string | null | undefined) =>
      ref == null
        ? Effect.succeed(undefined)
        : Effect.map(
            db.query(
              "read a password",
              (sql) => sql<{ sealed: string }[]>`select sealed from account.password where ref = ${ref}`
            ),
            ([row]) => row?.sealed
          )

    type Tried = Parameters<Accounts["Service"]["signIn"]>[0]
    const mayTry = ({ address }: Tried, now: number) => {
      const wait = addresses.wait(address, now)
      return wait > 0 ? Effect.fail(throttled(wait)) : Effect.void
    }

    /** Undefined: it was wrong. */
    const tried = Effect.fnUntraced(function* (attempt: Tried) {
      const { name, password, address, sessionId } = attempt
      const begun = yield* Clock.currentTimeMillis
      yield* mayTry(attempt, begun) // those before it in the queue were wrong, too
      const account = yield* find(name)
      const wait = account === undefined ? strangers.wait(name, begun) : accountWait(account, begun)
      if (wait > 0) return yield* throttled(wait)
      const sealed = yield* sealedBy(account?.passwordRef)
      const fits = yield* matches(password, sealed)
      const now = yield* Clock.currentTimeMillis
      const recorded = (command: AccountCommand) =>
        execute(name, command, { commandId: randomUUID(), actor: fits ? name : "hub" }).pipe(
          Effect.map(({ state }) => state),
          // changed or removed meanwhile
          Effect.catchTag("CommandRejected", () => Effect.succeed(undefined)),
          Effect.catchTag(["CommandIdReused", "EventNotStorable"], (error) => Effect.die(error))
        )
      if (fits && account?.passwordRef != null) {
        const { passwordRef } = account
        const signed = yield* recorded({ _tag: "SignIn", sessionId, address, passwordRef, now })
        if (signed !== undefined) return signed
      }
      addresses.refused(address, now)
      if (account === undefined) strangers.refused(name, now)
      else if (!fits) yield* recorded({ _tag: "RefuseSignIn", address, now })
      return undefined
    })

    const signIn: Accounts["Service"]["signIn"] = Effect.fn("Accounts.signIn")(function* (attempt) {
      const begun = yield* Clock.currentTimeMillis
      yield* mayTry(attempt, begun)
      if (waiting >= mostWaiting) return yield* throttled(1_000)
      waiting++
      const account = yield* Semaphore.withPermits(
        turn,
        1
      )(tried(attempt)).pipe(Effect.ensuring(Effect.sync(() => waiting--)))
      if (account !== undefined) return account
      yield* Effect.sleep(Math.max(0, begun + refusalMs - (yield* Clock.currentTimeMillis))) // holds up nobody else
      return yield* new SignInFailed()
    })

    return Accounts.of({
      add,
      changePassword,
      issue,
      revoke,
      find,
      ofToken,
      signIn,
      changeRole: Effect.fn("Accounts.changeRole")(function* (name, role, by) {
        yield* existing(name)
        const { position } = yield* told(name, execute(name, { _tag: "ChangeRole", role }, by))
        return { position }
      }),
      remove: Effect.fn("Accounts.remove")(function* (name, by) {
        yield* existing(name)
        const { position } = yield* told(name, execute(name, { _tag: "Remove" }, by))
        yield* forgetOthers(name, undefined)
        return { position }
      }),
      list: Effect.provideService(listAccounts, Db, db),
      othersApprove: roll.othersApprove,
      watch: roll.watch
    })
  })
)
