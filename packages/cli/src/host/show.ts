/** `host list` and `host show`. Plain reads: nothing of effect is loaded here. */
import type { Ask } from "../read/ask.ts"
import { answer, type Given } from "../read/definition.ts"
import { list as listOf, record } from "../read/shape.ts"
import { isHost } from "./shape.ts"

export const isHosts = record({ hosts: listOf(isHost) })
const isShown = record({ host: isHost })

export async function* list(given: Given, ask: Ask, tag: string | undefined): AsyncGenerator<string, void> {
  const all = (await ask.get("/api/v1/hosts", {}, isHosts)).hosts
  const hosts = tag === undefined ? all : all.filter((host) => host.tags.includes(tag))
  const now = Date.now()
  yield* answer(
    given,
    () => ({ hosts }),
    async () => (hosts.length === 0 ? "No hosts." : (await import("./screen.ts")).rows(hosts, now))
  )
}

export async function* show(given: Given, ask: Ask, name: string): AsyncGenerator<string, void> {
  const { host } = await ask.get(`/api/v1/hosts/${encodeURIComponent(name)}`, {}, isShown)
  const now = Date.now()
  yield* answer(
    given,
    () => host,
    async () => (await import("./screen.ts")).details(host, now)
  )
}
