/**
 * network.dns: what a host's resolver says.
 *
 * Owns: which of Node's look-ups is asked. Does not own: resolv.conf.
 * Invariants: what the DNS answers is text of strangers; no answer is an answer and no failure of the action.
 */
import { lookup, Resolver } from "node:dns/promises"
import { isIP } from "node:net"
import type { Performer } from "../Performer.ts"
import { clean } from "../text/clean.ts"

const mostRecords = 100
/** The question was asked and this is what came of it. */
const negative: Readonly<Record<string, string>> = {
  ENOTFOUND: "there is no such name",
  ENODATA: "the name has no such record",
  ESERVFAIL: "the name server failed",
  EREFUSED: "the name server refused",
  ETIMEOUT: "no name server answered in time",
  ECONNREFUSED: "no name server could be reached",
  EAI_AGAIN: "no name server answered in time",
  EBADNAME: "this is no name that can be asked for"
}

export const dns: Performer<"network.dns"> = async ({ name, type }, of) => {
  const from = performance.now()
  const resolver = new Resolver({ timeout: 3_000, tries: 2 })
  const cancel = () => resolver.cancel()
  of.signal.addEventListener("abort", cancel, { once: true })
  const result = await ask(resolver, name, type).then(
    (records) => ({ records, error: null }),
    (cause: NodeJS.ErrnoException) => ({
      records: [],
      error: negative[cause.code ?? ""] ?? `the look-up failed (${cause.code ?? "unknown"})`
    })
  )
  of.signal.removeEventListener("abort", cancel)
  const records = result.records.slice(0, mostRecords).map((one) => clean(one, 500))
  return {
    outcome: "succeeded",
    summary:
      result.error === null
        ? `${name}: ${records.slice(0, 5).join(", ") || "nothing"}${records.length > 5 ? " …" : ""}.`
        : `${name}: ${result.error}.`,
    data: {
      name,
      type: type ?? "any address",
      records,
      error: result.error,
      ms: Math.round(performance.now() - from),
      servers: resolver.getServers().slice(0, 10)
    }
  }
}

const ask = async (resolver: Resolver, name: string, type: string | undefined): Promise<ReadonlyArray<string>> => {
  switch (type) {
    case undefined: // as programs of the host resolve it: /etc/hosts and all
      return isIP(name) !== 0
        ? resolver.reverse(name)
        : (await lookup(name, { all: true })).map(({ address }) => address)
    case "A":
      return resolver.resolve4(name)
    case "AAAA":
      return resolver.resolve6(name)
    case "CNAME":
      return resolver.resolveCname(name)
    case "NS":
      return resolver.resolveNs(name)
    case "MX":
      return (await resolver.resolveMx(name)).map(({ exchange, priority }) => `${priority} ${exchange}`)
    case "SRV":
      return (await resolver.resolveSrv(name)).map((to) => `${to.priority} ${to.weight} ${to.port} ${to.name}`)
    case "TXT":
      return (await resolver.resolveTxt(name)).map((parts) => parts.join(""))
    default:
      return isIP(name) !== 0 ? resolver.reverse(name) : resolver.resolvePtr(name)
  }
}
