/** What the log's plans look like in SQL: lists, open commands, reports. */
import { randomUUID } from "node:crypto"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { explain } from "../../../../test/support/explain.ts"
import { makeFleet, member } from "../../../../test/support/fleet.ts"
import { Commands } from "../log/Commands.ts"
import { layer as eventLogLayer } from "../log/EventLogLive.ts"
import { Db, type Sql } from "../postgres/Db.ts"
import { Projections } from "../projection/Projection.ts"
import { layer as projectionsLayer } from "../projection/ProjectionsLive.ts"
import { roomProjections } from "../projection/rooms.ts"
import { readReport } from "../report/reports.ts"
import type { PlanCommand } from "./decider.ts"
import { planEvents, planStream } from "./events.ts"
import type { Draft } from "./plan.ts"
import { PlanOutcomes } from "./PlanOutcomes.ts"
import { Plans } from "./Plans.ts"
import { planCommandProjection, planProjection } from "./projection.ts"
import { listPlans, planList } from "./reading.ts"
import { planDecider } from "./room.ts"
import type { PlanView } from "./view.ts"

const fleet = makeFleet(["web1", "web2"].map((host) => member(host, { tags: ["web"] })))
const Services = Layer.mergeAll(Plans.layer, PlanOutcomes.layer("hub")).pipe(
  Layer.provideMerge(Layer.mergeAll(Commands.layer, fleet.layer, projectionsLayer(roomProjections))),
  Layer.provideMerge(eventLogLayer),
  Layer.provideMerge(DbTest)
)
const by = () => ({ commandId: randomUUID(), actor: "person:ana", account: "ana" })
const restart: Draft = {
  steps: [{ action: "service.restart", args: { unit: "nginx.service" }, targets: { _tag: "Tag", tag: "web" } }]
}
const instruct = (draft: Draft, dryRun = false) =>
  Effect.flatMap(Plans, (plans) =>
    plans.instruct({ dryRun, meaning: { draft, origin: { by: "draft" }, understood: [] } }, by())
  )
const run = (planId: string, command: PlanCommand) =>
  Effect.flatMap(Commands, (commands) =>
    commands.execute({
      decider: planDecider,
      types: planEvents,
      stream: planStream(planId),
      command,
      commandId: randomUUID(),
      actor: "worker:test"
    })
  )
const dispatch = (plan: PlanView, commandId: string, host: string): PlanCommand => ({
  _tag: "Advance",
  moves: [
    {
      _tag: "StepDispatched",
      step: 0,
      purpose: "act",
      agentId: `agent-${host}`,
      commandId,
      host,
      action: "service.restart",
      hash: plan.hash ?? "",
      deadline: Date.parse("2026-11-20T14:35:00Z"),
      timeoutMs: 1_000
    }
  ]
})
/** What the hub asks when an agent connects, in short. */
const openOf = (sql: Sql, agentId: string) => sql`
  select command_id from read.plan_command where agent_id = ${agentId} and not over`
const open = Effect.flatMap(Db, (db) =>
  db.query(
    "read what is open",
    (sql) => sql<{ agent: string; command: string; version: number }[]>`
      select agent_id as agent, command_id::text as command, version from read.plan_command where not over order by agent_id`
  )
).pipe(Effect.map((rows) => rows.map((row) => ({ ...row }))))
const seen = (position: number) =>
  Effect.gen(function* () {
    const projections = yield* Projections
    yield* projections.waitFor(planProjection.name, position)
    yield* projections.waitFor(planCommandProjection.name, position)
  })

layer(Services, { timeout: 60_000, excludeTestServices: true })("the read models of plans", (it) => {
  it.effect("tell what is open, what an agent has to answer, and what became of everything", () =>
    Effect.gen(function* () {
      yield* Effect.forkChild((yield* Projections).run)
      const plans = yield* Plans
      const outcomes = yield* PlanOutcomes
      const { plan } = yield* instruct(restart)
      yield* plans.approve(plan.planId, { hash: plan.hash ?? "" }, { ...by(), role: "admin", alone: true })
      const [one, two] = [randomUUID(), randomUUID()]
      yield* run(plan.planId, dispatch(plan, one, "web1"))
      const sent = yield* run(plan.planId, dispatch(plan, two, "web2"))
      const dry = yield* instruct(restart, true)
      yield* seen(dry.position)
      assert.deepStrictEqual(
        (yield* listPlans({ limit: 10 })).map((view) => [view.planId, view.status]),
        [
          [dry.plan.planId, "previewed"],
          [plan.planId, "running"]
        ]
      )
      assert.deepStrictEqual(
        (yield* listPlans({ limit: 10, open: true })).map((view) => view.planId),
        [plan.planId]
      )
      assert.deepStrictEqual(
        (yield* listPlans({ limit: 10, before: dry.plan.planId })).map((view) => view.planId),
        [plan.planId]
      )
      assert.deepStrictEqual(yield* open, [
        { agent: "agent-web1", command: one, version: (sent.state?.version ?? 0) - 1 },
        { agent: "agent-web2", command: two, version: sent.state?.version ?? 0 }
      ])
      const found = { planId: plan.planId, step: 0, purpose: "act", agentId: "agent-web2", commandId: two } as const

      const result = { summary: "done", data: { before: 1 }, proven: true, startedAt: 1_000, finishedAt: 1_212 }
      yield* outcomes.accepted(found)
      // twice, and at once: what is known already is recorded once
      yield* Effect.all(
        [1, 2, 3].map(() => outcomes.ended(found, { ...result, commandId: two, outcome: "succeeded" })),
        { concurrency: "unbounded" }
      )
      yield* outcomes.ended(
        { ...found, commandId: one, agentId: "agent-web1" },
        { ...result, commandId: one, outcome: "rolled-back", summary: "put back", proven: false }
      )
      const done = yield* plans.load(plan.planId)
      assert.strictEqual(done.status, "failed")
      yield* seen((yield* instruct(restart, true)).position)
      assert.deepStrictEqual(yield* open, [])

      const { columns, rows } = yield* readReport("plans", { limit: 10 })
      const row = rows.find((cells) => cells[columns.indexOf("plan_id")] === plan.planId)
      const cell = (name: string) => row?.[columns.indexOf(name)]
      assert.deepStrictEqual(
        [
          "instruction",
          "requested_by",
          "status",
          "risk",
          "steps",
          "hosts",
          "succeeded",
          "failed",
          "approved_by",
          "understood_by"
        ].map(cell),
        ["service.restart nginx.service on tag web", "ana", "failed", "medium", 1, 2, 1, 1, "ana", "draft"]
      )
      const steps = yield* readReport("steps", { limit: 10 })
      const at = (name: string) => steps.columns.indexOf(name)
      const mine = steps.rows.filter((cells) => cells[at("plan_id")] === plan.planId)
      assert.deepStrictEqual(
        mine.map((cells) => ["step", "host", "action", "state", "summary", "proven"].map((name) => cells[at(name)])),
        [
          [1, "web1", "service.restart", "rolled-back", "put back", false],
          [1, "web2", "service.restart", "succeeded", "done", true]
        ]
      )
      const shown = steps.rows.filter((cells) => cells[at("plan_id")] === dry.plan.planId)
      assert.deepStrictEqual(
        shown.map((cells) => cells[at("state")]),
        ["never", "never"],
        "what was only shown waits for nothing"
      )
      assert.deepStrictEqual(
        mine.map((cells) => Number(cells[at("seconds")])),
        [0.212, 0.212]
      )
    })
  )

  it.effect("are the same after a rebuild", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const projections = yield* Projections
      yield* Effect.forkChild(projections.run)
      const { position } = yield* instruct(restart, true)
      yield* seen(position)
      const all = db.query(
        "read everything",
        (sql) => sql<{ all: string }[]>`
          select (select json_agg(p order by id)::text from read.plan as p) || (select json_agg(c order by command_id)::text
            from read.plan_command as c) as all`
      )
      const before = yield* all
      yield* projections.rebuild(planProjection.name)
      yield* projections.rebuild(planCommandProjection.name)
      assert.deepStrictEqual(yield* all, before)
      assert.isAbove(before[0]?.all.length ?? 0, 1_000)
    })
  )

  it.effect("are asked by index", () =>
    Effect.gen(function* () {
      const db = yield* Db
      yield* db.query("fill", (sql) =>
        sql
          .unsafe(
            `insert into read.plan (id, version, view, brief) select 'x' || n, 1, json_build_object('status', case when n % 500 = 0
               then 'proposed' else 'succeeded' end, 'createdAt', '2025-01-01T00:00:' || lpad(n::text, 8, '0')), '{}'
             from generate_series(1, 20000) n;
             insert into read.plan_command (command_id, plan_id, step, purpose, agent_id, version, deadline, over)
             select gen_random_uuid(), 'x' || n, 0, 'act', 'agent-' || n % 100, 1, n, n % 50 <> 0 from generate_series(1, 20000) n;
             analyze read.plan; analyze read.plan_command;`
          )
          .simple()
      )
      for (const [index, plan] of [
        ["plan_by_age", yield* explain((sql) => planList(sql, { limit: 50 }))],
        ["plan_open", yield* explain((sql) => planList(sql, { limit: 50, open: true }))],
        ["plan_command_open", yield* explain((sql) => openOf(sql, "agent-7"))]
      ] as const) {
        assert.notMatch(plan, /Seq Scan/, plan)
        assert.include(plan, index)
      }
    })
  )
})
