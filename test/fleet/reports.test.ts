/** What the agents say of themselves in their own stream formats appears in `task show --json`. */
import { afterAll, beforeAll, expect, it } from "vitest"
import { type Home, dispose, makeHome, signalbox, start, startHub } from "../support/signalbox.ts"
import { showLogsOnFailure } from "../support/logs.ts"
import { type TestServer, startServer } from "../support/postgres-server.ts"
import { type FleetHost, host } from "./support.ts"
import { Created, addHost, createTask, hasStatus, sha256 } from "./tasks.ts"

let server: TestServer
let box: FleetHost
let home: Home

beforeAll(async () => {
  ;[server, box] = await Promise.all([startServer(), host("tools")])
  home = await makeHome({ database: server.url })
  await startHub(home)
  await start(home, "worker")
  await addHost(home, box)
})
afterAll(async () => {
  await dispose(home)
  await server.stop()
})

/** What each fake counts (`test/support/tools`); codex, gemini and qwen tell no cost. */
const agents = [
  { tool: "claude", tokens: { outputTokens: 45 }, costUsd: 0.5, asks: "npm publish" },
  { tool: "codex", tokens: { inputTokens: 3312, outputTokens: 45, cachedTokens: 3000 }, asks: "Publish the package?" },
  { tool: "gemini", tokens: { inputTokens: 3312, outputTokens: 45, cachedTokens: 3000 }, asks: "Publish the package?" },
  { tool: "qwen", tokens: { inputTokens: 3312, outputTokens: 45, cachedTokens: 3000 }, asks: "Publish the package?" },
  { tool: "opencode", tokens: {}, costUsd: 0.5, asks: undefined }
] as const

it.each(agents)("$tool: answer, tokens, cost and session", async ({ tool, tokens, ...more }) => {
  showLogsOnFailure(home)
  const prompt = "Say hello to žluťoučký kůň [[cost 0.5]]"
  const taskId = await createTask(home, box.name, tool, prompt)
  const { report, exitCode } = (await hasStatus(home, taskId, "succeeded", 60_000)).task
  expect(exitCode).toBe(0)
  expect(report.answer).toContain(`sha256:${sha256(Buffer.from(prompt))}`)
  expect(report).toMatchObject(tokens)
  expect(report.inputTokens).toBeGreaterThan(0)
  expect(report.outputTokens).toBeGreaterThan(0)
  if ("costUsd" in more) expect(report.costUsd).toBeGreaterThanOrEqual(more.costUsd)
  else expect(report.costUsd).toBeUndefined()
  expect(report.sessionId).toMatch(/\S{8,}/)
  expect(report.waiting).toBeUndefined()

  const resumed = (await signalbox(home, "task", "resume", taskId, "and goodbye", "--json")).json(Created).taskId
  const after = (await hasStatus(home, resumed, "succeeded", 60_000)).task.report
  expect(after.sessionId).toBe(report.sessionId)
  expect(after.answer).toContain("resumed:2")
})

it.each(agents.filter((one) => one.asks !== undefined))(
  "$tool: a question is `waiting` until it is answered",
  async ({ tool, asks }) => {
    showLogsOnFailure(home)
    const taskId = await createTask(home, box.name, tool, "Publish it [[wait 8]]")
    const waiting = await hasStatus(home, taskId, "waiting", 60_000)
    expect(waiting.task.report.waiting).toContain(asks)
    const succeeded = await hasStatus(home, taskId, "succeeded", 60_000)
    expect(succeeded.task.report.waiting).toBeUndefined()
  }
)

it.each(["crush", "blackbox", "ollama"])("%s: a question at the end of plain text is `waiting`", async (tool) => {
  showLogsOnFailure(home)
  const taskId = await createTask(home, box.name, tool, "Publish it [[wait]]")
  const { task } = await hasStatus(home, taskId, "waiting", 60_000)
  expect(task.report.waiting).toMatch(/\?|y\/n/i)
  expect((await signalbox(home, "task", "kill", taskId)).code).toBe(0)
  await hasStatus(home, taskId, "killed", 60_000)
})

it.each(agents)("$tool: a failure that the tool tells is the task's message", async ({ tool }) => {
  showLogsOnFailure(home)
  const taskId = await createTask(home, box.name, tool, "Try [[fail]]")
  const { task } = await hasStatus(home, taskId, "failed", 60_000)
  expect(task.message).toContain("the fake was told to fail")
})
