/** What may happen to a setting, and the fold of its events. Pure. */
import { Result, Schema } from "effect"
import type { Decider } from "../log/Decider.ts"
import { canonical } from "../log/Commands.ts"
import type { SettingEvent } from "./events.ts"
import { isSettingKey, settingKeys } from "./keys.ts"

export const SettingView = Schema.Struct({
  key: Schema.String,
  /** Null: the default holds. */
  value: Schema.Json,
  actor: Schema.String,
  changedAt: Schema.String,
  version: Schema.Int
}).annotate({ identifier: "Setting" })
export type SettingView = typeof SettingView.Type

export class SettingRejection extends Schema.TaggedError<SettingRejection>()("SettingRejection", {
  reason: Schema.String
}) {
  override get message(): string {
    return this.reason
  }
}

export interface SettingCommand {
  readonly _tag: "Change"
  readonly key: string
  readonly value: Schema.Json
}

export const evolveSetting = (
  _view: SettingView | undefined,
  event: SettingEvent,
  meta: { readonly at: string; readonly actor: string; readonly version: number }
): SettingView => ({
  key: event.key,
  value: event.value,
  actor: meta.actor,
  changedAt: meta.at,
  version: meta.version
})

export const decideSetting = (
  view: SettingView | undefined,
  { key, value }: SettingCommand
): Result.Result<ReadonlyArray<SettingEvent>, SettingRejection> => {
  if (!isSettingKey(key))
    return reject(`There is no setting ${key.slice(0, 60)}; there are ${Object.keys(settingKeys).join(", ")}.`)
  if (value !== null && !Schema.is(settingKeys[key].schema)(value))
    return reject(`${canonical(value).slice(0, 80)} is no value for ${key}.`)
  return canonical(view?.value ?? null) === canonical(value)
    ? Result.succeed([])
    : Result.succeed([{ _tag: "SettingChanged", key, value }])
}

const reject = (reason: string) => Result.fail(new SettingRejection({ reason }))

export const settingDecider: Decider<SettingView | undefined, SettingCommand, SettingEvent, SettingRejection> = {
  initial: undefined,
  evolve: evolveSetting,
  decide: decideSetting
}
