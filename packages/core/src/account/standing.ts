/**
 * What an account may as of now, asked by whoever acts on somebody's behalf.
 *
 * Owns: from the name that the log has for an actor to a refusal. Does not own: the edge's own question, which begins with a credential.
 * Invariant: it is read from the log, so what was taken away since somebody said yes is not used any more.
 */
import { Effect } from "effect"
import type { EventNotDecodable } from "../log/Event.ts"
import { Commands } from "../log/Commands.ts"
import type { LogUnavailable } from "../log/EventLog.ts"
import { accountEvents, accountStream } from "./events.ts"
import { isAccountName, localAdmin } from "./name.ts"
import { type Permission, permissions, refusalOf } from "./permissions.ts"
import { accountDecider } from "./room.ts"

/** @returns why that one may not, in one sentence; undefined when it is allowed */
export const refusalNow = (
  name: string,
  permission: Permission
): Effect.Effect<string | undefined, EventNotDecodable | LogUnavailable, Commands> =>
  Effect.gen(function* () {
    if (name === localAdmin) return undefined
    const commands = yield* Commands
    const account = isAccountName(name)
      ? (yield* commands.load(accountDecider, accountEvents, accountStream(name))).state
      : undefined
    return account === undefined || account.removed
      ? `${permissions[permission].what} is for accounts with the role ${permissions[permission].role}; ${name.slice(0, 60)} is none.`
      : refusalOf(account, permission)
  })
