/**
 * JSON that is nested so deep that whoever walks through it runs out of stack.
 *
 * Owns: the look at a body before anything decodes it, and its refusal. Does not own: the limit of its size.
 * Invariant: no handler sees JSON deeper than what the log can store.
 */
import { Effect, Result } from "effect"
import { HttpRouter, HttpServerRequest, ProblemDetails } from "effect/http"
import { streams } from "@signalbox/core/api/contract.ts"

const deepest = 90

/** Reads it as JSON reads it; of what is no JSON it may say anything. */
export const nestedDeeper = (text: string, most: number): boolean => {
  let depth = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (quoted) {
      if (char === backslash) at++
      else if (char === quote) quoted = false
    } else if (char === quote) quoted = true
    else if (char === openBracket || char === openBrace) {
      if (++depth > most) return true
    } else if (char === closeBracket || char === closeBrace) depth--
  }
  return false
}
const [quote, backslash, openBracket, closeBracket, openBrace, closeBrace] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d]

/** An import is larger than other bodies, and is read by its own route. */
export const shallowOnly = HttpRouter.middleware(
  (handler) =>
    Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const json = request.headers["content-type"]?.startsWith("application/json") === true
      if (!json || request.method === "GET" || request.url.startsWith(streams.conversationImport)) return yield* handler
      const text = yield* Effect.result(request.text) // it is kept: who reads it again, reads or fails the same
      if (Result.isFailure(text) || !nestedDeeper(text.success, deepest)) return yield* handler
      return ProblemDetails.toResponse({
        type: "about:blank",
        status: 400,
        title: "Bad request",
        detail: `The body is nested deeper than ${deepest} levels.`
      })
    }),
  { global: true }
)
