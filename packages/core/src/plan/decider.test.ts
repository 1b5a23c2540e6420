/** The life of a plan: approved once, carried out once, over once. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { member } from "../../../../test/support/fleet.ts"
import { briefPlan } from "./brief.ts"
import { decidePlan, type Ended, type Move, type PlanCommand, type Said } from "./decider.ts"
import { makePlanId, PlanEvent, planEvents, PlanId } from "./events.ts"
import { freeze } from "./freeze.ts"
import type { Approval } from "./gate.ts"
import { planHash } from "./hash.ts"
import { shortCode } from "./code.ts"
import type { Draft } from "./plan.ts"
import { countsOf, evolvePlan } from "./evolve.ts"
import { PlanView } from "./view.ts"

const now = Date.parse("2026-11-20T14:30:00Z")
const planId = "p-20261120-7Q2FXK"
const fleet = Array.from({ length: 4 }, (_, n) => ({
  ...member(`web${n + 1}`, { tags: ["web"] }),
  lastSeen: now,
  sample: { at: now, cpu: 1, memory: 1, disk: 1, load: 1, uptime: 1 }
}))
const on = (
  action: string,
  args: Draft["steps"][number]["args"] = { unit: "nginx.service" }
): Draft["steps"][number] => ({
  action,
  args,
  targets: { _tag: "Tag", tag: "web" }
})
const proposalOf = (draft: Draft) => {
  const { plan, unjudged } = Result.getOrThrow(freeze(draft, fleet, now))
  return {
    _tag: "PlanProposed",
    plan,
    hash: planHash(planId, "ana", plan),
    origin: { by: "draft" },
    understood: [],
    unjudged
  } as const
}
const give = (draft: Draft, more: Partial<Extract<PlanCommand, { _tag: "Give" }>["given"]> = {}): PlanCommand => ({
  _tag: "Give",
  given: { planId, text: "restart", by: "ana", dryRun: false, ask: "none", ...more },
  answer: proposalOf(draft)
})

/** What was decided, and what the view is then. */
const run = (view: PlanView | undefined, ...commands: ReadonlyArray<PlanCommand>) => {
  const events: Array<PlanEvent> = []
  let refused: string | undefined
  let state = view
  for (const command of commands) {
    const decided = decidePlan(state, command)
    if (Result.isFailure(decided)) refused = decided.failure.message
    else
      for (const event of decided.success) {
        events.push(event)
        const version = (state?.version ?? 0) + 1
        state = evolvePlan(state, event, { at: new Date(now + version).toISOString(), actor: "test", version })
      }
  }
  if (state === undefined) throw new Error(refused ?? "there is no plan")
  return { view: state, refused, tags: events.map((event) => event._tag) }
}
const restart = { steps: [on("service.restart")] }
const proposed = (draft: Draft = restart) => run(undefined, give(draft)).view
const approve = (
  view: PlanView,
  more: Partial<Approval> & { readonly now?: number; readonly hash?: string; readonly drift?: string } = {}
): PlanCommand => {
  const { now: at = now + 1_000, hash = view.hash ?? "", drift, ...approval } = more
  return {
    _tag: "Approve",
    hash,
    now: at,
    ...(drift === undefined ? {} : { drift }),
    approval: { by: "bo", role: "approver", alone: false, ...approval }
  }
}
const approved = (draft: Draft = restart) => {
  const view = proposed(draft)
  return run(view, approve(view, { code: shortCode(view.hash ?? "") })).view
}
const dispatch = (view: PlanView, host: number, step = 0): Extract<Move, { _tag: "StepDispatched" }> => ({
  _tag: "StepDispatched",
  step,
  purpose: "act",
  agentId: `agent-web${host}`,
  commandId: `00000000-0000-4000-8000-0000000${step}000${host}`,
  host: `web${host}`,
  action: view.plan?.steps[step]?.action ?? "service.restart",
  args: { unit: "nginx.service" },
  hash: view.hash ?? "",
  deadline: now + 60_000,
  timeoutMs: 1_000
})
const ended = (_tag: Ended["_tag"], host: number, more: Partial<Ended> = {}, step = 0): Ended => ({
  _tag,
  step,
  purpose: "act",
  agentId: `agent-web${host}`,
  commandId: `00000000-0000-4000-8000-0000000${step}000${host}`,
  summary: "so it was",
  said: "agent",
  ...more
})
const hear = (...said: ReadonlyArray<Said>): PlanCommand => ({ _tag: "Hear", said })
const advance = (...moves: ReadonlyArray<Move>): PlanCommand => ({ _tag: "Advance", moves })
const statesOf = (view: PlanView) => view.steps.map((step) => step.map((target) => target.state).join(" "))

describe("an approval", () => {
  it("of the hash that was shown starts the plan, once", () => {
    const view = proposed()
    const twice = run(view, approve(view), approve(view), approve(view, { by: "cyd" }))
    assert.deepStrictEqual([twice.tags, twice.refused, twice.view.status], [["PlanApproved"], undefined, "approved"])
    assert.strictEqual(twice.view.approved?.by, "bo")
  })

  it("is by the requester where one person is enough", () => {
    const view = proposed()
    assert.strictEqual(run(view, approve(view, { by: "ana", role: "operator" })).view.status, "approved")
  })

  const high = { steps: [on("service.stop")] }
  const critical = { steps: [on("system.reboot", {})] }
  const code = (view: PlanView) => shortCode(view.hash ?? "")
  const refusals: ReadonlyArray<readonly [string, Draft, (view: PlanView) => PlanCommand, RegExp]> = [
    ["of another hash", restart, (view) => approve(view, { hash: "0".repeat(64) }), /is not what .* would do/],
    [
      "that comes late",
      restart,
      (view) => approve(view, { now: now + 15 * 60_000 }),
      /could be approved until 2026-11-20T14:45/
    ],
    [
      "after the targets changed",
      restart,
      (view) => approve(view, { drift: "web5 now fits tag web too." }),
      /web5 now fits.*not true any more/
    ],
    ["by who only looks", restart, (view) => approve(view, { role: "viewer" }), /role operator; bo is viewer/],
    [
      "of high risk by an operator",
      high,
      (view) => approve(view, { role: "operator" }),
      /role approver; bo is operator/
    ],
    [
      "of critical risk by the requester",
      critical,
      (view) => approve(view, { by: "ana", role: "admin", code: code(view) }),
      /somebody else than who asked for it, and ana did/
    ],
    ["of critical risk without the code", critical, (view) => approve(view), /typing the short code/],
    [
      "of critical risk with a wrong code",
      critical,
      (view) => approve(view, { code: "dead-beef" }),
      /"dead-beef" is not it/
    ],
    [
      "of critical risk alone without the code",
      critical,
      (view) => approve(view, { by: "ana", alone: true }),
      /typing the short code/
    ]
  ]
  it.each(refusals)("%s is refused with the reason", (_what, draft, command, why) => {
    const view = proposed(draft)
    const { refused, tags, view: after } = run(view, command(view))
    assert.match(refused ?? "", why)
    assert.deepStrictEqual([tags, after], [[], view])
  })

  it("of critical risk is a second person's with the code, or the only one's with the code", () => {
    const view = proposed(critical)
    assert.strictEqual(run(view, approve(view, { code: code(view) })).view.status, "approved")
    const alone = approve(view, { by: "ana", role: "admin", alone: true, code: code(view).toUpperCase() })
    assert.strictEqual(run(view, alone).view.status, "approved")
    assert.strictEqual(run(view, approve(view, { role: "approver", code: code(view) })).view.status, "approved")
  })

  it("is refused after a rejection, an end of its time, a dry run, and of what was not understood", () => {
    const view = proposed()
    const no: PlanCommand = { _tag: "Reject", by: "cyd", reason: "not now" }
    assert.match(run(view, no, approve(view)).refused ?? "", /was rejected/)
    assert.match(run(view, { _tag: "Expire", now: now + 16 * 60_000 }, approve(view)).refused ?? "", /was expired/)
    const dry = run(undefined, give(restart, { dryRun: true })).view
    assert.match(run(dry, approve(dry)).refused ?? "", /was a dry run/)
    const none = run(undefined, {
      _tag: "Give",
      given: { planId, text: "do something", by: "ana", dryRun: false, ask: "none" },
      answer: { _tag: "PlanNotUnderstood", reason: "What?", questions: [], readings: [] }
    }).view
    assert.match(run(none, approve(none)).refused ?? "", /not understood/)
  })

  it("is not needed where nothing is changed, but for a dry run", () => {
    const reads = { steps: [on("service.status"), on("system.usage", {})] }
    const { tags, view } = run(undefined, give(reads))
    assert.deepStrictEqual(tags, ["InstructionGiven", "PlanProposed", "PlanApproved"])
    assert.strictEqual(view.approved?.by, "policy")
    assert.deepStrictEqual(run(undefined, give(reads, { dryRun: true })).view.status, "previewed")
    assert.deepStrictEqual(
      run(undefined, give({ steps: [on("service.status"), on("service.restart")] })).view.status,
      "proposed"
    )
  })

  it("ends when its time is over, and not before", () => {
    const view = proposed()
    assert.deepStrictEqual(run(view, { _tag: "Expire", now: now + 1 }).tags, [])
    const expired = run(view, { _tag: "Expire", now: now + 15 * 60_000 }, { _tag: "Expire", now: now + 15 * 60_000 })
    assert.deepStrictEqual([expired.tags, expired.view.status], [["PlanExpired"], "expired"])
    assert.deepStrictEqual(run(approved(), { _tag: "Expire", now: now + 15 * 60_000 }).tags, [])
  })

  it("does not come for an instruction that a model is still asked about", () => {
    const asked = run(undefined, {
      _tag: "Give",
      given: { planId, text: "x", by: "ana", dryRun: false, ask: "model" }
    }).view
    assert.strictEqual(asked.status, "asked")
    assert.match(run(asked, approve(asked, { hash: "x" })).refused ?? "", /not planned yet/)
    const answered = run(
      asked,
      { _tag: "Answer", with: proposalOf(restart) },
      { _tag: "Answer", with: proposalOf({ steps: [on("service.stop")] }) }
    )
    assert.deepStrictEqual([answered.tags, answered.view.plan?.risk], [["PlanProposed"], "medium"])
    const away = run(asked, { _tag: "Cancel", by: "ana" }, { _tag: "Answer", with: proposalOf(restart) })
    assert.deepStrictEqual([away.tags, away.view.status], [["PlanRejected"], "rejected"])
  })
})

describe("carrying out", () => {
  it("dispatches each target once, and ends with the last answer, in the same append", () => {
    const view = approved()
    const all = [1, 2, 3, 4].map((host) => dispatch(view, host))
    const sent = run(view, advance(...all), advance(...all))
    assert.deepStrictEqual(
      sent.tags,
      Array.from({ length: 4 }, () => "StepDispatched")
    )
    const most = run(
      sent.view,
      hear(ended("StepSucceeded", 1), ended("StepSucceeded", 2)),
      hear(ended("StepSucceeded", 1), ended("StepFailed", 2))
    )
    assert.deepStrictEqual(most.tags, ["StepSucceeded", "StepSucceeded"])
    const last = run(most.view, hear(ended("StepSucceeded", 3), ended("StepSucceeded", 4)))
    assert.deepStrictEqual(last.tags, ["StepSucceeded", "StepSucceeded", "PlanFinished"])
    assert.deepStrictEqual([last.view.status, last.view.counts?.succeeded], ["succeeded", 4])
  })

  it("dispatches nothing before approval, for another hash, to who is no target, or of a later step", () => {
    const view = proposed({ steps: [on("service.restart"), on("service.reload")] })
    assert.deepStrictEqual(run(view, advance(dispatch(view, 1))).tags, [])
    const go = run(view, approve(view)).view
    const wrong = [
      { ...dispatch(go, 1), hash: "0" },
      { ...dispatch(go, 1), agentId: "agent-db1" },
      dispatch(go, 1, 1),
      dispatch(go, 1, 7)
    ]
    assert.deepStrictEqual(run(go, advance(...wrong)).tags, [])
    const other: ReadonlyArray<Partial<Extract<Move, { _tag: "StepDispatched" }>>> = [
      { action: "service.stop" },
      { args: { unit: "ssh.service" } },
      { targetId: "agent-web2" },
      { purpose: "condition", action: "service.stop" },
      { purpose: "before", action: "service.status" }
    ]
    for (const more of other)
      assert.deepStrictEqual(run(go, advance({ ...dispatch(go, 1), ...more })).tags, [], JSON.stringify(more))
    const look = { ...dispatch(view, 1), purpose: "before" } as const
    assert.deepStrictEqual(run(view, advance(look)).tags, [], "an act before approval")
    assert.deepStrictEqual(run(view, advance({ ...look, action: "service.status" })).tags, ["StepDispatched"])
    const first = run(
      go,
      advance(...[1, 2, 3, 4].map((host) => dispatch(go, host))),
      hear(...[1, 2, 3, 4].map((host) => ended("StepSucceeded", host)))
    )
    assert.notInclude(first.tags, "PlanFinished")
    assert.deepStrictEqual(run(first.view, advance(dispatch(go, 1, 1))).tags, ["StepDispatched"])
  })

  it("keeps the batch: no more at once than it says, whatever a dispatcher wants", () => {
    const view = approved({ ...restart, batch: { size: 2, maxFailures: 0 } })
    const all = [1, 2, 3, 4].map((host) => dispatch(view, host))
    const two = run(view, advance(...all))
    assert.deepStrictEqual(statesOf(two.view), ["dispatched dispatched waiting waiting"])
    const slid = run(two.view, hear(ended("StepSucceeded", 1)), advance(...all))
    assert.deepStrictEqual(statesOf(slid.view), ["succeeded dispatched dispatched waiting"])
  })

  it("stops after too many failures: what runs comes to its end, what has not begun is skipped", () => {
    const view = approved({ steps: [on("service.restart"), on("service.reload")], batch: { size: 2, maxFailures: 1 } })
    const all = [1, 2, 3, 4].map((host) => dispatch(view, host))
    const once = run(view, advance(...all), hear(ended("StepFailed", 1)), advance(...all))
    assert.deepStrictEqual(statesOf(once.view)[0], "failed dispatched dispatched waiting")
    const twice = run(once.view, hear(ended("StepOutcomeUnknown", 2)), advance(...all))
    assert.deepStrictEqual(twice.tags, ["StepOutcomeUnknown"])
    const end = run(twice.view, hear(ended("StepSucceeded", 3)))
    assert.deepStrictEqual(end.tags, ["StepSucceeded", "PlanFinished"])
    assert.deepStrictEqual(statesOf(end.view), ["failed unknown succeeded skipped", "skipped skipped skipped skipped"])
    assert.strictEqual(end.view.status, "failed")
    assert.match(end.view.reason ?? "", /step 1 did not succeed on 2 hosts, which is more than the 1 that may fail/)
  })

  it("is stopped by a person between targets", () => {
    const view = approved({ ...restart, batch: { size: 1, maxFailures: 0 } })
    const cancel: PlanCommand = { _tag: "Cancel", by: "ana", reason: "wrong hosts" }
    const stopped = run(view, advance(dispatch(view, 1)), cancel, cancel, advance(dispatch(view, 2)))
    assert.deepStrictEqual(stopped.tags, ["StepDispatched", "PlanCancelRequested"])
    const end = run(stopped.view, hear(ended("StepSucceeded", 1)))
    assert.deepStrictEqual(
      [end.tags.at(-1), end.view.status, end.view.reason],
      ["PlanFinished", "cancelled", "ana stopped it: wrong hosts"]
    )
    assert.deepStrictEqual(statesOf(end.view), ["succeeded skipped skipped skipped"])
    assert.deepStrictEqual(run(approved(), cancel).tags, ["PlanCancelRequested", "PlanFinished"])
    assert.match(run(run(approved(), hear()).view, advance()).refused ?? "none", /none/)
    const over = run(
      view,
      ...[1, 2, 3, 4].flatMap((host) => [advance(dispatch(view, host)), hear(ended("StepSucceeded", host))])
    ).view
    assert.match(run(over, cancel).refused ?? "", /is over \(succeeded\)/)
  })

  it("counts what fell over after its success as failed: nothing further begins, and the end becomes another", () => {
    const relapse = (host: number): Said => {
      const { _tag, said: _, ...command } = ended("StepSucceeded", host)
      return { ...command, _tag: "StepRelapsed", summary: "it fell over 3 s later", relapsedAt: now + 9_000 }
    }
    const view = approved({ ...restart, batch: { size: 1, maxFailures: 0 } })
    const one = run(view, advance(dispatch(view, 1)), hear(relapse(1)), hear(ended("StepSucceeded", 1))).view
    const fallen = run(one, hear(relapse(1)), hear(relapse(1), relapse(2)), advance(dispatch(view, 2)))
    assert.deepStrictEqual(fallen.tags, ["StepRelapsed", "PlanFinished"])
    assert.deepStrictEqual(statesOf(fallen.view), ["failed skipped skipped skipped"])
    assert.deepInclude(fallen.view.steps[0]?.[0], { summary: "it fell over 3 s later", proven: false })

    const over = run(
      view,
      ...[1, 2, 3, 4].flatMap((host) => [advance(dispatch(view, host)), hear(ended("StepSucceeded", host))])
    ).view
    assert.strictEqual(over.status, "succeeded")
    const late = run(over, hear(relapse(3)))
    assert.deepStrictEqual([late.tags, late.view.status, late.view.counts?.failed], [["StepRelapsed"], "failed", 1])
  })

  it("takes an agent's word over a deadline's, also after the end, and never the other way round", () => {
    const view = approved({ ...restart, batch: { size: 4, maxFailures: 4 } })
    const sent = run(view, advance(...[1, 2, 3, 4].map((host) => dispatch(view, host)))).view
    const late = run(
      sent,
      hear(
        ended("StepSucceeded", 1),
        ended("StepSucceeded", 2),
        ended("StepOutcomeUnknown", 3, { said: "deadline" }),
        ended("StepExpired", 4, { said: "deadline" })
      )
    ).view
    assert.strictEqual(late.status, "failed")
    const known = run(late, hear(ended("StepSucceeded", 3)), hear(ended("StepOutcomeUnknown", 1, { said: "deadline" })))
    assert.deepStrictEqual(
      [known.tags, statesOf(known.view)],
      [["StepSucceeded"], ["succeeded succeeded succeeded expired"]]
    )
    const all = run(known.view, hear(ended("StepSucceeded", 4)), hear(ended("StepFailed", 4)))
    assert.deepStrictEqual([all.tags, all.view.status, all.view.counts?.succeeded], [["StepSucceeded"], "succeeded", 4])
  })

  it("hears an agent only of its own commands", () => {
    const view = approved()
    const sent = run(view, advance(dispatch(view, 1), dispatch(view, 2))).view
    const foreign = [
      { ...ended("StepSucceeded", 1), agentId: "agent-web2" },
      { ...ended("StepSucceeded", 1), commandId: ended("StepSucceeded", 2).commandId },
      ended("StepSucceeded", 3),
      { ...ended("StepSucceeded", 1), step: 1 }
    ]
    assert.deepStrictEqual(run(sent, hear(...foreign)).tags, [])
  })

  it("with nothing done anywhere because no condition held is skipped", () => {
    const view = approved()
    const skips = [1, 2, 3, 4].map((host): Move => ({
      _tag: "StepSkipped",
      step: 0,
      agentId: `agent-web${host}`,
      why: "condition",
      reason: "no",
      findings: []
    }))
    const end = run(view, advance(...skips))
    assert.deepStrictEqual([end.tags.at(-1), end.view.status, end.view.counts?.skipped], ["PlanFinished", "skipped", 4])
  })
})

describe("the view", () => {
  it("keeps what was read while it is little, and says where the rest is", () => {
    const view = approved()
    const sent = run(view, advance(...[1, 2, 3].map((host) => dispatch(view, host)))).view
    const big = "x".repeat(5_000)
    const heard = run(
      sent,
      hear(
        ended("StepSucceeded", 1, { data: { a: 1 }, startedAt: 5, finishedAt: 25 }),
        ended("StepSucceeded", 2, { data: big }),
        ended("StepSucceeded", 3, { stored: { bytes: 99_999, sha256: "0".repeat(64) } })
      )
    ).view
    const [one, two, three] = heard.steps[0] ?? []
    assert.deepStrictEqual([one?.data, one?.more, one?.tookMs], [{ a: 1 }, undefined, 20])
    assert.deepStrictEqual([two?.data, two?.more], [undefined, true])
    assert.deepStrictEqual([three?.data, three?.more, three?.stored?.bytes], [undefined, true, 99_999])
  })

  it("for lists has no contents, and counts once it is over", () => {
    const content = "x".repeat(10_000)
    const view = approved({ steps: [on("config.write", { path: "/etc/motd", content })] })
    const brief = briefPlan(view)
    assert.isBelow(JSON.stringify(brief).length, 3_000)
    assert.isUndefined(brief.counts, "what has not begun is not skipped")
    assert.isTrue(Schema.is(PlanView)(brief))
    const over = run(view, { _tag: "Cancel", by: "ana" }).view
    assert.deepStrictEqual([over.finishedAt === undefined, briefPlan(over).counts], [false, over.counts])
    const dry = run(undefined, give(restart, { dryRun: true })).view
    assert.strictEqual(briefPlan(dry).counts?.skipped, 4)
  })

  it("folds what comes to a brief plan that runs without calling it over", () => {
    const view = approved()
    const all = [1, 2, 3, 4].map((host) => dispatch(view, host))
    const one = run(briefPlan(view), advance(...all), hear(ended("StepFailed", 1)))
    assert.deepStrictEqual([one.tags.at(-1), one.view.status, one.view.counts], ["StepFailed", "running", undefined])
  })

  it.effect.prop("has events that survive the log's JSON unchanged", [PlanEvent], ([event]) =>
    Effect.sync(() => {
      const encoded = planEvents.encode(event)
      const stored = JSON.stringify(encoded)
      const decoded = Result.getOrThrow(planEvents.decode({ position: 1, ...(JSON.parse(stored) as typeof encoded) }))
      assert.isDefined(decoded)
      if (decoded !== undefined) assert.strictEqual(JSON.stringify(planEvents.encode(decoded)), stored)
    })
  )

  it.effect.prop(
    "whatever comes in whatever order: nothing twice, never more than the batch, an end that is one",
    [Schema.Array(Schema.Int), Schema.Int, Schema.Int],
    ([picks, size, failures]) =>
      Effect.sync(() => {
        const batch = { size: 1 + (Math.abs(size) % 3), maxFailures: Math.abs(failures) % 3 }
        let view = approved({ steps: [on("service.restart"), on("service.reload")], batch })
        const tags: ReadonlyArray<Ended["_tag"]> = [
          "StepSucceeded",
          "StepFailed",
          "StepRefused",
          "StepOutcomeUnknown",
          "StepExpired",
          "StepRolledBack"
        ]
        const sent = new Set<string>()
        let ends = 0
        for (const pick of picks) {
          const n = Math.abs(pick)
          const [host, step] = [
            1 + (n % 4),
            n % 7 === 0 ? 1 : view.steps[0]?.every((one) => one.state !== "waiting") === true ? 1 : 0
          ]
          const command =
            n % 11 === 10
              ? ({ _tag: "Cancel", by: "ana" } as const)
              : n % 3 === 0
                ? advance(dispatch(view, host, step), dispatch(view, (host % 4) + 1, step))
                : hear(ended(tags[n % 6] ?? "StepFailed", host, { said: n % 5 === 0 ? "deadline" : "agent" }, step))
          const decided = decidePlan(view, command)
          if (Result.isFailure(decided)) continue
          for (const event of decided.success) {
            if (event._tag === "StepDispatched") {
              assert.isFalse(sent.has(event.commandId), "dispatched twice")
              sent.add(event.commandId)
              assert.strictEqual(ends, 0, "dispatched after the end")
            }
            if (event._tag === "PlanFinished") ends++
            view =
              evolvePlan(view, event, { at: "2026-11-20T14:30:01Z", actor: "t", version: view.version + 1 }) ?? view
          }
          for (const targets of view.steps)
            assert.isAtMost(
              targets.filter((one) => one.state === "dispatched" || one.state === "accepted").length,
              batch.size
            )
          if (view.counts !== undefined) assert.deepStrictEqual(view.counts, countsOf(view.steps))
        }
        assert.isAtMost(ends, 1)
        assert.isTrue(Schema.is(PlanView)(view))
      })
  )

  it("has an id that sorts by day and can be said", () => {
    const made = makePlanId(now, new Uint8Array([0, 31, 32, 255, 18, 19]))
    assert.strictEqual(made, "p-20261120-0Z0ZJK")
    assert.isTrue(Schema.is(PlanId)(made))
    for (let i = 0; i < 50; i++)
      assert.isTrue(Schema.is(PlanId)(makePlanId(now, crypto.getRandomValues(new Uint8Array(6)))))
  })
})
