/**
 * The settings that there are: one line each.
 *
 * Owns: keys, what their values must be, what they mean. Does not own: how they change (`decider.ts`), process settings such as
 * ports and secrets (config room).
 * Invariant: a key that is not here cannot be set; one that is recorded by a newer program is kept and ignored.
 */
import { Schema } from "effect"
import { ModelRef } from "../model/ref.ts"

export const settingKeys = {
  "model.default": { schema: ModelRef, title: "The model that new conversations begin with" }
} as const satisfies Record<string, { readonly schema: Schema.Codec<unknown, unknown>; readonly title: string }>

export type SettingKey = keyof typeof settingKeys
export type SettingValue<K extends SettingKey> = (typeof settingKeys)[K]["schema"]["Type"]

export const isSettingKey = (key: string): key is SettingKey => Object.hasOwn(settingKeys, key)
