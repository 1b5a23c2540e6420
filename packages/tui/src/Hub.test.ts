import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { Redacted } from "effect"
import { type Acts, connect } from "./Hub.ts"
import { Store } from "./store.ts"
import { noon, taskId } from "./testing/fixture.ts"
import { TestHub, testToken } from "./testing/hub.ts"
import { seenIn } from "./testing/seen.ts"
import { sketch } from "./testing/world.ts"

let hub: TestHub
let store: Store
let acts: Acts | undefined
let told: Array<string>

beforeEach(() => {
  hub = new TestHub()
  sketch(hub.log)
  store = new Store({ interval: 0 })
  told = []
})
afterEach(async () => {
  await acts?.close()
  acts = undefined
  await hub.stop()
})

const join = (token = testToken): Acts =>
  (acts = connect({ baseUrl: hub.url, token: Redacted.make(token), store, tell: (sentence) => told.push(sentence) }))

const seen = seenIn(() => store)
const live = (): Promise<void> => seen("live", () => store.connection.state === "live")
const noFilter = { tasks: "", chats: "", hosts: "", plans: "", timeline: "" }
const positions = (): ReadonlyArray<number> => store.model(noFilter, noon).events.rows.map((e) => e.position)
const dense = (): void => expect(positions()).toEqual(Array.from({ length: hub.log.head }, (_, i) => i + 1))
const logText = (): string => (store.log?.lines ?? []).map((l) => l.text).join("\n")

describe("the terminal's copy of the log", () => {
  it("starts with a snapshot and then shows what happens, as the hub folds it", async () => {
    await hub.start()
    join()
    await live()
    expect(store.model(noFilter, noon).tasks.rows.map((t) => t.taskId)).toEqual([5, 4, 3, 2, 1].map(taskId))
    hub.log.make(taskId(6), noon, { status: "succeeded" })
    hub.log.task(
      taskId(4),
      { _tag: "TaskObserved", status: "waiting", report: { waiting: "Go on?", model: "opus" } },
      noon
    )
    await seen("the last event", () => store.position === hub.log.head)
    for (const [id, task] of hub.log.tasks) expect(store.task(id)).toEqual(task)
    dense()
  })

  it("goes on after a break where it was: nothing lost, nothing twice, and says so meanwhile", async () => {
    await hub.start()
    join()
    await live()
    for (let round = 0; round < 3; round++) {
      const port = await hub.drop()
      await seen("reconnecting", () => store.connection.state === "reconnecting")
      hub.log.make(taskId(100 + round), noon, { status: "running" })
      await hub.start(port)
      await live()
      await seen("what happened meanwhile", () => store.position === hub.log.head)
      expect(store.task(taskId(100 + round))?.status).toBe("running")
    }
    dense()
    expect(told).toEqual([])
  })

  it("waits for a hub that is not there yet, and says how to start one", async () => {
    const port = Number(new URL(await hub.start()).port)
    await hub.drop()
    join()
    await seen("reconnecting", () => store.connection.state === "reconnecting")
    expect(told).toEqual([
      `The hub at ${hub.url} does not answer. Start it with signalbox up; this screen connects by itself.`
    ])
    await hub.start(port)
    await live()
    expect(store.taskCount).toBe(5)
  })

  it("does not try again with a token that is refused", async () => {
    await hub.start()
    join("wrong")
    await seen("refused", () => told.length > 0 && store.connection.state === "reconnecting")
    expect(told.at(-1)).toBe("This token is not known here.")
  })

  it("reads everything anew when the hub has another log", async () => {
    await hub.start()
    join()
    await live()
    const port = await hub.drop()
    hub.forget()
    hub.log.make(taskId(7), noon)
    await hub.start(port)
    await seen("the new log", () => store.loaded && store.taskCount === 1 && store.connection.state === "live")
    expect(store.position).toBe(1)
    expect(told).toEqual(["The hub has another log now. Everything was read anew."])
    hub.log.make(taskId(8), noon)
    await seen("what happens in it", () => store.taskCount === 2)
    dense()
  })

  it("asks for a task that the log speaks of and the snapshot left out", async () => {
    await hub.start()
    join()
    await live()
    const task = hub.log.tasks.get(taskId(1))!
    hub.log.onAppend = ((send) => (event) => {
      if (event.type !== "TaskCreated") send(event)
    })(hub.log.onAppend)
    hub.log.make(taskId(50), noon, { status: "waiting" })
    await seen("the task", () => store.task(taskId(50))?.status === "waiting")
    expect(task.status).toBe("failed")
  })

  it("types a message into an interactive task, and gives the hub's reason where it cannot", async () => {
    hub.log.make(taskId(60), noon, { status: "running", interactive: true })
    await hub.start()
    const { say } = join()
    await live()
    await say(taskId(60), "y")
    await seen("the message", () => store.task(taskId(60))?.messages?.[0]?.text === "y")
    await expect(say(taskId(1), "y")).rejects.toThrow(`use task resume ${taskId(1)} to continue its session`)
  })

  it("reads older events on demand, down to the first", async () => {
    for (let n = 0; n < 700; n++) hub.log.make(taskId(1000 + n), noon + n)
    await hub.start()
    const { olderEvents } = join()
    await live()
    expect(store.oldestEvent).toBe(hub.log.head - 499)
    expect(await olderEvents()).toBe(true)
    expect(store.oldestEvent).toBe(1)
    expect(await olderEvents()).toBe(false)
    dense()
  })
})

describe("acts", () => {
  it("do what they say, and fail in the hub's own words", async () => {
    await hub.start()
    const { kill, create, retry, message, addHost, checkHost, removeHost } = join()
    await live()
    await kill(taskId(4))
    await expect(kill(taskId(1))).rejects.toThrow(`${taskId(1)} has already ended (failed).`)
    await expect(kill(taskId(999))).rejects.toThrow(`There is no task ${taskId(999)}.`)
    const created = await create({ host: "local", tool: "shell", command: "ls" })
    await seen("the new task", () => store.task(created)?.command === "ls")
    await retry(taskId(1))
    const answer = await message(taskId(1), "go on")
    await seen("the follow-up", () => store.task(answer)?.command === "go on")
    await addHost({ name: "db1", address: "10.0.0.9" }, true)
    await checkHost("db1")
    await seen("the host", () =>
      store.model(noFilter, noon).hosts.rows.some((h) => h.name === "db1" && h.report?.reachable === true)
    )
    await expect(addHost({ name: "db1", address: "10.0.0.9" }, false)).rejects.toThrow("There is a host db1 already.")
    await removeHost("db1")
    await seen("no host", () => !store.model(noFilter, noon).hosts.rows.some((h) => h.name === "db1"))
    const ids = hub.requests.flatMap((r) => (r.method === "POST" ? [(r.body as { commandId?: string }).commandId] : []))
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).not.toContain(undefined)
  })
})

describe("the log of a task", () => {
  it("is complete and in order over breaks, cut inside a character and a line", async () => {
    await hub.start()
    const { readLog } = join()
    await live()
    const text = Array.from({ length: 50 }, (_, i) => `line ${i} — 日本語`).join("\n") + "\n"
    const all = Buffer.from(text)
    hub.write(taskId(4), all.subarray(0, 331))
    readLog(taskId(4))
    await seen("the first part", () => store.log?.bytes === 331)
    hub.write(taskId(4), all.subarray(331, 700))
    await seen("the second part", () => store.log?.bytes === 700)
    const port = await hub.drop()
    hub.write(taskId(4), all.subarray(700))
    await seen("a broken log", () => store.log?.state === "reconnecting")
    await hub.start(port)
    await seen("all of it", () => store.log?.bytes === all.length)
    expect(logText()).toBe(text.trimEnd())
    hub.log.task(taskId(4), { _tag: "TaskSucceeded", exitCode: 0, report: {}, output: {} }, noon)
    await seen("its end", () => store.log?.state === "ended")
  })

  it("waits for a hub whose read model has yet to see the task", async () => {
    await hub.start()
    const { readLog } = join()
    await live()
    hub.unseen.add(taskId(4))
    hub.write(taskId(4), "here it is\n")
    readLog(taskId(4))
    await seen("the log", () => logText() === "here it is")
    expect(hub.unseen.size).toBe(0)
  })

  it("has both streams of a task, and tells which is which", async () => {
    await hub.start()
    const { readLog } = join()
    await live()
    hub.write(taskId(2), "to out\n")
    hub.write(`${taskId(2)}/err`, "to err\n")
    readLog(taskId(2))
    await seen("the end", () => store.log?.state === "ended")
    expect(store.log?.lines.map((l) => [l.kind, l.text]).toSorted()).toEqual([
      ["plain", "to out"],
      ["stderr", "to err"]
    ])
    expect(store.log?.bytes).toBe(14)
  })

  it("shows an agent's structured output as a person reads it", async () => {
    await hub.start()
    const { readLog } = join()
    await live()
    const say = {
      type: "assistant",
      message: { content: [{ type: "text", text: "I'll check how retries are counted." }] }
    }
    hub.write(taskId(4), `${JSON.stringify(say)}\n`)
    readLog(taskId(4))
    await seen("the message", () => logText().includes("I'll check how retries are counted."))
    expect(logText()).not.toContain("{")
  })

  it("is of the task that was asked for last, however fast one moves", async () => {
    await hub.start()
    const { readLog } = join()
    await live()
    hub.write(taskId(1), "of one\n")
    hub.write(taskId(2), "of two\n")
    for (let i = 0; i < 20; i++) readLog(taskId(1 + (i % 2)))
    await seen("the log", () => store.log?.state === "ended")
    expect(store.log?.taskId).toBe(taskId(2))
    expect(logText()).toBe("of two")
    expect(hub.requests.filter((r) => r.path.endsWith("/output")).length).toBeLessThanOrEqual(4)
  })
})
