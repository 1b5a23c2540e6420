/**
 * Conversations as the screens list them.
 *
 * Owns: their order, what a filter finds, the counts, the models there are. Does not own: their text (`talk.ts`), how rows look
 * (`list.ts`).
 * Invariants: pure; what waits for a person comes first, then what was touched last; archived ones are out of the way until
 * they are wanted; a conversation that the full-text search found is listed, whatever its title says.
 */
import type { SearchHit } from "@signalbox/core/api/conversations.ts"
import type { ConversationView } from "@signalbox/core/conversation/view.ts"
import type { ProviderInfo } from "@signalbox/core/model/message.ts"
import { holds } from "../fuzzy.ts"
import { type Ids, idsOf } from "../list.ts"
import type { Talk } from "./talk.ts"

export interface Models {
  readonly state: "unknown" | "loading" | "ready" | "failed"
  readonly providers: ReadonlyArray<ProviderInfo>
  /** What new conversations begin with; null: nothing is configured. */
  readonly current: string | null
  readonly problem?: string
}
export const noModels: Models = { state: "unknown", providers: [], current: null }

/** What the full-text search found, best first. */
export interface Found {
  readonly query: string
  readonly hits: ReadonlyArray<SearchHit>
  readonly state: "searching" | "ready" | "failed"
}

export interface ChatModel {
  readonly list: {
    readonly rows: ReadonlyArray<ConversationView>
    readonly ids: Ids
    readonly total: number
  }
  /** The best hit of a conversation that was found by its text. */
  readonly hits: ReadonlyMap<string, SearchHit>
  readonly searching: boolean
  readonly replying: number
  readonly archived: number
  /** Those that wait for a person, the longest wait first. */
  readonly waiting: ReadonlyArray<string>
  readonly all: ReadonlyArray<ConversationView>
  readonly talk: Talk | undefined
  readonly models: Models
}

export const orderedChats = (all: Iterable<ConversationView>): ReadonlyArray<ConversationView> =>
  [...all].toSorted(
    (a, b) =>
      Number(b.status === "waiting") - Number(a.status === "waiting") ||
      (a.updatedAt < b.updatedAt ? 1 : a.updatedAt > b.updatedAt ? -1 : a.conversationId < b.conversationId ? 1 : -1)
  )

export const chatModel = (
  all: ReadonlyArray<ConversationView>,
  filter: string,
  archived: boolean,
  found: Found | undefined,
  talk: Talk | undefined,
  models: Models
): ChatModel => {
  const query = filter.trim()
  const hits = new Map<string, SearchHit>()
  if (query !== "" && found?.query === query)
    for (const hit of found.hits) if (!hits.has(hit.conversationId)) hits.set(hit.conversationId, hit)
  const open = all.filter((view) => view.archived === archived)
  // A search looks everywhere.
  const rows = query === "" ? open : all.filter((view) => hits.has(view.conversationId) || holds(query, chatText(view)))
  const waiting = all.filter((view) => view.status === "waiting")
  return {
    list: { rows, ids: idsOf(rows, (view) => view.conversationId), total: open.length },
    hits,
    searching: found?.query === query && found.state === "searching",
    replying: all.filter((view) => view.status === "replying").length,
    archived: all.filter((view) => view.archived).length,
    waiting: waiting.toReversed().map((view) => view.conversationId),
    all,
    talk,
    models
  }
}

const chatText = (view: ConversationView): string =>
  `${view.conversationId} ${view.title} ${view.model} ${view.status} ${view.actor} ${view.client} ${view.snippet}`

/** What a conversation's state is, in one word of the theme. */
export const chatState = (view: ConversationView): string => {
  if (view.status !== "idle") return view.status
  if (view.last?.stale === false && view.last.outcome !== "completed") return view.last.outcome
  return view.archived ? "archived" : "idle"
}
