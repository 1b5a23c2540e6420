/**
 * Asking for something to be done with what is selected or marked. Pure.
 *
 * Owns: the questions and requests. Does not own: doing them (`perform.ts`).
 * Invariant: nothing is killed or removed without a question that names it.
 */
import type { Form } from "./form.ts"
import { hostForm } from "./host/form.ts"
import type { ActionId } from "./keymap.ts"
import { line } from "./line.ts"
import type { Ids } from "./list.ts"
import { goTo, moveBy } from "./cursor.ts"
import { selectedHost, selectedTask, subjects, takesKeys } from "./situation.ts"
import { selectedChat } from "./conversation/state.ts"
import { selectedPlan } from "./plan/state.ts"
import { taskForm } from "./task/form.ts"
import { idsOfView, type Request, type Scene, show, type Step, type Ui } from "./ui.ts"

export const acting = (ui: Ui, scene: Scene, id: ActionId): Step | undefined => {
  const { model } = scene
  const task = selectedTask(ui, model)
  const host = selectedHost(ui, model)
  switch (id) {
    case "next.waiting": {
      const here = task?.taskId ?? selectedChat(ui, model)?.conversationId ?? selectedPlan(ui, model)?.planId
      const at = here === undefined ? -1 : model.waiting.indexOf(here)
      const next = model.waiting[(at + 1) % Math.max(1, model.waiting.length)]
      if (next === undefined) return { ui }
      return { ui: goTo(ui, viewOf(next), next) }
    }
    case "task.new":
      return opened(ui, taskForm(model, task?.host))
    case "host.task":
      return opened(show(ui, "tasks"), taskForm(model, host?.name))
    case "host.add":
      return opened(ui, hostForm())
    case "task.open":
    case "host.open":
    case "event.open":
      return { ui: { ...ui, focus: "detail", zoom: true, logOnly: false } }
    case "task.log":
      return { ui: { ...ui, focus: "detail", zoom: true, logOnly: true } }
    case "task.attach":
      return task === undefined ? { ui } : { ui, request: { kind: "attach", taskId: task.taskId } }
    case "task.mark": {
      if (task === undefined) return { ui }
      const marked = new Set(ui.marked)
      if (!marked.delete(task.taskId)) marked.add(task.taskId)
      return moveBy({ ...ui, marked, focus: "list" }, scene, 1)
    }
    case "task.kill": {
      const taskIds = subjects(ui, model, "active").map((t) => t.taskId)
      const what = taskIds.length === 1 ? taskIds[0] : `these ${taskIds.length} tasks`
      return asked(ui, `Kill ${what}?`, { kind: "kill", taskIds })
    }
    case "task.retry": {
      const taskIds = subjects(ui, model, "ended").map((t) => t.taskId)
      const request: Request = { kind: "retry", taskIds }
      return taskIds.length === 1 ? { ui, request } : asked(ui, `Run these ${taskIds.length} tasks again?`, request)
    }
    case "task.message":
      if (task === undefined) return { ui }
      return {
        ui: {
          ...ui,
          overlay: {
            kind: "prompt",
            purpose: takesKeys(task) ? "say" : "message",
            line: line(),
            taskId: task.taskId
          }
        }
      }
    case "task.yes":
    case "task.no":
      if (task === undefined) return { ui }
      return { ui, request: { kind: "say", taskId: task.taskId, text: id === "task.yes" ? "y" : "n" } }
    case "copy": {
      const marked = ui.view === "tasks" && ui.marked.size > 0 ? [...ui.marked].join("\n") : undefined
      const ids = idsOfView(ui, model)
      const selected: Readonly<Record<typeof ui.view, string | undefined>> = {
        tasks: task?.taskId,
        chats: selectedChat(ui, model)?.conversationId,
        hosts: host?.name,
        plans: selectedPlan(ui, model)?.planId,
        timeline: eventId(ui, ids)
      }
      const text = marked ?? selected[ui.view]
      return text === undefined ? { ui } : { ui, request: { kind: "copy", text } }
    }
    case "host.check":
      return host === undefined ? { ui } : { ui, request: { kind: "check", names: [host.name] } }
    case "host.checkAll":
      return { ui, request: { kind: "check", names: model.hostNames } }
    case "host.remove":
      if (host === undefined) return { ui }
      return asked(ui, `Remove ${host.name}? Its tasks stay in the log.`, { kind: "removeHost", name: host.name })
    default:
      return undefined
  }
}

const viewOf = (waiting: string): "chats" | "plans" | "tasks" =>
  waiting.startsWith("chat-") ? "chats" : waiting.startsWith("p-") ? "plans" : "tasks"
const eventId = (ui: Ui, ids: Ids): string | undefined => {
  const anchor = ui.anchors.timeline
  return ids.count === 0 ? undefined : anchor.stick ? ids.idAt(ids.count - 1) : anchor.selected
}
const opened = (ui: Ui, form: Form): Step => ({ ui: { ...ui, overlay: { kind: "form", form, sending: false } } })
const asked = (ui: Ui, question: string, request: Request): Step => ({
  ui: { ...ui, overlay: { kind: "confirm", question, request } }
})
