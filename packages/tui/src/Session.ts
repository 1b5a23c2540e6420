/**
 * One person at one terminal: holds what they do beside what the world is, and tells React when either changed.
 *
 * Owns: applying keys, doing requests, the clock of relative times. Does not own: the rules (`ui.ts`), drawing (`frame.ts`).
 * Invariants: a key acts on the world as it was drawn when it was pressed, never on one that came after; a request that fails
 * becomes a message that stays until it is read; the state changes at once, the world at the ticker's pace.
 */
import type { Acts } from "./Hub.ts"
import { type Frame, frame, sceneOf } from "./frame.ts"
import { viewIds } from "./keymap.ts"
import type { Press } from "./keys.ts"
import { hold, view } from "./list.ts"
import type { Model } from "./model.ts"
import { perform, type Terminal } from "./perform.ts"
import type { Row } from "./row.ts"
import type { Size } from "./screen/panes.ts"
import { fresh } from "./screen/toast.ts"
import { selectedChat, unsent } from "./conversation/state.ts"
import { ungiven } from "./plan/perform.ts"
import { selectedPlan } from "./plan/state.ts"
import { selectedTask } from "./situation.ts"
import type { Store } from "./store.ts"
import type { Mouse } from "./terminal.ts"
import { pasted, press } from "./act.ts"
import { moveBy, selectAt } from "./cursor.ts"
import { complain, idsOfView, note, type Request, start, type Step, type Ui } from "./ui.ts"

export interface SessionOptions {
  readonly store: Store
  readonly acts: Acts
  readonly clock?: () => number
  readonly initial?: Partial<Ui>
}

export class Session {
  readonly store: Store
  readonly acts: Acts
  /** Quitting and handing the terminal over are the screen's; absent while there is none. */
  terminal: Terminal | undefined
  private size: Size = { columns: 80, rows: 24 }
  private drawn: Frame | undefined
  private state: Ui
  private seen: Model
  private version: object = {}
  private readonly clock: () => number
  private readonly heard = new Set<() => void>()
  private readonly stops: ReadonlyArray<() => void>

  constructor(options: SessionOptions) {
    this.store = options.store
    this.acts = options.acts
    this.clock = options.clock ?? Date.now
    this.state = { ...start, ...options.initial }
    this.seen = this.look()
    const second = setInterval(this.store.ticker.touch, 1000)
    this.stops = [this.store.ticker.subscribe(this.world), () => clearInterval(second)]
    this.world()
  }

  get ui(): Ui {
    return this.state
  }
  get model(): Model {
    return this.seen
  }

  /** The screen is there; the answer takes it away again. */
  onTerminal(terminal: Terminal): () => void {
    this.terminal = terminal
    return () => {
      if (this.terminal === terminal) this.terminal = undefined
    }
  }

  frame(size: Size): Frame {
    this.size = size
    return (this.drawn = frame(this.state, this.seen, size))
  }

  readonly subscribe = (tell: () => void): (() => void) => {
    this.heard.add(tell)
    return () => {
      this.heard.delete(tell)
    }
  }
  readonly getSnapshot = (): object => this.version

  readonly press = (one: Press): void => this.step((ui, scene) => press(ui, scene, one))
  /** Line breaks would send a prompt, so they are spaces there; a form's field of several lines keeps them. */
  readonly paste = (text: string): void => this.step((ui, scene) => pasted(ui, scene, text))

  readonly mouse = (mouse: Mouse): void => {
    if (this.state.overlay !== undefined || mouse.kind === "move" || mouse.kind === "up") return
    this.step((ui, scene) => {
      const inside = ({ x, y, columns, rows }: NonNullable<typeof scene.list>): boolean =>
        mouse.x >= x && mouse.x < x + columns && mouse.y >= y && mouse.y < y + rows
      const inList = scene.list !== undefined && inside(scene.list)
      const inDetail = scene.detail !== undefined && inside(scene.detail)
      if (mouse.kind === "wheel") {
        if (!inList && !inDetail) return { ui }
        const moved = moveBy({ ...ui, focus: inList ? "list" : "detail" }, scene, mouse.dy)
        return { ...moved, ui: { ...moved.ui, focus: ui.focus } }
      }
      if (inDetail) return { ui: { ...ui, focus: "detail" } }
      if (!inList || scene.list === undefined) return { ui }
      const { start: first, end } = view(idsOfView(ui, scene.model), scene.listRows, ui.anchors[ui.view])
      const index = first + mouse.y - scene.list.y
      return { ui: index < end ? selectAt(ui, scene, index) : ui }
    })
  }

  readonly note = (text: string): void => this.change((ui) => note(ui, text, this.clock()))
  readonly complain = (text: string): void => this.change((ui) => complain(ui, text, this.clock()))

  readonly change = (to: (ui: Ui) => Ui): void => {
    const before = this.state
    this.state = to(before)
    this.refilter(before)
    this.told()
  }

  stop(): void {
    for (const stop of this.stops) stop()
    this.store.ticker.stop()
  }

  private step(to: (ui: Ui, scene: ReturnType<typeof sceneOf>) => Step): void {
    const before = this.state
    const { ui, request } = to(before, sceneOf(before, this.seen, this.size))
    this.state = ui
    this.refilter(before)
    this.told()
    if (request !== undefined) void this.perform(request)
  }

  private async perform(request: Request): Promise<void> {
    try {
      await perform(this, request)
    } catch (error) {
      this.change((now) => {
        const ui = request.kind === "chat.send" ? unsent(now) : request.kind === "plan.give" ? ungiven(now) : now
        return {
          ...complain(ui, error instanceof Error ? error.message : String(error), this.clock()),
          overlay: ui.overlay?.kind === "form" ? { ...ui.overlay, sending: false } : ui.overlay
        }
      })
    }
  }

  /** Another filter shows at once; the world waits for its tick. */
  private refilter(before: Ui): void {
    const { filters, chat } = this.state
    if (filters !== before.filters || chat.archived !== before.chat.archived) this.seen = this.look()
  }

  private look(): Model {
    return this.store.model({ ...this.state.filters, archived: this.state.chat.archived }, this.clock())
  }

  private readonly world = (): void => {
    this.seen = this.look()
    const { anchors, toasts } = this.state
    const tasks = hold(this.seen.tasks.ids, anchors.tasks)
    const hosts = hold(this.seen.hosts.ids, anchors.hosts)
    const chats = hold(this.seen.chat.list.ids, anchors.chats)
    const plans = hold(this.seen.plans.list.ids, anchors.plans)
    const kept = fresh(toasts, this.seen.now)
    const held = { ...anchors, tasks, hosts, chats, plans }
    if (viewIds.some((id) => held[id] !== anchors[id]) || kept !== toasts)
      this.state = { ...this.state, anchors: held, toasts: kept }
    // Ink pays for a whole frame whatever changed, and most seconds change nothing that is seen.
    if (this.drawn !== undefined && same(this.drawn, frame(this.state, this.seen, this.size))) this.read()
    else this.told()
  }

  private read(): void {
    this.acts.readLog(this.store.loaded ? selectedTask(this.state, this.seen)?.taskId : undefined)
    const { view, filters } = this.state
    this.acts.agents.follow(this.store.loaded && view === "hosts")
    const plan = this.store.loaded ? selectedPlan(this.state, this.seen) : undefined
    this.acts.plans.follow(plan === undefined ? undefined : { planId: plan.planId, whole: this.state.plan.whole })
    this.acts.chats.follow(
      this.store.loaded && view === "chats"
        ? { conversationId: selectedChat(this.state, this.seen)?.conversationId, search: filters.chats.trim() }
        : undefined
    )
  }

  private told(): void {
    this.read()
    this.version = {}
    for (const tell of this.heard) tell()
  }
}

const same = (a: Frame, b: Frame): boolean =>
  a.cursor?.x === b.cursor?.x &&
  a.cursor?.y === b.cursor?.y &&
  a.rows.length === b.rows.length &&
  a.rows.every((row, y) => sameRow(row, b.rows[y] ?? []))

const sameRow = (a: Row, b: Row): boolean =>
  a.length === b.length &&
  a.every((span, i) => {
    const other = b[i]
    return (
      other !== undefined &&
      span.text === other.text &&
      span.color === other.color &&
      span.bold === other.bold &&
      span.dim === other.dim &&
      span.italic === other.italic &&
      span.inverse === other.inverse
    )
  })
