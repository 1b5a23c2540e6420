/** The catalogue as JSON: for the API, the docs page and the tool that models propose plans with. Pure. */
import { Schema } from "effect"
import type { ActionInfo } from "../api/plans.ts"
import type { Action } from "./Action.ts"
import { type ActionName, actionNames, catalog } from "./catalog.ts"

export const argsSchema = (name: ActionName): Schema.Json => {
  const schema: Schema.Codec<unknown, unknown> = catalog[name].args
  return Schema.decodeUnknownSync(Schema.Json)(
    Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" }).schema
  )
}

export const actionInfos: ReadonlyArray<ActionInfo> = actionNames.map((name) => {
  const {
    title,
    description,
    effect,
    risk,
    proof,
    undo,
    optIn
  }: Omit<Action<never>, "args" | "raises" | "key"> = catalog[name]
  return { name, title, description, effect, risk, proof, undo, optIn: optIn === true, args: argsSchema(name) }
})
