/** Contents and secrets of plans: never in the log, put back when they are sent, gone when they are deleted. */
import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { makeFleet, member } from "../../../../test/support/fleet.ts"
import { Commands } from "../log/Commands.ts"
import { EventLog } from "../log/EventLog.ts"
import { layer as eventLogLayer } from "../log/EventLogLive.ts"
import { Db } from "../postgres/Db.ts"
import { argsWithContents, contentHash, forgetOldContents } from "./contents.ts"
import { planStream } from "./events.ts"
import { planHash } from "./hash.ts"
import { isShortCode, shortCode } from "./code.ts"
import type { Draft } from "./plan.ts"
import { Plans } from "./Plans.ts"
import { PlanOutcomes } from "./PlanOutcomes.ts"
import { understand } from "./understand.ts"

const members = [member("web1", { allows: ["shell.run"] }), member("web2")]
const TestLive = Layer.mergeAll(Plans.layer, PlanOutcomes.layer("hub")).pipe(
  Layer.provideMerge(Layer.mergeAll(Commands.layer, makeFleet(members).layer)),
  Layer.provideMerge(eventLogLayer),
  Layer.provideMerge(Layer.fresh(DbTest))
)

const secret = "hunter2-and-more"
const on = { _tag: "Name", glob: "web1" } as const
const draft: Draft = {
  steps: [
    {
      action: "config.write",
      args: { path: "/etc/app.conf", content: `# app\npassword = ${secret}\nworkers = 4\n` },
      targets: on
    },
    { action: "config.set", args: { path: "/etc/app.conf", key: "db_password", value: secret }, targets: on },
    { action: "shell.run", args: { command: `mysql -u root -p${secret} -e 'select 1'` }, targets: on },
    { action: "service.restart", args: { unit: "nginx.service" }, targets: on }
  ]
}
const by = () => ({ commandId: randomUUID(), actor: "ana", account: "ana" })
const propose = (of: Draft = draft) =>
  Effect.flatMap(Plans, (plans) =>
    plans.instruct({ dryRun: false, meaning: { draft: of, origin: { by: "draft" }, understood: [] } }, by())
  )
const logged = (planId: string) =>
  Effect.flatMap(EventLog, (log) =>
    Effect.map(log.read({ stream: planStream(planId), limit: 1_000 }), (events) => JSON.stringify(events))
  )
const table = Effect.flatMap(Db, (db) =>
  db.query(
    "read",
    (sql) => sql<{ sha256: string; plan_id: string; salt: string; content: string }[]>`
    select * from plan.content order by content`
  )
)

describe("contents of plans", () => {
  it.effect("are in no event, in masked form in the plan, and whole for who sends them", () =>
    Effect.gen(function* () {
      const { plan } = yield* propose()
      assert.strictEqual(plan.status, "proposed")
      const text = yield* logged(plan.planId)
      assert.notInclude(text, secret)
      assert.include(text, "workers = 4")
      const steps = plan.plan?.steps ?? []
      assert.deepStrictEqual(
        steps.map((step) => step.args),
        [
          { path: "/etc/app.conf", content: "# app\npassword = [redacted]\nworkers = 4\n" },
          { path: "/etc/app.conf", key: "db_password", value: "[redacted]" },
          { command: "mysql -u root -p[redacted] -e 'select 1'" },
          { unit: "nginx.service" }
        ]
      )
      assert.strictEqual(steps[0]?.contents?.["content"]?.bytes, 46)
      const whole = yield* Effect.forEach(steps, (step) => argsWithContents(plan.planId, step))
      assert.deepStrictEqual(
        whole,
        draft.steps.map((step) => step.args)
      )
      // the hash is of what stands in the log, contents by their own hashes
      if (plan.plan === undefined) throw new Error("there is no plan")
      assert.strictEqual(planHash(plan.planId, "ana", plan.plan), plan.hash)
      const rows = yield* table
      assert.deepStrictEqual(
        rows.map((row) => row.sha256).toSorted(),
        steps.flatMap((step) => Object.values(step.contents ?? {}).map((one) => one.sha256)).toSorted()
      )
      for (const row of rows) {
        assert.strictEqual(row.sha256, contentHash(row.salt, row.content))
        assert.notInclude(text, row.salt)
      }
    }).pipe(Effect.provide(TestLive))
  )

  it.effect("are the same for no two plans, so that nothing is guessed by comparing", () =>
    Effect.gen(function* () {
      const [one, two] = [yield* propose(), yield* propose()]
      const hashes = [one, two].flatMap(({ plan }) =>
        (plan.plan?.steps ?? []).flatMap((step) => Object.values(step.contents ?? {}).map(({ sha256 }) => sha256))
      )
      assert.strictEqual(new Set(hashes).size, 6)
      const [step] = one.plan.plan?.steps ?? []
      if (step === undefined) throw new Error("there is no step")
      const other = yield* Effect.flip(argsWithContents(two.plan.planId, step))
      assert.strictEqual(other._tag, "ContentMissing")
    }).pipe(Effect.provide(TestLive))
  )

  it.effect("that were deleted or changed are not approved, with the reason", () =>
    Effect.gen(function* () {
      const plans = yield* Plans
      const db = yield* Db
      const approve = (planId: string, hash: string) =>
        plans.approve(
          planId,
          { hash, code: shortCode(hash) },
          { ...by(), account: "bo", actor: "bo", role: "admin", alone: false }
        )
      const deleted = (yield* propose()).plan
      yield* db.query("delete", (sql) => sql`delete from plan.content where plan_id = ${deleted.planId}`)
      const refused = yield* Effect.flip(approve(deleted.planId, deleted.hash ?? ""))
      assert.match(
        refused.message,
        /^The content of config\.write in .* was deleted or changed .* Give the instruction again/u
      )
      assert.strictEqual((yield* plans.load(deleted.planId)).status, "proposed")

      const changed = (yield* propose()).plan
      yield* db.query(
        "change",
        (sql) =>
          sql`update plan.content set content = 'reboot' where plan_id = ${changed.planId} and content like 'mysql%'`
      )
      assert.match(
        (yield* Effect.flip(approve(changed.planId, changed.hash ?? ""))).message,
        /The command of shell\.run/u
      )

      const whole = (yield* propose()).plan
      assert.isTrue(isShortCode(shortCode(whole.hash ?? ""), whole.hash ?? ""))
      assert.strictEqual((yield* approve(whole.planId, whole.hash ?? "")).plan.status, "approved")
    }).pipe(Effect.provide(TestLive))
  )

  it.effect("are not in the words of an instruction either, understood or not", () =>
    Effect.gen(function* () {
      const plans = yield* Plans
      const say = (text: string, model?: string) =>
        Effect.map(
          plans.instruct({ text, dryRun: false, meaning: understand({ text, model }, members, () => 0) }, by()),
          ({ plan }) => plan
        )
      const understood = yield* say(`set db_password to ${secret} in /etc/app.conf on web1`)
      assert.strictEqual(understood.status, "proposed")
      assert.strictEqual(understood.text, "set db_password to [redacted] in /etc/app.conf on web1")
      assert.strictEqual(understood.plan?.steps[0]?.contents?.["value"]?.bytes, secret.length)
      const shell = yield* say(`run "curl -u ana:${secret} https://x" on web1`)
      assert.strictEqual(shell.text, 'run "curl -u ana:[redacted] https://x" on web1')
      const failed = yield* say(`run "DB_PASSWORD=${secret} ./x" on web2`)
      assert.match(failed.question?.reason ?? "", /not allowed on web2/u)
      const asked = yield* say(`make the password of the database ${secret} or better: password=${secret}`, "m/x")
      const dud = yield* say(`password: ${secret}`)
      for (const one of [understood, shell, failed, dud]) assert.notInclude(yield* logged(one.planId), secret)
      assert.include(asked.text, "password=[redacted]")
    }).pipe(Effect.provide(TestLive))
  )

  it.effect("of which only the mark is left are never carried out", () =>
    Effect.gen(function* () {
      const { plan } = yield* propose({
        steps: [{ action: "config.set", args: { path: "/etc/x", key: "password", value: "[redacted]" }, targets: on }]
      })
      assert.strictEqual(plan.status, "not-understood")
      assert.match(plan.question?.reason ?? "", /holds a mark that stands for a secret/u)
    }).pipe(Effect.provide(TestLive))
  )

  it.effect("are forgotten a week after their plan, and not while it is open", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const ages = [
        ["p-open", "proposed", 30],
        ["p-over", "succeeded", 8],
        ["p-late", "succeeded", 6],
        ["p-none", undefined, 8]
      ] as const
      for (const [planId, status, days] of ages) {
        if (status !== undefined)
          yield* db.query(
            "a plan",
            (sql) => sql`insert into read.plan (id, version, view, brief)
              values (${planId}, 1, ${JSON.stringify({ status, createdAt: "2026" })}::text::json, '{}')`
          )
        yield* db.query(
          "a content",
          (sql) => sql`insert into plan.content (sha256, plan_id, salt, content, at)
            values (${planId}, ${planId}, '', '', now() - ${days} * interval '1 day')`
        )
      }
      yield* forgetOldContents
      assert.deepStrictEqual((yield* table).map((row) => row.plan_id).toSorted(), ["p-late", "p-open"])
    }).pipe(Effect.provide(TestLive))
  )
})

describe("what agents answer", () => {
  it.effect("is recorded without what looks like a secret, in the event or beside the log", () =>
    Effect.gen(function* () {
      const plans = yield* Plans
      const outcomes = yield* PlanOutcomes
      const commands = yield* Commands
      const { planDecider } = yield* Effect.promise(() => import("./room.ts"))
      const { planEvents } = yield* Effect.promise(() => import("./events.ts"))
      const { plan } = yield* propose({ steps: [{ action: "log.query", args: {}, targets: { _tag: "All" } }] })
      const ids = [randomUUID(), randomUUID()]
      const moves = ["web1", "web2"].map((host, nth) => ({
        _tag: "StepDispatched" as const,
        step: 0,
        purpose: "act" as const,
        agentId: `agent-${host}`,
        commandId: ids[nth] ?? "",
        host,
        action: "log.query",
        args: {},
        hash: plan.hash ?? "",
        deadline: Date.now() + 60_000,
        timeoutMs: 1_000
      }))
      yield* commands.execute({
        decider: planDecider,
        types: planEvents,
        stream: planStream(plan.planId),
        command: { _tag: "Advance", moves },
        commandId: randomUUID(),
        actor: "worker"
      })
      const lines = [`app: password=${secret} for ana`, "plain"]
      for (const [nth, more] of [[], Array.from({ length: 2_000 }, (_, n) => `line number ${n}`)].entries())
        yield* outcomes.ended(
          { planId: plan.planId, step: 0, purpose: "act", agentId: `agent-web${nth + 1}`, commandId: ids[nth] ?? "" },
          {
            commandId: ids[nth] ?? "",
            outcome: "succeeded",
            summary: `read, token=${secret}`,
            data: { lines: [...lines, ...more], api_token: secret },
            startedAt: 1,
            finishedAt: 2
          }
        )
      assert.notInclude(yield* logged(plan.planId), secret)
      for (const id of ids) {
        const data = JSON.stringify(yield* plans.result(plan.planId, id))
        assert.notInclude(data, secret)
        assert.include(data, '"plain"')
        assert.include(data, "for ana")
      }
    }).pipe(Effect.provide(TestLive))
  )
})
