/**
 * The events of a setting that people change at run time: one stream `setting/<key>`.
 *
 * Owns: payload schemas. Does not own: which keys there are (`keys.ts`).
 */
import { Schema } from "effect"
import { makeEventTypes } from "../log/Event.ts"

export const SettingEvent = Schema.TaggedUnion({
  /** `value` null: back to the default. */
  SettingChanged: { key: Schema.String, value: Schema.Json }
})
export type SettingEvent = typeof SettingEvent.Type

export const settingEvents = makeEventTypes<SettingEvent>({ schema: SettingEvent, types: ["SettingChanged"] })

export const settingStream = (key: string): string => `setting/${key}`
