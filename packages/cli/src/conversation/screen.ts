/** Conversations as tables and headings for people. Pure. */
import type { SearchHit } from "@signalbox/core/api/conversations.ts"
import type { ConversationView } from "@signalbox/core/conversation/view.ts"
import { age, count, exact, many } from "@signalbox/tui/format.ts"
import { facts, table } from "../client/table.ts"

export const rows = (conversations: ReadonlyArray<ConversationView>, now: number): string =>
  table(
    [
      { title: "CONVERSATION", cell: (one) => one.conversationId, keep: true },
      {
        title: "STATE",
        cell: (one) => (one.archived ? "archived" : one.status),
        color: (one) => (one.status === "waiting" ? "yellow" : one.status === "replying" ? "green" : undefined)
      },
      { title: "TOUCHED", cell: (one) => age(one.updatedAt, now) },
      { title: "SAID", cell: (one) => count(one.messages) },
      { title: "MODEL", cell: (one) => one.model },
      { title: "COST", cell: cost },
      { title: "TITLE", cell: (one) => one.title, flexible: true }
    ],
    conversations
  )

/** Of priced calls; a plus where others have no known price. */
const cost = (one: ConversationView): string => {
  const unknown = one.unpriced + one.uncounted > 0
  return one.costUsd === 0 && unknown ? "?" : `$${one.costUsd.toFixed(4)}${unknown ? "+" : ""}`
}

const tokens = (one: ConversationView): string =>
  one.inputTokens + one.outputTokens === 0 && one.uncounted > 0
    ? "unknown"
    : `${count(one.inputTokens)} in, ${count(one.outputTokens)} out${one.uncounted > 0 ? `, and ${many(one.uncounted, "call")} that nobody counted` : ""}`

const money = (one: ConversationView): string => (cost(one) === "?" ? "unknown" : cost(one))

export const heading = (one: ConversationView): string =>
  facts([
    ["title", one.title],
    ["conversation", one.conversationId],
    ["model", one.model],
    ["state", one.archived ? `${one.status}, archived` : one.status],
    ["begun", exact(one.createdAt)],
    ["touched", exact(one.updatedAt)],
    ["tokens", tokens(one)],
    ["cost", money(one)],
    ["fork of", one.forkOf === null ? "" : `${one.forkOf.conversationId} at ${one.forkOf.version}`],
    ["instructions", one.system]
  ])

export const found = (hits: ReadonlyArray<SearchHit>): string =>
  table(
    [
      { title: "CONVERSATION", cell: (hit) => hit.conversationId, keep: true },
      { title: "AT", cell: (hit) => String(hit.version) },
      { title: "WHO", cell: (hit) => hit.role },
      { title: "WHEN", cell: (hit) => exact(hit.at) },
      { title: "TITLE", cell: (hit) => hit.title },
      { title: "WORDS", cell: (hit) => hit.excerpt, flexible: true }
    ],
    hits
  )
