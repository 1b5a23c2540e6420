/**
 * Does what a person asked for, and says how it went.
 *
 * Owns: the order of a request's steps and its words. Does not own: the calls (`Hub.ts`), the terminal (`Screen.tsx`).
 * Invariant: a form is closed only when the hub has accepted it; an answer never pulls a
 * person back who has gone elsewhere; several tasks are done one by one, and one refusal does not
 * hide how the others went.
 */
import { performChat } from "./conversation/perform.ts"
import { hostRequest } from "./host/form.ts"
import { performPlan } from "./plan/perform.ts"
import type { Session } from "./Session.ts"
import { taskRequest } from "./task/form.ts"
import { goTo } from "./cursor.ts"
import type { ViewId } from "./keymap.ts"
import type { Request, Ui } from "./ui.ts"

/** What only the screen can do. */
export interface Terminal {
  readonly quit: () => void
  readonly attach: (taskId: string) => Promise<void>
  readonly suspend: () => Promise<void>
  readonly redraw: () => Promise<void>
  readonly copy: (text: string) => void
  /** A text through a person's own editor; undefined: it was left as it was. */
  readonly edit: (text: string) => Promise<string | undefined>
}

export const perform = async (session: Session, request: Request): Promise<void> => {
  const { acts, terminal } = session
  switch (request.kind) {
    case "kill":
      return each(session, request.taskIds, acts.kill, "asked to end")
    case "retry": {
      let last: string | undefined
      await each(session, request.taskIds, async (id) => void (last = await acts.retry(id)), "runs again")
      if (last !== undefined) select(session, last)
      return
    }
    case "say":
      await acts.say(request.taskId, request.text)
      return session.note(`${request.taskId} is being told`)
    case "message":
      return select(session, await acts.message(request.taskId, request.text))
    case "create":
      return select(session, await acts.create(taskRequest(request.values)))
    case "addHost": {
      const { request: host, acceptNew } = hostRequest(request.values)
      await acts.addHost(host, acceptNew)
      session.change((ui) => (waits(ui, "hosts") ? goTo({ ...ui, overlay: undefined }, "hosts", host.name) : ui))
      session.note(`${host.name} was added; checking it`)
      return acts.checkHost(host.name)
    }
    case "check":
      return each(session, request.names, acts.checkHost, "checked")
    case "removeHost":
      await acts.removeHost(request.name)
      return session.note(`${request.name} was removed`)
    case "older":
      return void (await acts.olderEvents())
    case "copy":
      terminal?.copy(request.text)
      return session.note(`copied ${request.text.split("\n").join(" ")}`)
    case "attach":
      return terminal?.attach(request.taskId)
    case "suspend":
      return terminal?.suspend()
    case "redraw":
      return terminal?.redraw()
    case "quit":
      return terminal?.quit()
    case "plan.give":
    case "plan.approve":
    case "plan.reject":
    case "plan.cancel":
      return performPlan(session, request)
    default:
      return performChat(session, request)
  }
}

/** Is the person still where they asked? Whoever has gone elsewhere meanwhile is not pulled back. */
const waits = (ui: Ui, view: ViewId): boolean =>
  ui.view === view && (ui.overlay === undefined || (ui.overlay.kind === "form" && ui.overlay.sending))

const select = (session: Session, taskId: string): void => {
  session.change((ui) =>
    waits(ui, "tasks") ? goTo({ ...ui, overlay: undefined, marked: new Set() }, "tasks", taskId) : ui
  )
  session.note(`${taskId} was created`)
}

const each = async (
  session: Session,
  ids: ReadonlyArray<string>,
  act: (id: string) => Promise<void>,
  done: string
): Promise<void> => {
  const results = await Promise.allSettled(ids.map((id) => act(id)))
  const good = results.filter((r) => r.status === "fulfilled").length
  for (const result of results) {
    if (result.status === "rejected")
      session.complain(result.reason instanceof Error ? result.reason.message : String(result.reason))
  }
  if (good > 0) session.change((ui) => ({ ...ui, marked: new Set() }))
  if (good > 0) session.note(good === 1 && ids.length === 1 ? `${ids[0]} ${done}` : `${good} of ${ids.length} ${done}`)
}
