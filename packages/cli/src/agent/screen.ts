/** Agents as a person reads them: a table, or all of one. Loaded only for people. */
import type { AgentInfo } from "@signalbox/core/agent/view.ts"
import { age, bytes } from "@signalbox/tui/format.ts"
import { facts, table } from "../client/table.ts"

export const rows = (agents: ReadonlyArray<AgentInfo>, now: number): string =>
  table(
    [
      { title: "HOST", cell: (agent) => agent.name ?? agent.agentId, keep: true },
      { title: "STATE", cell: state, color: (agent) => (agent.online ? "green" : "red") },
      { title: "CPU", cell: (agent) => percent(agent, "cpu") },
      { title: "MEMORY", cell: (agent) => percent(agent, "memory") },
      { title: "DISK", cell: (agent) => percent(agent, "disk") },
      { title: "SEEN", cell: (agent) => seen(agent, now) },
      { title: "TAGS", cell: (agent) => agent.tags.join(" ") },
      { title: "SYSTEM", cell: (agent) => agent.hello?.os ?? "", flexible: true }
    ],
    agents
  )

const state = (agent: AgentInfo): string => {
  const now = agent.status === "enrolled" ? (agent.online ? "online" : "offline") : agent.status
  return agent.hello?.relay === undefined ? now : `${now}, relay`
}
const relay = ({ hello, online, sample }: AgentInfo): string | undefined => {
  if (hello?.relay === undefined) return undefined
  const counts = online ? sample?.relay : undefined
  return counts === undefined
    ? hello.relay.listen
    : `${hello.relay.listen}, ${counts.open} open, ${counts.passed} let through, ${counts.refused} refused`
}
const seen = (agent: AgentInfo, now: number): string =>
  agent.lastSeenAt === null ? "never" : age(agent.lastSeenAt, now)
const percent = ({ online, sample }: AgentInfo, of: "cpu" | "memory" | "disk"): string =>
  !online || sample === null ? "" : `${Math.round(sample[of])} %`

/** What the hub allows and the host's own configuration does not, as the host told it when it connected. */
export const onlyHere = ({ allows, hello }: AgentInfo): ReadonlyArray<string> =>
  hello === undefined ? [] : allows.filter((name) => !hello.allows.includes(name))

export const details = (agent: AgentInfo, now: number): string => {
  const { hello } = agent
  const missing = onlyHere(agent)
  return facts([
    ["host", agent.name],
    ["agent", agent.agentId],
    ["state", state(agent)],
    ["seen", agent.lastSeenAt === null ? "never" : `${seen(agent, now)} ago`],
    ["gone because", agent.online ? undefined : agent.disconnectReason],
    ["two at once", agent.doubledAt === undefined ? undefined : `its key was seen twice at ${agent.doubledAt}`],
    ["tags", agent.tags.join(" ")],
    ["allowed", agent.allows.filter((name) => !missing.includes(name)).join(" ")],
    ["not allowed", missing.length === 0 ? undefined : `${missing.join(" ")} (here it is, on the host it is not)`],
    ["address", agent.session?.address],
    ["through", hello?.through],
    ["relay", relay(agent)],
    ["system", [hello?.os, hello?.kernel, hello?.arch].filter(Boolean).join(", ")],
    [
      "machine",
      hello === undefined ? undefined : `${hello.cpus} processors, ${bytes(hello.memoryBytes)}, ${hello.virtualization}`
    ],
    [
      "now",
      agent.online && agent.sample !== null
        ? `CPU ${agent.sample.cpu} %, memory ${agent.sample.memory} %, disk ${agent.sample.disk} %`
        : undefined
    ],
    ["version", hello?.version],
    ["invited by", agent.invitedBy],
    ["enrolled", agent.enrolledAt],
    ["invite until", agent.status === "invited" ? agent.expiresAt : undefined],
    ["revoked", agent.revokedAt]
  ])
}
