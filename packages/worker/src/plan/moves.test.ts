/** What a dispatcher gives up, when, and in which words; and what it leaves alone. */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { member } from "../../../../test/support/fleet.ts"
import type { FleetMember } from "@signalbox/core/agent/Fleet.ts"
import { decidePlan, type PlanCommand } from "@signalbox/core/plan/decider.ts"
import { freeze } from "@signalbox/core/plan/freeze.ts"
import { planHash } from "@signalbox/core/plan/hash.ts"
import type { DraftStep } from "@signalbox/core/plan/plan.ts"
import { evolvePlan } from "@signalbox/core/plan/evolve.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import { looks, nextMoves } from "./moves.ts"
import { unfit } from "./run.ts"

const start = Date.parse("2026-11-20T14:30:00Z")
const minute = 60_000
const web1 = {
  ...member("web1"),
  lastSeen: start,
  sample: { at: start, cpu: 1, memory: 1, disk: 1, load: 1, uptime: 1 }
}
const restart: DraftStep = { action: "service.restart", args: { unit: "nginx.service" }, targets: { _tag: "All" } }
const asked: DraftStep = { ...restart, when: { _tag: "Fact", fact: "cpu", is: "<", value: 50 } }

const apply = (view: PlanView | undefined, command: PlanCommand, at: number): PlanView => {
  let state = view
  for (const event of Result.getOrThrow(decidePlan(view, command)))
    state = evolvePlan(state, event, { at: new Date(at).toISOString(), actor: "t", version: (state?.version ?? 0) + 1 })
  if (state === undefined) throw new Error("there is no plan")
  return state
}
const approved = (step: DraftStep, fleet: ReadonlyArray<FleetMember> = [web1]): PlanView => {
  const planId = "p-20261120-7Q2FXK"
  const { plan } = Result.getOrThrow(freeze({ steps: [step] }, fleet, start))
  const hash = planHash(planId, "ana", plan)
  const proposed = apply(
    undefined,
    {
      _tag: "Give",
      given: { planId, text: "x", by: "ana", dryRun: false, ask: "none" },
      answer: { _tag: "PlanProposed", plan, hash, origin: { by: "draft" }, understood: [], unjudged: [] }
    },
    start
  )
  const approval = { by: "ana", role: "admin", alone: true } as const
  return proposed.status === "proposed"
    ? apply(proposed, { _tag: "Approve", hash, now: start, approval }, start)
    : proposed
}
const at = (now: number, ...fleet: ReadonlyArray<FleetMember>) => ({
  now,
  members: new Map(fleet.map((one) => [one.agentId, one]))
})
const moved = (view: PlanView, now: number, ...fleet: ReadonlyArray<FleetMember>): PlanView => {
  const { moves } = nextMoves(view, at(now, ...fleet))
  return moves.length === 0 ? view : apply(view, { _tag: "Advance", moves }, now)
}
const accepted = (view: PlanView, now: number): PlanView => {
  const target = view.steps[0]?.[0]
  return apply(
    view,
    {
      _tag: "Hear",
      said: [
        {
          _tag: "StepAccepted",
          step: 0,
          purpose: "act",
          agentId: target?.agentId ?? "",
          commandId: target?.commandId ?? ""
        }
      ]
    },
    now
  )
}
const stateOf = (view: PlanView) => [view.steps[0]?.[0]?.state, view.steps[0]?.[0]?.summary]

describe("an act whose host says nothing", () => {
  const away = { ...web1, online: false, lastSeen: start - minute }
  it("is waited for until its deadline, and then was certainly not done where the host was never there", () => {
    const sent = moved(approved(restart), start, away)
    assert.strictEqual(sent.steps[0]?.[0]?.deadline, start + 5 * minute)
    const early = nextMoves(sent, at(start + 4 * minute, away))
    assert.deepStrictEqual([early.moves, early.lookAt], [[], start + 5 * minute + 2_000])
    assert.deepStrictEqual(stateOf(moved(sent, start + 5 * minute + 2_000, away)), [
      "expired",
      "web1 was not connected until the deadline, so nothing was done."
    ])
  })

  it("is unknown where the host was there: nobody can tell whether it began", () => {
    const sent = moved(approved(restart), start, web1)
    for (const there of [web1, { ...web1, online: false, lastSeen: start + minute }]) {
      const early = nextMoves(sent, at(start + 5 * minute + 2_000, there))
      assert.deepStrictEqual([early.moves, early.lookAt], [[], start + 7 * minute + 30_000])
      const gone = moved(sent, start + 7 * minute + 30_000, there)
      assert.deepStrictEqual(stateOf(gone), ["unknown", "web1 has not said whether it began."])
      assert.strictEqual(gone.status, "unknown")
    }
  })

  it("is unknown where it began and nothing more was heard", () => {
    const begun = accepted(moved(approved(restart), start, web1), start + 1_000)
    assert.deepStrictEqual(nextMoves(begun, at(start + 6 * minute, away)).moves, [])
    assert.deepStrictEqual(stateOf(moved(begun, start + 8 * minute, away)), [
      "unknown",
      "web1 began and has not said how it ended."
    ])
  })

  it("leaves its condition unknown, and nothing is done", () => {
    const asking = moved(approved(asked), start, web1)
    assert.strictEqual(asking.steps[0]?.[0]?.state, "asking")
    const silent = moved(asking, start + minute, web1)
    const [state, summary] = stateOf(moved(silent, start + minute, web1))
    assert.strictEqual(state, "skipped")
    assert.match(summary ?? "", /Nobody can tell.*web1 did not answer in time/)
  })
})

describe("a plan", () => {
  it("that lay for long is not begun late; one that waits for its host is no such plan", () => {
    const view = approved(restart)
    assert.isUndefined(unfit(view, start + 14 * minute))
    assert.match(unfit(view, start + 20 * minute) ?? "", /no worker went on with it for 20 minutes/)
    const sent = moved(view, start, web1)
    assert.isUndefined(unfit(sent, start + 20 * minute))
    assert.match(unfit(sent, start + 40 * minute) ?? "", /no worker went on/)
  })

  it("that is not the one that was approved is not carried out", () => {
    const view = approved(restart)
    const [step] = view.plan?.steps ?? []
    if (view.plan === undefined || step === undefined) throw new Error("no step")
    const forged = { ...view, plan: { ...view.plan, steps: [{ ...step, args: { unit: "ssh.service" } }] } }
    assert.match(unfit(forged, start) ?? "", /not the one whose hash was approved/)
  })

  it("of a thousand hosts is dispatched in few appends, each as large as the log takes", () => {
    const fleet = Array.from({ length: 1_000 }, (_, n) => ({ ...web1, agentId: `a${n}`, host: `h${n}` }))
    let view = approved({ action: "system.info", args: {}, targets: { _tag: "All" } }, fleet)
    let appends = 0
    while (view.steps[0]?.some((target) => target.state === "waiting") === true) {
      view = moved(view, start, ...fleet)
      appends++
    }
    assert.strictEqual(appends, 3)
  })

  it("sends no large arguments along, and guards what can cut a host off", () => {
    const content = "x".repeat(10_000)
    const write = (path: string): DraftStep => ({
      action: "config.write",
      args: { path, content },
      targets: { _tag: "All" }
    })
    const dispatched = (step: DraftStep) => {
      const { plan } = Result.getOrThrow(freeze({ steps: [step] }, [web1], start))
      const view = { ...approved(restart), plan: { ...plan, risk: "low" as const } }
      const [move] = nextMoves(view, at(start, web1)).moves
      return move?._tag === "StepDispatched" ? [move.args, move.guardMillis] : []
    }
    assert.deepStrictEqual(dispatched(write("/etc/motd")), [undefined, undefined])
    assert.deepStrictEqual(dispatched(write("/etc/ssh/sshd_config")), [undefined, 60_000])
    assert.deepStrictEqual(dispatched(restart), [{ unit: "nginx.service" }, undefined])
  })

  it("is looked at only where somebody is connected", () => {
    const offline = { ...web1, agentId: "agent-web2", host: "web2", online: false }
    const view = approved(restart, [web1, offline])
    assert.deepStrictEqual(
      looks(view, at(start, web1, offline)).map((move) =>
        move._tag === "StepDispatched" ? [move.host, move.action, move.purpose] : []
      ),
      [["web1", "service.status", "before"]]
    )
  })
})
