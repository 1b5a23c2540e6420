/**
 * Plans for tests: made by the real phrasebook, freezing, hash and decider, over a fleet that is given.
 *
 * Owns: the fleet, and a plan's life as one call per moment; plans over HTTP for the test hub. Does not own: the log (`fixture.ts`), the server
 * (`hub.ts`).
 * Invariant: a command that the decider rejects throws, so that no test shows what cannot be.
 */
import { Result, type Schema } from "effect"
import type { AgentInfo } from "@signalbox/core/agent/view.ts"
import type { FleetMember } from "@signalbox/core/agent/Fleet.ts"
import { briefPlan } from "@signalbox/core/plan/brief.ts"
import { decidePlan, type Ended, type PlanCommand } from "@signalbox/core/plan/decider.ts"
import type { PlanEvent } from "@signalbox/core/plan/events.ts"
import { freeze } from "@signalbox/core/plan/freeze.ts"
import type { Approval } from "@signalbox/core/plan/gate.ts"
import { planHash } from "@signalbox/core/plan/hash.ts"
import type { Draft } from "@signalbox/core/plan/plan.ts"
import { understand } from "@signalbox/core/plan/understand.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import type { FixtureLog } from "./fixture.ts"

const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
export const planId = (n: number): string =>
  `p-20261120-${Array.from({ length: 6 }, (_, i) => letters[Math.floor(n / 32 ** (5 - i)) % 32]).join("")}`
export const agentId = (host: string): string => `a-${host}`
const commandId = (n: number): string => `00000000-0000-4000-a000-${String(n).padStart(12, "0")}`

export const member = (host: string, tags: ReadonlyArray<string>, at: number): FleetMember => ({
  agentId: agentId(host),
  host,
  tags,
  lastSeen: at,
  online: true,
  allows: [],
  sample: { at, cpu: 3, memory: 40, disk: 50, load: 0.1, uptime: 1000 }
})

export const fleet = (at: number): ReadonlyArray<FleetMember> => [
  member("web1", ["web", "prod"], at),
  member("web2", ["web"], at),
  member("web3", ["web"], at),
  member("db1", ["db"], at)
]

/** The same hosts as the hub lists their agents. */
export const agentOf = (
  host: string,
  tags: ReadonlyArray<string>,
  at: number,
  more: Partial<AgentInfo> = {}
): AgentInfo => ({
  agentId: agentId(host),
  status: "enrolled",
  name: host,
  tags,
  allows: [],
  expiresAt: new Date(at).toISOString(),
  invitedBy: "ana",
  hello: {
    version: "1.4.0",
    hostname: host,
    machineId: `m-${host}`,
    bootId: "b",
    os: "Debian GNU/Linux 12",
    kernel: "6.1.0",
    arch: "x64",
    cpus: 4,
    memoryBytes: 8e9,
    virtualization: "kvm",
    allows: [],
    actions: []
  },
  session: { id: "s", hub: "hub1", address: "10.0.0.7", since: new Date(at).toISOString() },
  createdAt: new Date(at).toISOString(),
  version: 3,
  updatedAt: new Date(at).toISOString(),
  online: true,
  lastSeenAt: new Date(at).toISOString(),
  sample: { cpu: 3, memory: 40, disk: 50 },
  ...more
})
export const agents = (at: number): ReadonlyArray<AgentInfo> =>
  fleet(at).map(({ host, tags }) => agentOf(host, tags, at))

export class TestPlans {
  log: FixtureLog
  members: ReadonlyArray<FleetMember>
  private nextCommand = 1
  private nextPlan = 500
  /** Whole answers by command id: what is too large for an event. */
  readonly stored = new Map<string, Schema.Json>()
  /** Who approves, over HTTP. */
  approver: Approval = { by: "ana", role: "admin", alone: true }

  constructor(log: FixtureLog, members: ReadonlyArray<FleetMember>) {
    this.log = log
    this.members = members
  }

  decide(id: string, command: PlanCommand, at: number, actor = "ana"): ReadonlyArray<PlanEvent> {
    const decided = decidePlan(this.log.plans.get(id), command)
    if (Result.isFailure(decided)) throw new Error(decided.failure.message)
    for (const event of decided.success) this.log.plan(id, event, at, actor)
    return decided.success
  }

  /** An instruction in words, understood by the real phrasebook; with `draft`, by a model. */
  give(
    id: string,
    text: string,
    at: number,
    options: { readonly by?: string; readonly dryRun?: boolean; readonly draft?: Draft; readonly model?: string } = {}
  ): PlanView {
    const { by = "ana", dryRun = false, draft, model } = options
    const meaning =
      draft === undefined
        ? understand({ text, model }, this.members, () => 0)
        : { draft, origin: { by: "model" as const, model: "gemini/gemini-2.5-pro" }, understood: [] }
    const given = { planId: id, text, by, dryRun }
    if ("ask" in meaning)
      this.decide(
        id,
        { _tag: "Give", given: { ...given, ask: "model", ...(model === undefined ? {} : { model }) } },
        at,
        by
      )
    else
      this.decide(
        id,
        { _tag: "Give", given: { ...given, ask: "none" }, answer: this.answer(id, by, meaning, at) },
        at,
        by
      )
    return this.view(id)
  }

  view(id: string): PlanView {
    const view = this.log.plans.get(id)
    if (view === undefined) throw new Error(`no plan ${id}`)
    return view
  }

  private answer(
    id: string,
    by: string,
    meaning: Exclude<ReturnType<typeof understand>, { readonly ask: "model" }>,
    at: number
  ): Extract<PlanEvent, { readonly _tag: "PlanProposed" | "PlanNotUnderstood" }> {
    if (!("draft" in meaning)) return { _tag: "PlanNotUnderstood", ...meaning }
    const frozen = freeze(meaning.draft, this.members, at)
    if (Result.isFailure(frozen))
      return { _tag: "PlanNotUnderstood", reason: frozen.failure, questions: [], readings: [] }
    const { plan, unjudged } = frozen.success
    const { origin, understood } = meaning
    return { _tag: "PlanProposed", plan, hash: planHash(id, by, plan), origin, understood, unjudged }
  }

  approve(id: string, at: number): void {
    const { hash = "" } = this.view(id)
    this.decide(
      id,
      {
        _tag: "Approve",
        approval: { by: "ben", role: "admin", alone: true, code: `${hash.slice(0, 4)}${hash.slice(-4)}` },
        hash,
        now: at
      },
      at,
      "ben"
    )
  }

  /** The command goes to the host's agent; @returns its id */
  dispatch(id: string, step: number, host: string, at: number): string {
    const { plan, hash = "" } = this.view(id)
    const command = commandId(this.nextCommand++)
    const { action = "" } = plan?.steps[step] ?? {}
    this.decide(
      id,
      {
        _tag: "Advance",
        moves: [
          {
            _tag: "StepDispatched",
            step,
            purpose: "act",
            agentId: agentId(host),
            commandId: command,
            host,
            action,
            hash,
            deadline: at + 60_000,
            timeoutMs: 60_000
          }
        ]
      },
      at,
      "worker"
    )
    return command
  }

  accept(id: string, step: number, host: string, command: string, at: number): void {
    this.decide(
      id,
      {
        _tag: "Hear",
        said: [{ _tag: "StepAccepted", step, purpose: "act", agentId: agentId(host), commandId: command }]
      },
      at,
      `agent:${agentId(host)}`
    )
  }

  end(
    id: string,
    step: number,
    host: string,
    command: string,
    at: number,
    end: { readonly tag?: Ended["_tag"]; readonly summary: string } & Partial<
      Pick<Ended, "data" | "proven" | "stored" | "startedAt" | "finishedAt" | "truncated">
    >
  ): void {
    const { tag = "StepSucceeded", ...said } = end
    this.decide(
      id,
      {
        _tag: "Hear",
        said: [{ _tag: tag, step, purpose: "act", agentId: agentId(host), commandId: command, said: "agent", ...said }]
      },
      at,
      `agent:${agentId(host)}`
    )
  }

  /** The contract's paths. */
  http(
    method: string,
    path: ReadonlyArray<string>,
    query: URLSearchParams,
    body: unknown,
    { json, problem }: Answers
  ): void {
    const [name = "", verb = "", last = ""] = path
    const given = (body ?? {}) as Record<string, unknown>
    const now = Date.now()
    const whole = (id: string): object => ({ planId: id, plan: this.view(id), position: this.log.head })
    if (name === "" && method === "GET") {
      const statuses = query.getAll("status")
      const all = [...this.log.plans.values()].filter((p) => statuses.length === 0 || statuses.includes(p.status))
      return json(200, { plans: all.toReversed().map(briefPlan), position: this.log.head })
    }
    if (name === "") {
      const id = planId(this.nextPlan++)
      this.give(id, String(given["text"]), now, { dryRun: given["dryRun"] === true })
      return json(201, whole(id))
    }
    if (!this.log.plans.has(name)) return problem(404, "not-found", `There is no plan ${name}.`, { what: name })
    if (verb === "") return json(200, whole(name))
    if (verb === "results") {
      const data = this.stored.get(last)
      return data === undefined
        ? problem(404, "not-found", `${name} has no answer of a command ${last}.`, { what: last })
        : json(200, { data })
    }
    const { code } = given
    const commands: Readonly<Record<string, PlanCommand>> = {
      approve: {
        _tag: "Approve",
        approval: { ...this.approver, ...(typeof code === "string" ? { code } : {}) },
        hash: String(given["hash"]),
        now
      },
      reject: { _tag: "Reject", by: "ana" },
      cancel: { _tag: "Cancel", by: "ana" }
    }
    const command = commands[verb]
    if (command === undefined) return problem(404, "not-found", "No such thing.", { what: verb })
    try {
      this.decide(name, command, now)
    } catch (error) {
      return problem(409, "rejected", error instanceof Error ? error.message : String(error))
    }
    json(200, whole(name))
  }
}

interface Answers {
  readonly json: (status: number, value: unknown) => void
  readonly problem: (status: number, type: string, detail: string, more?: object) => void
}
