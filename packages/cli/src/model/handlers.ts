/** `model list` and `model use`. */
import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { oneLine } from "@signalbox/tui/text.ts"
import { withHub } from "../client/hub.ts"
import { answer } from "../output.ts"
import { modelTable } from "./words.ts"

export const list = (refresh: boolean) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { providers, current } = yield* hub.models.list({ query: refresh ? { refresh: "true" } : {} })
      let number = 0
      const numbered = providers.map((provider) => ({
        ...provider,
        models: provider.models.map((model) => ({ number: ++number, ...model }))
      }))
      yield* answer({ current, providers: numbered }, () => modelTable(providers, current))
    })
  )

export const use = (model: string) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const used = yield* hub.models.use({ payload: { commandId: randomUUID(), model } })
      yield* answer(used, () => `New conversations begin with ${oneLine(used.model, 200)}.`)
    })
  )
