/** For workers that have nothing to do with conversations: they ask no model. */
import { Layer } from "effect"
import { CatalogPlain } from "./catalog-plain.ts"
import { NoModels } from "./no-models.ts"

export const withoutModels = Layer.mergeAll(CatalogPlain, NoModels)
