/**
 * What the palette offers here: actions, hosts, conversations, plans and tasks.
 *
 * Owns: the entries. Does not own: ranking and drawing (`screen/palette.ts`).
 * Invariant: what does not work now is offered with the reason, so that it can be found.
 */
import type { Model } from "./model.ts"
import { actionEntries, type Entry, matching } from "./screen/palette.ts"
import { meets, standing } from "./situation.ts"
import type { Ui } from "./ui.ts"

/** Everything the palette finds here. */
export const found = (ui: Ui, model: Model, query: string): ReadonlyArray<Entry> => {
  const things: ReadonlyArray<Entry> =
    query.trim() === ""
      ? []
      : [
          ...model.hostNames.map((name): Entry => ({
            title: name,
            keywords: "host",
            key: "host",
            target: { host: name }
          })),
          ...model.chat.all.slice(0, 1000).map((one): Entry => ({
            title: one.title === "" ? one.conversationId : one.title,
            keywords: `${one.conversationId} ${one.model}`,
            key: "chat",
            target: { chat: one.conversationId }
          })),
          ...model.plans.all.slice(0, 500).map((one): Entry => ({
            title: one.text.slice(0, 100),
            keywords: `${one.planId} plan ${one.status}`,
            key: "plan",
            target: { plan: one.planId }
          })),
          ...model.allTasks.slice(0, 2000).map((t): Entry => ({
            title: `${t.taskId}  ${t.command.slice(0, 80)}`,
            keywords: `${t.tool} ${t.host}`,
            key: "task",
            target: { task: t.taskId }
          }))
        ]
  return matching([...actionEntries(standing(ui, model), (need) => meets(ui, model, need)), ...things], query)
}
