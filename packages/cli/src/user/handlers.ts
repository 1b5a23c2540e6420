/**
 * `user add`, `list`, `token`, `revoke`, `role`, `password` and `whoami`.
 *
 * Invariants: a password comes by stdin only and is never shown; a token goes to stdout once, everything about it to stderr.
 */
import { randomUUID } from "node:crypto"
import { Clock, Effect, Schema, Stdio, Stream } from "effect"
import { TokenId } from "@signalbox/core/account/name.ts"
import type { AccountRole } from "@signalbox/core/account/permissions.ts"
import type { AccountInfo } from "@signalbox/core/api/accounts.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { withHub } from "../client/hub.ts"
import { table } from "../client/table.ts"
import { parseMoment } from "../client/time.ts"
import { answer, cannotTell, Json, talk } from "../output.ts"

const id = () => ({ commandId: randomUUID() })
const longest = 4_096

/** One line: what follows the first line break does not belong to it. */
const passwordFromStdin = Effect.gen(function* () {
  const io = yield* Stdio.Stdio
  const text = yield* io.stdin.pipe(
    Stream.decodeText,
    Stream.scan(
      () => "",
      (all, part) => all + part
    ),
    Stream.takeUntil((all) => all.includes("\n") || all.length > longest),
    Stream.runFold(
      () => "",
      (_, all) => all
    ),
    Effect.mapError(() => cannotTell("The password could not be read from stdin."))
  )
  const [line = ""] = text.split(/\r?\n/u, 1)
  return line === "" ? yield* Effect.fail(cannotTell("There is no password on stdin.")) : line
})

export const add = (given: { readonly name: string; readonly role: AccountRole; readonly passwordStdin: boolean }) =>
  withHub(
    Effect.gen(function* () {
      const { name, role } = given
      const password = given.passwordStdin ? { password: yield* passwordFromStdin } : {}
      const hub = yield* HubClient
      const { position } = yield* hub.accounts.add({ payload: { ...id(), name, role, ...password } })
      yield* answer({ name, role, position }, () =>
        given.passwordStdin ? `${name} is ${role}.` : `${name} is ${role}. A token: signalbox user token ${name}`
      )
    })
  )

export const list = withHub(
  Effect.gen(function* () {
    const hub = yield* HubClient
    const { accounts } = yield* hub.accounts.list()
    yield* answer({ accounts: accounts.map((account): Schema.Json => ({ ...account })) }, () => lines(accounts))
  })
)

interface Row {
  readonly account: AccountInfo
  readonly token: AccountInfo["tokens"][number] | undefined
  readonly first: boolean
}
const lines = (accounts: ReadonlyArray<AccountInfo>): string =>
  table<Row>(
    [
      { title: "ACCOUNT", cell: ({ account, first }) => (first ? account.name : ""), keep: true },
      { title: "ROLE", cell: ({ account, first }) => (first ? account.role : "") },
      { title: "SIGNS IN BY", cell: ({ account, first }) => (first ? signsInBy(account) : "") },
      { title: "TOKEN", cell: ({ token }) => token?.tokenId ?? "", keep: true },
      {
        title: "UNTIL",
        cell: ({ token }) => (token === undefined ? "" : (token.expiresAt?.slice(0, 16) ?? "no end"))
      },
      { title: "LABEL", cell: ({ token }) => token?.label ?? "", flexible: true }
    ],
    accounts.flatMap((account): ReadonlyArray<Row> =>
      account.tokens.length === 0
        ? [{ account, token: undefined, first: true }]
        : account.tokens.map((token, at) => ({ account, token, first: at === 0 }))
    )
  )

const signsInBy = (account: AccountInfo): string =>
  account.createdAt === null
    ? "the home's token"
    : [...(account.password ? ["password"] : []), ...(account.tokens.length > 0 ? ["token"] : [])].join(", ") ||
      "nothing yet"

export const token = (given: {
  readonly name: string
  readonly label: string | undefined
  readonly expires: string | undefined
}) =>
  withHub(
    Effect.gen(function* () {
      const { name, label, expires } = given
      const until = expires === undefined ? undefined : parseMoment(expires, yield* Clock.currentTimeMillis, 1)
      if (until !== undefined && "problem" in until)
        return yield* Effect.fail(cannotTell(`--expires: ${until.problem}.`))
      const hub = yield* HubClient
      const made = yield* hub.accounts.issueToken({
        params: { name },
        payload: {
          ...id(),
          ...(label === undefined ? {} : { label }),
          ...(until === undefined ? {} : { expiresAt: until.value })
        }
      })
      yield* answer({ name, ...made, expiresAt: until?.value ?? null }, () => made.token)
      if (!(yield* Json))
        yield* talk(
          `It is ${made.tokenId} of ${name} and is not shown again. Whoever has it is ${name}: SIGNALBOX_TOKEN=… signalbox user whoami`
        )
    })
  )

export const revoke = (what: string) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      if (Schema.is(TokenId)(what)) {
        const { account, position } = yield* hub.accounts.revokeToken({ params: { tokenId: what } })
        return yield* answer({ tokenId: what, account, position }, () => `The token ${what} of ${account} has ended.`)
      }
      const { position } = yield* hub.accounts.remove({ params: { name: what } })
      return yield* answer({ name: what, position }, () => `The account ${what} has ended, with all its tokens.`)
    })
  )

export const role = (name: string, wanted: AccountRole) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { position } = yield* hub.accounts.changeRole({ params: { name }, payload: { ...id(), role: wanted } })
      yield* answer({ name, role: wanted, position }, () => `${name} is ${wanted}.`)
    })
  )

export const password = (given: { readonly name: string; readonly passwordStdin: boolean }) =>
  withHub(
    Effect.gen(function* () {
      const { name } = given
      if (!given.passwordStdin)
        return yield* Effect.fail(cannotTell("Give the password on stdin: --password-stdin < FILE."))
      const wanted = yield* passwordFromStdin
      const hub = yield* HubClient
      const { position } = yield* hub.accounts.changePassword({
        params: { name },
        payload: { ...id(), password: wanted }
      })
      return yield* answer(
        { name, position },
        () => `${name} has another password; sessions of the old one have ended.`
      )
    })
  )

export const whoami = withHub(
  Effect.gen(function* () {
    const hub = yield* HubClient
    const me = yield* hub.accounts.me()
    yield* answer(me, () => `${me.name}, ${me.role}`)
  })
)
