/**
 * The errors of the HTTP API, one per status, as RFC 9457 problems. `detail` is the sentence for people, the same in terminal,
 * command line and page.
 */
import { Schema } from "effect"
import { HttpApiError } from "effect/http-api"

export class Unauthorized extends HttpApiError.Problem<Unauthorized>()("Unauthorized", {
  type: "urn:signalbox:unauthorized",
  status: 401,
  title: "Not signed in"
}) {}
/** Signed in, and the role does not reach. `detail` names the one that does. */
export class Forbidden extends HttpApiError.Problem<Forbidden>()("Forbidden", {
  type: "urn:signalbox:forbidden",
  status: 403,
  title: "Not allowed"
}) {}
/** Too many tries that failed; `detail` says when to come back. */
export class Throttled extends HttpApiError.Problem<Throttled>()("Throttled", {
  type: "urn:signalbox:throttled",
  status: 429,
  title: "Too many tries"
}) {}
export class NotFound extends HttpApiError.Problem<NotFound>()(
  "NotFound",
  { type: "urn:signalbox:not-found", status: 404, title: "Not found" },
  { what: Schema.String }
) {}
/** The command makes no sense in the present state; nothing was done. */
export class Rejected extends HttpApiError.Problem<Rejected>()("Rejected", {
  type: "urn:signalbox:rejected",
  status: 409,
  title: "Rejected"
}) {}
/** The request is well-formed and wrong: unknown host, tool, parameter. Nothing was done. */
export class Invalid extends HttpApiError.Problem<Invalid>()("Invalid", {
  type: "urn:signalbox:invalid",
  status: 422,
  title: "Invalid"
}) {}
export class Unavailable extends HttpApiError.Problem<Unavailable>()("Unavailable", {
  type: "urn:signalbox:unavailable",
  status: 503,
  title: "Not available now"
}) {}
