/** The read model of settings: `read.setting`, and reading one of them. */
import { Effect, Schema } from "effect"
import { Db, type DbError } from "../postgres/Db.ts"
import type { Projection } from "../projection/Projection.ts"
import { viewProjection } from "../projection/view-projection.ts"
import { evolveSetting, SettingView } from "./decider.ts"
import { settingEvents } from "./events.ts"
import { type SettingKey, settingKeys, type SettingValue } from "./keys.ts"

export const settingProjection: Projection = viewProjection({
  name: "setting",
  version: 1,
  prefix: "setting/",
  table: "setting",
  types: settingEvents,
  schema: SettingView,
  initial: () => undefined,
  evolve: evolveSetting
})

/** Undefined: nobody has set it, or what is recorded does not fit this program any more. */
export const readSetting = <K extends SettingKey>(key: K): Effect.Effect<SettingValue<K> | undefined, DbError, Db> =>
  Effect.gen(function* () {
    const db = yield* Db
    const [row] = yield* db.query(
      "read a setting",
      (sql) => sql<{ value: unknown }[]>`select view -> 'value' as value from read.setting where id = ${key}`
    )
    return Schema.is(settingKeys[key].schema)(row?.value) ? row.value : undefined
  })
