/**
 * `Catalog` without lists: names in full, and what `model use` chose.
 *
 * For processes that have nothing to do with lists, as in tests of conversations. Invariant: it never claims that a model exists.
 */
import { Effect, Layer, Schema } from "effect"
import { ModelUnknown } from "@signalbox/core/conversation/Conversations.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { readSetting } from "@signalbox/core/setting/projection.ts"
import { Catalog } from "@signalbox/core/model/Catalog.ts"
import { ModelRef } from "@signalbox/core/model/ref.ts"

export const CatalogPlain: Layer.Layer<Catalog, never, Db> = Layer.effect(
  Catalog,
  Effect.map(Db, (db) =>
    Catalog.of({
      providers: () => Effect.succeed([]),
      current: Effect.provideService(readSetting("model.default"), Db, db),
      resolve: (written) =>
        isRef(written)
          ? Effect.succeed(written)
          : Effect.fail(
              new ModelUnknown({
                reason: `There is no model ${written.slice(0, 80)}. Give provider/model, as model list shows it.`
              })
            ),
      windowOf: () => Effect.succeed(undefined)
    })
  )
)

const isRef = (written: string): boolean => Schema.is(ModelRef)(written)
