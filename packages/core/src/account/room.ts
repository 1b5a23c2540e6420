/** The account room as one value, for `Commands.execute`. */
import type { Decider } from "../log/Decider.ts"
import { type AccountCommand, type AccountRejection, decideAccount } from "./decider.ts"
import type { AccountEvent } from "./events.ts"
import { type AccountView, evolveAccount } from "./view.ts"

export const accountDecider: Decider<AccountView | undefined, AccountCommand, AccountEvent, AccountRejection> = {
  initial: undefined,
  evolve: evolveAccount,
  decide: decideAccount
}
