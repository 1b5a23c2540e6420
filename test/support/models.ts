/** For workers that have nothing to do with conversations: they ask no model. */
import { Layer } from "effect"
import { CatalogPlain } from "@signalbox/core/model/CatalogPlain.ts"
import { NoModels } from "@signalbox/worker/model/NoModels.ts"

export const withoutModels = Layer.mergeAll(CatalogPlain, NoModels)
