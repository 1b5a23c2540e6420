/**
 * `Catalog` without lists: names in full, and what `model use` chose.
 *
 * For processes that have nothing to do with lists, as in tests of conversations. Invariant: it never claims that a model exists.
 */
import { Effect, Layer, Schema } from "effect"
import { ModelUnknown } from "../conversation/Conversations.ts"
import { Db } from "../postgres/Db.ts"
import { readSetting } from "../setting/projection.ts"
import { Catalog } from "./Catalog.ts"
import { ModelRef } from "./ref.ts"

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
