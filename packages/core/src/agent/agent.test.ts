import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { type AgentCommand, decideAgent } from "./decider.ts"
import { type AgentEvent, agentEvents, agentIdOf, makeInviteToken, tokenHashOf } from "./events.ts"
import { InviteToken } from "./enrollment.ts"
import type { AgentHello } from "./protocol.ts"
import { type AgentView, evolveAgent } from "./view.ts"

const token = makeInviteToken()
const agentId = agentIdOf(token)
const expiresAt = "2026-11-21T12:00:00.000Z"
const inTime = Date.parse(expiresAt) - 1

const invite: AgentCommand = {
  _tag: "Invite",
  invited: { tokenHash: tokenHashOf(token), name: "web1", tags: ["web"], allows: [], expiresAt }
}
const enroll = (change: Partial<Extract<AgentCommand, { readonly _tag: "Enroll" }>> = {}): AgentCommand => ({
  _tag: "Enroll",
  tokenHash: tokenHashOf(token),
  now: inTime,
  enrolled: { publicKey: "A".repeat(59) + "=", name: "web1", hostname: "web1.example", machineId: "m", version: "1" },
  ...change
})
const hello: AgentHello = {
  version: "1",
  hostname: "web1",
  machineId: "m",
  bootId: "b",
  os: "Debian",
  kernel: "6",
  arch: "x64",
  cpus: 1,
  memoryBytes: 1,
  virtualization: "none",
  allows: [],
  actions: []
}
const connect = (session: string): AgentCommand => ({
  _tag: "Connect",
  connected: { session, hub: "h", address: "::1" },
  hello
})

/** The view after these commands, each of which must be accepted, and what the last one made. */
const after = (...commands: ReadonlyArray<AgentCommand>) => {
  let view: AgentView | undefined
  let version = 0
  let last: ReadonlyArray<AgentEvent> = []
  for (const command of commands) {
    last = Result.getOrThrow(decideAgent(view, command))
    for (const event of last) {
      const { type, data } = agentEvents.encode(event)
      const stored = Result.getOrThrow(agentEvents.decode({ position: 1, type, data }))
      assert.deepStrictEqual(stored, event)
      version += 1
      view = evolveAgent(view, event, { at: "2026-11-21T10:00:00Z", actor: "ana", version }, agentId)
    }
  }
  return { view, last: last.map((event) => event._tag) }
}
const refused = (view: AgentView | undefined, command: AgentCommand): string => {
  const decided = decideAgent(view, command)
  return Result.isFailure(decided) ? decided.failure.message : "accepted"
}

describe("an agent's life", () => {
  it("begins with an invite whose token fits the form that agents check", () => {
    assert.isTrue(Schema.is(InviteToken)(token))
    assert.match(agentId, /^a-[0-9a-z]{12}$/)
    assert.notStrictEqual(agentIdOf(makeInviteToken()), agentId)
  })

  it("enrolls once and in time, and says the same of every invite that does not hold", () => {
    const { view } = after(invite)
    const reasons = new Set([
      refused(undefined, enroll()),
      refused(view, enroll({ tokenHash: tokenHashOf("other") })),
      refused(view, enroll({ now: Date.parse(expiresAt) })),
      refused(after(invite, enroll()).view, {
        ...enroll(),
        enrolled: { publicKey: "B".repeat(59) + "=", name: "x", hostname: "x", machineId: "x", version: "1" }
      } as AgentCommand),
      refused(after(invite, { _tag: "Revoke" }).view, enroll())
    ])
    assert.strictEqual(reasons.size, 1)
    assert.notInclude([...reasons], "accepted")
    assert.deepStrictEqual(after(invite, enroll(), enroll()).last, [])
  })

  it("is withdrawn as an invite only, not when it was used meanwhile", () => {
    const withdraw = { _tag: "Withdraw", reason: "a newer one" } as const
    assert.deepStrictEqual(after(invite, withdraw).last, ["AgentRevoked"])
    assert.match(refused(after(invite, withdraw).view, enroll()), /does not hold/)
    assert.match(refused(after(invite, enroll()).view, withdraw), /used meanwhile/)
  })

  it("knows the newest session, and that an older one has ended changes nothing", () => {
    const two = after(invite, enroll(), connect("s1"), connect("s2"))
    assert.deepInclude(two.view?.session, { id: "s2" })
    const late = after(invite, enroll(), connect("s1"), connect("s2"), {
      _tag: "Disconnect",
      session: "s1",
      reason: "cut"
    })
    assert.deepStrictEqual([late.last, late.view?.session?.id], [[], "s2"])
    const gone = after(invite, enroll(), connect("s1"), { _tag: "Disconnect", session: "s1", reason: "cut" })
    assert.deepStrictEqual([gone.last, gone.view?.session], [["AgentDisconnected"], null])
  })

  it("is over when it was revoked: it connects no more and nothing of it can be changed", () => {
    const { view } = after(invite, enroll(), connect("s1"), { _tag: "Revoke", reason: "stolen" })
    assert.deepInclude(view, { status: "revoked", session: null })
    for (const command of [connect("s2"), { _tag: "Change", change: { tags: [] } } satisfies AgentCommand])
      assert.match(refused(view, command), /revoked/)
    assert.deepStrictEqual(after(invite, { _tag: "Revoke" }, { _tag: "Revoke" }).last, [])
  })

  it("says only what has changed", () => {
    const change = { name: "web1", tags: ["web"], allows: [] }
    assert.deepStrictEqual(after(invite, { _tag: "Change", change }).last, [])
    assert.deepStrictEqual(after(invite, { _tag: "Change", change: { ...change, tags: ["db"] } }).view?.tags, ["db"])
  })
})
