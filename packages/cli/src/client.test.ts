import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { CliTest, signalbox } from "../../../test/support/cli.ts"

describe("the command line", () => {
  it.live("makes, lists, shows and kills a task", () =>
    Effect.gen(function* () {
      const made = yield* signalbox(
        "task",
        "create",
        "--host",
        "local",
        "--tool",
        "shell",
        "--command",
        "echo hi",
        "--json"
      )
      assert.deepStrictEqual([made.code, made.err], [0, ""])
      const { taskId }: { taskId: string } = JSON.parse(made.out)
      const list = yield* signalbox("task", "list", "--json")
      console.error(list.out)
      const shown = yield* signalbox("task", "show", taskId)
      console.error(shown.out)
      const killed = yield* signalbox("kill", taskId)
      console.error(killed)
    }).pipe(Effect.provide(CliTest))
  )
})
