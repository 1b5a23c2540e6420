/** The one way to a launch, and what a person is told when there is none. */
import { Result } from "effect"
import { describe, expect, it } from "vitest"
import { launchOf, ToolUnknown } from "./launch.ts"
import { builtInTools } from "./tools.ts"

const invocation = { command: "hi", params: {}, args: [], sessionId: "00000000-0000-4000-8000-000000000000" }

describe("a tool that does not exist", () => {
  it.each([
    ["cluade", /^there is no tool 'cluade'; did you mean 'claude'\?$/u],
    ["Claude-Full", /^there is no tool 'Claude-Full'; did you mean 'claude-full'\?$/u],
    ["constructor", /^there is no tool 'constructor'; there are claude, codex, /u],
    ["", /^there is no tool ''; there are /u],
    ["x".repeat(100_000), /^there is no tool 'x{80}'; there are /u]
  ])("%.20s is told in one sentence", (name, sentence) => {
    expect(new ToolUnknown({ name, known: Object.keys(builtInTools) }).message).toMatch(sentence)
  })
})

describe("a launch", () => {
  const claude = builtInTools["claude"]!
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
