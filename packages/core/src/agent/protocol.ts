/**
 * What hub and agent say to each other over the socket at /agents, one JSON message a frame.
 *
 * Owns: the schemas and limits of both directions, and the grant. Does not own: sockets (hub, agent), keys, what a command does.
 * Invariants: every command carries a grant signed by the hub's Ed25519 key for exactly this command, agent, arguments and time, and so
 * does the word that ends a guard: who is in between, the agent's own unprivileged process too, can hold back and nothing else; an answer
 * names the command that it belongs to; a result is repeated until the hub has acknowledged it.
 */
import { Schema } from "effect"

/** Of one frame, in bytes, in either direction. */
export const frameLimit = 1_048_576
/** Of the output that one result carries, in bytes. */
export const resultLimit = 256 * 1024
/** Milliseconds between an agent's heartbeats. */
export const heartbeatMillis = 15_000

/** Of arrays and objects in one another: what is deeper is refused before anything walks through it. */
const nestingLimit = 32
const fitsNesting = (value: Schema.Json, left = nestingLimit): boolean =>
  typeof value !== "object" ||
  value === null ||
  (left > 0 && Object.values(value).every((one) => fitsNesting(one, left - 1)))
const Json = Schema.Json.check(
  Schema.makeFilter((value) => fitsNesting(value) || `at most ${nestingLimit} levels of arrays and objects are needed`)
)

const Id = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(100))

/** How long a restore by itself is held back, for acts that can cut the agent off: absent for all others. */
const guardMillis = Schema.optionalKey(Schema.Int)

/** What the hub signs: canonical JSON of this, Ed25519. Times are milliseconds since 1970. */
export const Grant = Schema.Struct({
  v: Schema.Literal(1),
  commandId: Schema.String.check(Schema.isUUID()),
  agentId: Id,
  planId: Id,
  /** SHA-256 of the plan that was approved. */
  planHash: Schema.String,
  action: Schema.String,
  /** SHA-256 of the arguments' canonical JSON. */
  argsHash: Schema.String,
  notBefore: Schema.Int,
  /** The command may not begin later. */
  expiresAt: Schema.Int,
  /** It is ended when it takes longer: whoever could shorten that could end an act in its middle. */
  timeoutMs: Schema.Int.check(Schema.isGreaterThan(0)),
  guardMillis
})
export type Grant = typeof Grant.Type

export const HubMessage = Schema.TaggedUnion({
  command_request: {
    commandId: Schema.String.check(Schema.isUUID()),
    action: Schema.String,
    args: Schema.Record(Schema.String, Json),
    timeoutMs: Schema.Int,
    guardMillis,
    grant: Grant,
    /** Base64 of 64 bytes. */
    signature: Schema.String
  },
  /** The result is in the log: the agent need not repeat it. */
  result_acknowledged: { commandId: Schema.String },
  /** The relapse is in the log, or was nothing new there. */
  relapse_acknowledged: { commandId: Schema.String },
  /** The hub can still reach the agent after an act that might have cut it off: nothing needs to be restored. */
  guard_released: {
    commandId: Schema.String.check(Schema.isUUID()),
    /** Of `releaseText`, base64 of 64 bytes. */
    signature: Schema.String
  },
  event_notification: { text: Schema.String }
})
export type HubMessage = typeof HubMessage.Type

/** Static facts, told at connect; the moving ones come with heartbeats. */
export const AgentHello = Schema.Struct({
  version: Schema.String,
  hostname: Schema.String,
  machineId: Schema.String,
  bootId: Schema.String,
  os: Schema.String,
  kernel: Schema.String,
  arch: Schema.String,
  cpus: Schema.Int,
  memoryBytes: Schema.Int,
  virtualization: Schema.String,
  /** Opt-in actions that the host's owner allowed. */
  allows: Schema.Array(Schema.String),
  /** Actions of the catalogue that this agent can carry out. */
  actions: Schema.Array(Schema.String),
  /** Where it lets other agents through to the hub. */
  relay: Schema.optionalKey(Schema.Struct({ listen: Schema.String.check(Schema.isMaxLength(100)) })),
  /** The proxy or relay by which it reaches the hub, as host:port. */
  through: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(300)))
})
export type AgentHello = typeof AgentHello.Type

/** Percent of cpu, memory and root disk in use, load of a minute, seconds since boot. */
export const AgentSample = Schema.Struct({
  at: Schema.Int,
  cpu: Schema.Finite,
  memory: Schema.Finite,
  disk: Schema.Finite,
  load: Schema.Finite,
  uptime: Schema.Finite,
  failedUnits: Schema.optionalKey(Schema.Int),
  /** Of a relay: connections that are open, and since its start those that were let through and those that were not. */
  relay: Schema.optionalKey(Schema.Struct({ open: Schema.Int, passed: Schema.Int, refused: Schema.Int }))
})
export type AgentSample = typeof AgentSample.Type

/** How an act ended. `refused`: nothing was done. `unknown`: the agent died between begin and end, so nobody can tell. */
export const Outcome = Schema.Literals(["succeeded", "failed", "refused", "expired", "rolled-back", "unknown"])
export type Outcome = typeof Outcome.Type

export const CommandResult = Schema.Struct({
  commandId: Schema.String.check(Schema.isUUID()),
  outcome: Outcome,
  /** One sentence for people: what happened, or why not. */
  summary: Schema.String.check(Schema.isMaxLength(2_000)),
  /** What a read read, or the facts that prove an act (before, after). */
  data: Json,
  /** The proof of the catalogue was seen to hold. Absent for reads. */
  proven: Schema.optionalKey(Schema.Boolean),
  startedAt: Schema.Int,
  finishedAt: Schema.Int,
  truncated: Schema.optionalKey(Schema.Literal(true))
})
export type CommandResult = typeof CommandResult.Type

/** What a command did was well, was answered so and acknowledged, and fell over a moment later. */
export const Relapse = Schema.Struct({
  commandId: Schema.String.check(Schema.isUUID()),
  /** One sentence for people. */
  summary: Schema.String.check(Schema.isMaxLength(2_000)),
  data: Schema.Json,
  at: Schema.Int
})
export type Relapse = typeof Relapse.Type

export const AgentMessage = Schema.TaggedUnion({
  hello: AgentHello.fields,
  agent_heartbeat: { sample: AgentSample },
  command_accepted: { commandId: Schema.String.check(Schema.isUUID()) },
  command_result: CommandResult.fields,
  command_relapsed: Relapse.fields,
  /** In answer to `guard_released`: what was changed stays, nothing restores it any more. */
  guard_off: { commandId: Schema.String }
})
export type AgentMessage = typeof AgentMessage.Type
