import { expect, it } from "vitest"
import { FixtureLog, noon, taskId, tools, web1, web1Checked } from "./testing/fixture.ts"
import { Store } from "./store.ts"

const noFilter = { tasks: "", chats: "", hosts: "", plans: "", timeline: "" }
const loaded = (log: FixtureLog, options = {}): Store => {
  const store = new Store({ interval: 0, ...options })
  store.load({
    tasks: [...log.tasks.values()],
    chats: [],
    plans: [],
    agents: [],
    hosts: log.hostStatuses(),
    tools,
    events: [...log.events],
    position: log.head
  })
  store.ticker.stop()
  return store
}

it("folds every event once, whatever the overlap of snapshot and stream", () => {
  const log = new FixtureLog()
  log.make(taskId(1), noon, { status: "waiting" })
  log.host("web1", web1, noon)
  log.host("web1", web1Checked, noon)
  const store = loaded(log)
  for (const event of log.events) store.apply(event)
  for (const event of log.events) store.apply(event)
  expect(store.eventCount).toBe(log.head)
  expect(store.task(taskId(1))).toEqual(log.tasks.get(taskId(1)))
  expect(store.model(noFilter, noon).hosts.rows.find((h) => h.name === "web1")).toMatchObject({
    ...log.hosts.get("web1")
  })
  store.ticker.stop()
})

it("keeps no more than it may: the oldest settled tasks and the oldest events go, open tasks never", () => {
  const log = new FixtureLog()
  const store = loaded(log, { mostTasks: 100, mostEvents: 200 })
  log.onAppend = (event) => store.apply(event)
  log.make(taskId(1), noon - 1_000_000, { status: "running" })
  for (let n = 2; n < 2000; n++) log.make(taskId(n), noon + n, { status: "succeeded" })
  expect(store.taskCount).toBeLessThanOrEqual(600)
  expect(store.eventCount).toBeLessThanOrEqual(700)
  expect(store.task(taskId(1))?.status).toBe("running")
  expect(store.task(taskId(1999))?.status).toBe("succeeded")
  const positions = store.model(noFilter, noon).events.rows.map((e) => e.position)
  expect(positions.at(-1)).toBe(log.head)
  expect(positions).toEqual(positions.map((_, i) => log.head - positions.length + 1 + i))
  store.ticker.stop()
})

it("keeps an event that it does not understand in the timeline, and counts it", () => {
  const log = new FixtureLog()
  log.make(taskId(1), noon)
  const store = loaded(log)
  const before = store.task(taskId(1))
  store.apply(log.append(`task/${taskId(1)}`, "TaskLaunched", { pid: "not a number" }, noon))
  store.apply(log.append(`task/${taskId(1)}`, "TaskTeleported", {}, noon))
  store.apply(log.append("weather/berlin", "RainFell", { mm: 3 }, noon))
  expect(store.undecodable).toBe(1)
  expect(store.task(taskId(1))).toEqual(before)
  expect(store.eventCount).toBe(log.head)
  store.ticker.stop()
})

it("orders by attention, filters by words in any order, and counts", () => {
  const log = new FixtureLog()
  log.make(taskId(1), noon, { status: "succeeded", command: "deploy the shop" })
  log.make(taskId(2), noon + 1, { status: "queued" })
  log.make(taskId(3), noon + 2, { status: "running", command: "Deploy again to the SHOP" })
  log.make(taskId(4), noon - 9, { status: "waiting" })
  log.make(taskId(5), noon + 4, { status: "failed" })
  const store = loaded(log)
  const model = store.model(noFilter, noon)
  expect(model.tasks.rows.map((t) => t.taskId)).toEqual([4, 3, 2, 5, 1].map(taskId))
  expect(model.counts).toEqual({ active: 1, waiting: 1, queued: 1 })
  const found = store.model({ ...noFilter, tasks: "shop deploy" }, noon).tasks
  expect(found.rows.map((t) => t.taskId)).toEqual([3, 1].map(taskId))
  expect(found.total).toBe(5)
  expect(store.model({ ...noFilter, timeline: "tasklaunched" }, noon).events.rows).toHaveLength(4)
})
