/**
 * The part of the HTTP contract that is about agents: what people do with them, and the doors that agents come in by.
 *
 * Owns: paths, payloads and limits. Does not own: an agent's life (agent room), the socket (`agent/protocol.ts`).
 * Invariants: the doors need no token of a person: an invite or the agent's key proves who asks.
 */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import {
  ChallengeAnswer,
  ChallengeRequest,
  EnrollAnswer,
  EnrollRequest,
  SessionAnswer,
  SessionRequest
} from "../agent/enrollment.ts"
import { Allows, Tags } from "../agent/events.ts"
import { AgentInfo } from "../agent/view.ts"
import { HostName } from "../host/config.ts"
import { Auth, command, failures, Needs } from "./auth.ts"
import { Forbidden, Invalid, NotFound, Rejected, Throttled, Unauthorized, Unavailable } from "./problems.ts"

const Reason = Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(500)))
/** By id or name. */
const one = {
  params: {
    agent: Schema.String.check(
      Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/u, { expected: "the name or the id of an agent" })
    )
  }
}
const Done = Schema.Struct({ position: Schema.Int, agent: AgentInfo }).annotate({ identifier: "AgentAnswer" })

export const inviteTtl = { default: 3_600_000, longest: 30 * 86_400_000 } as const

export class AgentsGroup extends HttpApiGroup.make("agents")
  .add(
    /** By name; unused invites and revoked agents are among them. */
    HttpApiEndpoint.get("list", "/", {
      success: Schema.Struct({ agents: Schema.Array(AgentInfo) }),
      error: [Unavailable]
    }).annotate(Needs, "read"),
    HttpApiEndpoint.get("get", "/:agent", { ...one, success: Done, error: failures }).annotate(Needs, "read"),
    /** The token is shown once. `line` makes the host it is run on an agent; null: the agent was not built. */
    HttpApiEndpoint.post("invite", "/invites", {
      payload: Schema.Struct({
        ...command,
        name: Schema.optionalKey(HostName),
        tags: Schema.optionalKey(Tags),
        allows: Schema.optionalKey(Allows),
        /** The relay by which the host reaches this hub: an agent that is one, by id or name, or host:port. */
        through: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(300))),
        /** Milliseconds; default an hour. */
        ttlMs: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1_000, maximum: inviteTtl.longest })))
      }),
      success: Schema.Struct({
        agentId: Schema.String,
        token: Schema.String,
        expiresAt: Schema.String,
        hub: Schema.String,
        fingerprint: Schema.NullOr(Schema.String),
        line: Schema.NullOr(Schema.String),
        /** The id of an invite for the same name that nobody had used: it holds no more. */
        replaced: Schema.optionalKey(Schema.String),
        position: Schema.Int
      }).pipe(HttpApiSchema.status(201)),
      error: failures
    }).annotate(Needs, "agent"),
    HttpApiEndpoint.patch("change", "/:agent", {
      ...one,
      payload: Schema.Struct({
        ...command,
        name: Schema.optionalKey(HostName),
        tags: Schema.optionalKey(Tags),
        allows: Schema.optionalKey(Allows)
      }),
      success: Done,
      error: failures
    }).annotate(Needs, "agent"),
    /** For ever: its connection ends at once and its key opens nothing any more. */
    HttpApiEndpoint.post("revoke", "/:agent/revoke", {
      ...one,
      payload: Schema.Struct({ ...command, reason: Reason }),
      success: Done,
      error: failures
    }).annotate(Needs, "agent")
  )
  .middleware(Auth)
  .prefix("/api/v1/agents") {}

const doorErrors = [Unauthorized, Forbidden, Throttled, NotFound, Rejected, Invalid, Unavailable] as const

/** Paths as in `agent/enrollment.ts`. */
export class AgentDoorsGroup extends HttpApiGroup.make("agentDoors")
  .add(
    HttpApiEndpoint.post("enroll", "/enroll", {
      payload: EnrollRequest,
      success: EnrollAnswer,
      error: doorErrors
    }).annotate(Needs, "anyone"),
    HttpApiEndpoint.post("challenge", "/challenge", {
      payload: ChallengeRequest,
      success: ChallengeAnswer,
      error: doorErrors
    }).annotate(Needs, "anyone"),
    HttpApiEndpoint.post("session", "/session", {
      payload: SessionRequest,
      success: SessionAnswer,
      error: doorErrors
    }).annotate(Needs, "anyone")
  )
  .prefix("/api/v1/agents") {}
