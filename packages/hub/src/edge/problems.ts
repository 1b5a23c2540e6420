/**
 * What the router itself refuses, as RFC 9457 problems; and who may name this server.
 *
 * Owns: bodies of 404, 405, 413, 415 and 500, `Allow`, the check of the Host header.
 * Invariants: a page of another site cannot reach a hub on loopback by a name of its own (DNS rebinding): only names of this
 * machine are served; there are no CORS headers.
 */
import { TLSSocket } from "node:tls"
import { toIncomingMessage } from "@effect/platform-node/NodeHttpServerRequest"
import { Effect, Record } from "effect"
import { FindMyWay, HttpEffect, HttpRouter, HttpServerRequest, HttpServerResponse, ProblemDetails } from "effect/http"
import { HttpApi, type HttpApiGroup } from "effect/http-api"

const titles: Readonly<Record<number, readonly [string, string]>> = {
  400: ["Bad request", "The request could not be read."],
  404: ["Not found", "There is nothing at this address. The API is described at /docs."],
  405: ["Method not allowed", "This address does not know that method; see the Allow header."],
  413: ["Too large", "The body is larger than 2 MiB."],
  415: ["Unsupported media type", "Send JSON, with content-type: application/json."],
  421: ["Misdirected request", "This hub is reached as localhost or 127.0.0.1 only, or by https."],
  500: ["Internal error", "Something went wrong in the hub; its log has the details."],
  503: ["Not available now", "The hub is stopping or not ready; try again."]
}

const problem = (status: number): HttpServerResponse.HttpServerResponse => {
  const [title, detail] = titles[status] ?? [`HTTP ${status}`, `The hub answered ${status}.`]
  return ProblemDetails.toResponse({ type: "about:blank", status, title, detail })
}

/** @param raw paths of GET routes outside of the contract */
export const problems = <Id extends string, G extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, G>,
  raw: ReadonlyArray<`/${string}`>
) => {
  const allowed = methodsOf(api, raw)
  return HttpRouter.middleware(
    (handler) =>
      HttpEffect.withPreResponseHandler(handler, (request, response) =>
        Effect.sync(() => {
          const bare =
            response.body._tag === "Empty" || response.headers["content-type"]?.startsWith("text/plain") === true
          if (response.status < 400 || !bare) return response
          const allow = response.status === 404 ? allowed(request.url) : []
          return HttpServerResponse.setHeaders(problem(allow.length > 0 ? 405 : response.status), {
            ...Record.filter(response.headers, (_, name) => !name.startsWith("content-") || name === "content-range"),
            ...(allow.length > 0 ? { allow: allow.join(", ") } : {})
          })
        })
      ),
    { global: true }
  )
}

const methodsOf = <Id extends string, G extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, G>,
  raw: ReadonlyArray<`/${string}`>
): ((url: string) => ReadonlyArray<string>) => {
  const table = FindMyWay.make<true>()
  const methods = new Set<string>(["GET"])
  for (const path of raw) table.on("GET", path, true)
  HttpApi.reflect(api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => {
      methods.add(endpoint.method)
      if (!table.has(endpoint.method, endpoint.path)) table.on(endpoint.method, endpoint.path as `/${string}`, true)
    }
  })
  return (url) => [...methods].filter((method) => table.find(method, url) !== undefined)
}

/** Names of this machine, with any port. */
export const isOurName = (host: string | undefined): boolean =>
  host !== undefined && /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?$/i.test(host)

/** Over TLS any name will do: a page of another site has no certificate for it that a browser would take. */
export const ownNamesOnly = HttpRouter.middleware(
  (handler) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
      isOurName(request.headers["host"]) || toIncomingMessage(request).socket instanceof TLSSocket
        ? handler
        : Effect.succeed(problem(421))
    ),
  { global: true }
)
