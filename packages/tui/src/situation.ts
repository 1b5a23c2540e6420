/**
 * What is so just now: what is selected, and whether an action's need is met.
 *
 * Owns: the meaning of `needs`. Does not own: the state, the world.
 * Invariant: an action with marks works on the marked tasks that fit it, and only on these.
 */
import { activeStatuses, isSettled, type TaskView } from "@signalbox/core/task/view.ts"
import { isInteractive } from "@signalbox/core/tool/interactive.ts"
import type { Need, Place } from "./keymap.ts"
import { selectedIndex } from "./list.ts"
import type { Host, Model } from "./model.ts"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { isWriting, selectedChat, talkOf } from "./conversation/state.ts"
import { askedCalls } from "./conversation/talk.ts"
import { answered, planPlace, selectedPlan, stoppable } from "./plan/state.ts"
import type { Ui } from "./ui.ts"

export const selectedTask = (ui: Ui, model: Model): TaskView | undefined =>
  ui.view === "tasks" ? model.tasks.rows[selectedIndex(model.tasks.ids, ui.anchors.tasks)] : undefined
export const selectedHost = (ui: Ui, model: Model): Host | undefined =>
  ui.view === "hosts" ? model.hosts.rows[selectedIndex(model.hosts.ids, ui.anchors.hosts)] : undefined
export const selectedEvent = (ui: Ui, model: Model): RecordedEvent | undefined =>
  ui.view === "timeline" ? model.events.rows[selectedIndex(model.events.ids, ui.anchors.timeline)] : undefined

/** What is unknown has ended for us, and may still run: it can be tried again, and killed. */
const fits = (task: TaskView, need: "active" | "ended"): boolean =>
  task.status === "unknown" || (need === "ended") === isSettled(task.status)

/** The tasks that an action means: the marked ones, else the selected one. */
export const subjects = (ui: Ui, model: Model, need: "active" | "ended"): ReadonlyArray<TaskView> => {
  const selected = selectedTask(ui, model)
  const marked = ui.marked.size === 0 ? [] : model.allTasks.filter((t) => ui.marked.has(t.taskId))
  const meant = marked.length > 0 ? marked : selected === undefined ? [] : [selected]
  return meant.filter((t) => fits(t, need))
}

/** The agent keeps sessions, and told us this one's. */
const continues = (task: TaskView, model: Model): boolean =>
  model.tools.find((t) => t.name === task.tool)?.canResume === true &&
  [task.report.sessionId, task.resumeSession, task.sessionId].some((session) => session !== undefined && session !== "")

/** A person can type into it. */
export const takesKeys = (task: TaskView): boolean =>
  isInteractive(task.params) && activeStatuses.includes(task.status) && task.startedAt !== null

/** Which keys listen: those of what is open, else of the view, where a question in the detail takes its own. */
export const place = (ui: Ui, model: Model): Place => {
  if (ui.overlay !== undefined) return ui.overlay.kind
  if (ui.view === "chats") return chatPlace(ui, model)
  if (ui.view === "plans") return planPlace(ui, model)
  const task = ui.focus === "detail" ? selectedTask(ui, model) : undefined
  return task?.status === "waiting" && takesKeys(task) ? "answer" : ui.view
}

/** What commands and palette offer: the view's, and in the detail of a plan what it waits for. */
export const standing = (ui: Ui, model: Model): Place => (ui.view === "plans" ? planPlace(ui, model) : ui.view)

const chatPlace = (ui: Ui, model: Model): Place => {
  if (ui.focus === "list") return "chats"
  const status = selectedChat(ui, model)?.status
  const talk = talkOf(ui, model)
  // the text may be ahead of the list: what shows a call that waits is not interrupted by who only leaves the composer
  const replying = status === "replying" && (talk === undefined || askedCalls(talk).length === 0)
  if (isWriting(ui, model)) return replying ? "replyingComposer" : "composer"
  return status === "waiting" ? "call" : replying ? "replying" : "talk"
}

export const meets = (ui: Ui, model: Model, need: Need): boolean => {
  const task = selectedTask(ui, model)
  switch (need) {
    case "row":
      return (
        task !== undefined ||
        selectedChat(ui, model) !== undefined ||
        selectedHost(ui, model) !== undefined ||
        selectedPlan(ui, model) !== undefined ||
        selectedEvent(ui, model) !== undefined
      )
    case "host": {
      const host = selectedHost(ui, model)
      return host !== undefined && host.agentAlone !== true
    }
    case "task":
      return task !== undefined
    case "active":
    case "ended":
      return subjects(ui, model, need).length > 0
    case "live":
      return task !== undefined && activeStatuses.includes(task.status) && task.startedAt !== null
    case "messageable":
      return task !== undefined && (takesKeys(task) || (isSettled(task.status) && continues(task, model)))
    case "waiting":
      return model.waiting.length > 0
    case "chat":
      return selectedChat(ui, model) !== undefined || (ui.view === "chats" && ui.chat.fresh)
    case "plan":
      return selectedPlan(ui, model) !== undefined
    case "answered":
      return answered(selectedPlan(ui, model))
    case "carried":
      return stoppable(selectedPlan(ui, model))
    case "replied": {
      const chat = selectedChat(ui, model)
      return chat !== undefined && chat.status === "idle" && chat.last?.stale === false
    }
    case "error":
      return ui.toasts.some((t) => t.kind === "error")
  }
}
