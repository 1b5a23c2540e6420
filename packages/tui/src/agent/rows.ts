/**
 * An agent as the screens show it.
 *
 * Owns: its cell in the list of hosts, its facts. Does not own: the rest of a host (`host/list.ts`).
 * Invariant: what is not known is left out, never shown as zero; what was measured long ago is shown with its age.
 */
import type { HostStatus } from "@signalbox/core/api/contract.ts"
import { age, exact } from "../format.ts"
import { type Row, saidRight, say } from "../row.ts"
import { mark } from "../theme.ts"
import type { Agent } from "./AgentStore.ts"

const bars = "▁▂▃▄▅▆▇█"

/** `▁▂▁▇`: percent, the newest at the right. */
export const spark = (loads: ReadonlyArray<number>, most: number): string =>
  loads
    .slice(-most)
    .map((load) => bars[Math.max(0, Math.min(7, Math.floor((load / 100) * 8)))] ?? "▁")
    .join("")

const percent = (value: number): string => `${Math.round(value)}%`

export const agentCellWidth = 12
export const agentCell = (agent: Agent | undefined): Row => {
  if (agent === undefined) return [say(" ".repeat(agentCellWidth))]
  const { glyph, color } = mark(agent.online ? "online" : "offline")
  const cpu = agent.sample === null || !agent.online ? "" : percent(agent.sample.cpu)
  return [say(`${glyph} `, { color }), say(spark(agent.loads, 5).padStart(5)), saidRight(cpu, 5)]
}

export interface Fact {
  readonly name: string
  readonly text: string
  readonly color?: "red" | "yellow"
}

export const agentFacts = (agent: Agent, now: number): ReadonlyArray<Fact> => {
  const { hello, sample, lastSeenAt, online } = agent
  const { glyph, word } = mark(online ? "online" : "offline")
  const heard = lastSeenAt === null ? "never heard" : `heard ${age(lastSeenAt, now)} ago`
  const version = hello === undefined ? [] : [`version ${hello.version}`]
  const when = lastSeenAt === null || online ? "" : ` ${age(lastSeenAt, now)} ago`
  return [
    {
      name: "agent",
      text: [`${glyph} ${word}`, ...version, heard].join(" · "),
      ...(online ? {} : { color: "yellow" })
    },
    { name: "agent id", text: agent.agentId },
    ...(hello === undefined ? [] : [{ name: "host", text: `${hello.os} · ${hello.kernel} · ${hello.arch}` }]),
    ...(hello?.through === undefined ? [] : [{ name: "through", text: hello.through }]),
    ...(hello?.relay === undefined
      ? []
      : [{ name: "relay", text: [hello.relay.listen, ...relayed(online ? sample?.relay : undefined)].join(" · ") }]),
    ...(sample === null
      ? []
      : [
          {
            name: "usage",
            text: `cpu ${percent(sample.cpu)} · memory ${percent(sample.memory)} · disk ${percent(sample.disk)}${when}`
          }
        ]),
    ...(agent.loads.length < 2 ? [] : [{ name: "cpu", text: spark(agent.loads, 40) }]),
    ...(agent.allows.length === 0 ? [] : [{ name: "allows", text: agent.allows.join(" "), color: "yellow" as const }]),
    ...(online || agent.disconnectReason === undefined ? [] : [{ name: "left", text: agent.disconnectReason }]),
    ...(agent.doubledAt === undefined
      ? []
      : [
          {
            name: "warning",
            text: `two machines used its key at once, ${exact(agent.doubledAt)}: one is a copy. Revoke it and invite both anew.`,
            color: "red" as const
          }
        ])
  ]
}

const relayed = (counts: { readonly open: number; readonly refused: number } | undefined): ReadonlyArray<string> =>
  counts === undefined
    ? []
    : [`${counts.open} connections`, ...(counts.refused > 0 ? [`${counts.refused} refused`] : [])]

/** A host that nobody has added: its agent alone is known. */
export const agentHost = (agent: Agent): HostStatus & { readonly agentAlone: true } => ({
  name: agent.host,
  kind: "ssh",
  address: agent.session?.address ?? agent.hostname ?? "",
  port: 22,
  tags: agent.tags,
  hostKeys: [],
  defaults: {},
  acceptNew: false,
  removed: false,
  report: null,
  checkedAt: null,
  fingerprint: null,
  keyProblem: null,
  version: 0,
  tasks: { queued: 0, active: 0, settled: 0 },
  watcher: null,
  agentAlone: true
})
