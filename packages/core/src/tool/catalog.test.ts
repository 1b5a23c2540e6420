/** Finding a tool, and the one way to a launch. */
import { Result } from "effect"
import { describe, expect, it } from "vitest"
import { launchOf, makeToolCatalog } from "./catalog.ts"
import type { UserTool } from "./userTool.ts"

const mine: UserTool = { name: "mine", title: "Mine", binary: "mine", argv: ["a"], prompt: "stdin", format: "text" }
const invocation = { command: "hi", params: {}, args: [], sessionId: "00000000-0000-4000-8000-000000000000" }

describe("the catalog", () => {
  it("finds built-in tools and people's; the later definition of a name counts", () => {
    const catalog = makeToolCatalog([mine, { ...mine, title: "Mine, better" }])
    expect(Result.getOrThrow(catalog.find("mine")).title).toBe("Mine, better")
    expect(Result.getOrThrow(catalog.find("claude")).title).toBe("Claude Code")
    expect(catalog.all.filter((tool) => tool.name === "mine")).toHaveLength(1)
  })

  it.each([
    ["cluade", "there is no tool 'cluade'; did you mean 'claude'?"],
    ["constructor", /^there is no tool 'constructor'; there are claude, codex, /u],
    ["", /^there is no tool ''; there are /u]
  ])("%j is not there, in one sentence", (name, sentence) => {
    const found = makeToolCatalog([]).find(name)
    expect(Result.isFailure(found) && found.failure.message).toMatch(sentence)
  })

  it("keeps a bad definition apart from the good ones, and never lets one replace a built-in tool", () => {
    const catalog = makeToolCatalog([{ ...mine, name: "shell" }, mine])
    expect(catalog.invalid.map((one) => one.message)).toEqual([
      "tool shell cannot be defined: shell is a built-in tool; choose another name"
    ])
    expect(Result.getOrThrow(catalog.find("shell")).binary).toBeNull()
    expect(Result.isSuccess(catalog.find("mine"))).toBe(true)
  })
})

describe("a launch", () => {
  const claude = Result.getOrThrow(makeToolCatalog([]).find("claude"))
  const told = (more: object) => {
    const launch = launchOf(claude, { ...invocation, ...more })
    return Result.isFailure(launch) ? launch.failure.message : "launched"
  }

  it("needs parameters that fit and an invocation that the tool can do", () => {
    expect(told({})).toBe("launched")
    expect(told({ params: { modle: "x" } })).toBe("claude has no parameter 'modle'; did you mean 'model'?")
    expect(told({ command: " " })).toBe("claude needs a prompt, and this one is empty")
    expect(told({ resume: "--dangerously-skip-permissions" })).toBe(
      "'--dangerously-skip-permissions' is not the id of a session"
    )
    expect(told({ resume: "a b" })).toBe("'a b' is not the id of a session")
    expect(told({ params: { forkSession: true } })).toBe("forkSession only goes with resuming a session")
    expect(told({ params: { forkSession: true }, resume: "1" })).toBe("launched")
  })
})
