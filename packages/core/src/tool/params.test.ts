/** Parameters: what is accepted, and the one sentence for each mistake. */
import { Result } from "effect"
import { describe, expect, it } from "vitest"
import { compileSchema, paramsLimit, validateParams } from "./params.ts"
import type { Tool } from "./Tool.ts"
import { builtInTool } from "./tools.ts"

const tool = (name: string): Tool => {
  const found = builtInTool(name)
  if (found === undefined) throw new Error(`no tool ${name}`)
  return found
}

const mistake = (name: string, params: unknown): string | undefined => {
  const result = validateParams(tool(name), params)
  return Result.isFailure(result) ? result.failure.message : undefined
}

describe("parameters", () => {
  it("that fit come back as they were", () => {
    const params = {
      model: "opus",
      maxTurns: 3,
      maxBudgetUsd: 0.5,
      allowedTools: ["Read"],
      jsonSchema: { type: "object" }
    }
    const result = validateParams(tool("claude"), params)
    expect(Result.isSuccess(result) && result.success).toEqual(params)
    expect(params).toEqual({
      model: "opus",
      maxTurns: 3,
      maxBudgetUsd: 0.5,
      allowedTools: ["Read"],
      jsonSchema: { type: "object" }
    })
    expect(mistake("claude", {})).toBeUndefined()
  })

  it.each([
    ["claude", { modell: "opus" }, "claude has no parameter 'modell'; did you mean 'model'?"],
    ["claude", { max_turns: 3 }, "claude has no parameter 'max_turns'; did you mean 'maxTurns'?"],
    ["crush", { temperature: 1 }, "crush has no parameter 'temperature'; it has model, smallModel"],
    ["shell", { model: "x" }, "shell has no parameter 'model'; it has interactive"],
    [
      "codex",
      { sandbox: "none" },
      'sandbox of codex cannot be "none"; it is one of read-only, workspace-write, danger-full-access'
    ],
    ["codex-full", { sandbox: "read-only" }, /^codex-full has no parameter 'sandbox'; it has model, profile, /u],
    ["claude", { maxTurns: "3" }, 'maxTurns of claude must be a whole number, not "3"'],
    ["claude", { maxTurns: 0 }, "maxTurns of claude must be >= 1 (it is 0)"],
    ["claude", { allowedTools: "Read" }, 'allowedTools of claude must be a list, not "Read"'],
    ["claude", { allowedTools: ["Read", 7] }, "element 2 of allowedTools of claude must be a string, not 7"],
    ["claude", { strictMcpConfig: "yes" }, 'strictMcpConfig of claude must be true or false, not "yes"'],
    [
      "qwen",
      { maxWallTime: "soon" },
      'maxWallTime of qwen cannot be "soon"; Ends the run with exit code 55 after this time: 90, 30s, 5m, 1.5h.'
    ],
    ["claude", null, 'the parameters of claude must be a JSON object, such as {"model":"..."}'],
    ["claude", [], 'the parameters of claude must be a JSON object, such as {"model":"..."}'],
    ["claude", { model: undefined }, 'the parameters of claude must be a JSON object, such as {"model":"..."}'],
    ["claude", JSON.parse('{"__proto__":{"model":1}}'), /^claude has no parameter '__proto__'/u],
    ["claude", { constructor: 1 }, /^claude has no parameter 'constructor'/u]
  ])("%s %j: one sentence", (name, params, sentence) => {
    const told = mistake(name, params)
    if (typeof sentence === "string") expect(told).toBe(sentence)
    else expect(told).toMatch(sentence)
  })

  it("that are too many are refused by their size", () => {
    expect(mistake("claude", { jsonSchema: { a: "x".repeat(paramsLimit) } })).toMatch(
      /^the parameters of claude are \d+ bytes of JSON; at most \d+ are taken$/u
    )
  })

  it("are checked by a schema that is compiled once", () => {
    const first = compileSchema(tool("claude").params)
    const second = compileSchema(structuredClone(tool("claude").params))
    expect(Result.isSuccess(first) && Result.isSuccess(second) && first.success === second.success).toBe(true)
  })

  it("a schema that is none is a sentence, not a throw", () => {
    for (const schema of [{ type: "nonsense" }, { $ref: "https://example.com/other.json" }, { pattern: "(" }]) {
      expect(Result.isFailure(compileSchema(schema))).toBe(true)
    }
  })
})
