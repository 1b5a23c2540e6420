import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { decideSetting, evolveSetting, type SettingView } from "./decider.ts"
import { settingKeys } from "./keys.ts"

const meta = { at: "2026-11-20T14:30:22.000000Z", actor: "ana", version: 1 }
const set = (value: string | null): SettingView =>
  evolveSetting(undefined, { _tag: "SettingChanged", key: "model.default", value }, meta)
const decided = (view: SettingView | undefined, key: string, value: string | number | null) => {
  const result = decideSetting(view, { _tag: "Change", key, value })
  return Result.isSuccess(result) ? result.success.length : result.failure.message
}

describe("a setting", () => {
  it.effect("takes what its key allows, and nothing happens when it is so already", () =>
    Effect.sync(() => {
      assert.strictEqual(decided(undefined, "model.default", "openai/gpt-5"), 1)
      assert.strictEqual(decided(set("openai/gpt-5"), "model.default", "openai/gpt-5"), 0)
      assert.strictEqual(decided(set("openai/gpt-5"), "model.default", null), 1)
      assert.strictEqual(decided(undefined, "model.default", null), 0)
      for (const wrong of ["", "gpt-5", "OpenAI/x", "a/b c", 7])
        assert.match(String(decided(undefined, "model.default", wrong)), /no value for model\.default/)
    })
  )

  it.effect("must be one of the table", () =>
    Effect.sync(() => {
      for (const key of ["", "model", "constructor", "__proto__", "x".repeat(1000)])
        assert.match(
          String(decided(undefined, key, "x")),
          new RegExp(`there are ${Object.keys(settingKeys).join(", ")}`)
        )
    })
  )
})
