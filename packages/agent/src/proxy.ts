/**
 * Whether the way to the hub leads through a proxy: the usual environment variables, read once and purely.
 *
 * Owns: HTTPS_PROXY and NO_PROXY. Does not own: the connection (`dial.ts`).
 */
import { Trouble } from "./trouble.ts"

type Environment = Readonly<Record<string, string | undefined>>

/** @returns undefined: straight to the hub. A hub on plain http is on loopback and never asks a proxy. */
export const proxyFor = (hub: URL, environment: Environment): URL | undefined => {
  const text = environment["HTTPS_PROXY"] ?? environment["https_proxy"] ?? ""
  if (text === "" || hub.protocol !== "https:" || excepted(hub.hostname, environment)) return undefined
  const proxy = URL.canParse(text) ? new URL(text) : undefined
  if (proxy === undefined || !["http:", "https:"].includes(proxy.protocol))
    throw new Trouble("HTTPS_PROXY is no http or https address. Give it as http://proxy:3128.")
  return proxy
}

const excepted = (hostname: string, environment: Environment): boolean =>
  (environment["NO_PROXY"] ?? environment["no_proxy"] ?? "")
    .split(/[\s,]+/u)
    .filter((one) => one !== "")
    .some((one) => one === "*" || hostname === one || hostname.endsWith(one.startsWith(".") ? one : `.${one}`))
