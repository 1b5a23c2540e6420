/**
 * Every key there is, once: what it is called, where it works, what it needs and what it says of itself.
 *
 * Owns: the table, and what derives from it (which key means what here, footer, help, `:` commands, palette).
 * Does not own: what an action does (`act.ts`, `perform.ts`).
 * Invariants: no two bindings of one chain share a key; every binding has a help sentence; an action exists only through a binding.
 */

/** Where a key works. A screen listens to a chain of contexts, the nearest first. */
export type Context =
  | "always"
  | "global"
  | "list"
  | "browse"
  | "tasks"
  | "answer"
  | "hosts"
  | "timeline"
  | "help"
  | "confirm"
  | "prompt"
  | "palette"
  | "form"
  | "edit"

/** What must be so for a key to work now. The sentence is said when it is not. */
export const needs = {
  row: "nothing is selected",
  task: "no task is selected",
  active: "only a task that has not ended can be killed",
  live: "only a task that is running can be attached; l shows its log",
  ended: "only a task that has ended can be retried",
  messageable: "a message is typed into an interactive task that runs, or continues an agent's session that has ended",
  waiting: "nothing waits for a person",
  error: "there is no message to dismiss"
} as const
export type Need = keyof typeof needs

export interface Binding {
  readonly id: string
  readonly keys: ReadonlyArray<string>
  readonly context: Context
  /** One sentence for `?`. */
  readonly help: string
  /** Word or two for the footer, with its rank: 1 is the last to be left out. Absent: not in the footer. */
  readonly footer?: { readonly text: string; readonly rank: number }
  /** Name in the palette. Absent: not offered there. */
  readonly title?: string
  readonly keywords?: string
  /** Name for `:`. */
  readonly command?: string
  readonly need?: Need
}

export const bindings = [
  // Everywhere, also inside forms and prompts
  { id: "interrupt", keys: ["ctrl-c"], context: "always", help: "leave, whatever is open" },
  { id: "suspend", keys: ["ctrl-z"], context: "always", help: "pause to the shell; fg comes back" },
  { id: "redraw", keys: ["ctrl-l"], context: "always", help: "draw the screen again" },

  // Every view
  {
    id: "view.tasks",
    keys: ["1"],
    context: "global",
    help: "tasks",
    title: "Go to tasks",
    command: "tasks",
    keywords: "jobs list"
  },
  {
    id: "view.hosts",
    keys: ["3"],
    context: "global",
    help: "hosts",
    title: "Go to hosts",
    command: "hosts",
    keywords: "servers machines"
  },
  {
    id: "view.timeline",
    keys: ["6"],
    context: "global",
    help: "timeline of all events",
    title: "Go to timeline",
    command: "timeline",
    keywords: "events log audit history"
  },
  {
    id: "next.waiting",
    keys: ["n"],
    context: "browse",
    help: "jump to the next task that waits for a person",
    title: "Next that waits",
    command: "next",
    keywords: "attention question approve",
    need: "waiting"
  },
  { id: "dismiss", keys: ["escape"], context: "global", help: "dismiss a message, leave zoom, clear the filter" },
  {
    id: "command",
    keys: [":"],
    context: "global",
    help: "run a command by name",
    footer: { text: "command", rank: 8 }
  },
  {
    id: "palette",
    keys: ["ctrl-k", "ctrl-p"],
    context: "global",
    help: "find anything by a few letters",
    footer: { text: "palette", rank: 9 }
  },
  {
    id: "help",
    keys: ["?"],
    context: "global",
    help: "this page",
    footer: { text: "help", rank: 1 },
    title: "Help",
    command: "help",
    keywords: "keys bindings"
  },
  {
    id: "mouse",
    keys: ["ctrl-t"],
    context: "global",
    help: "mouse on or off (off: the terminal selects text)",
    title: "Mouse on or off",
    command: "mouse",
    keywords: "select copy wheel"
  },
  {
    id: "quit",
    keys: ["q"],
    context: "global",
    help: "leave; everything goes on running",
    footer: { text: "quit", rank: 7 },
    title: "Quit",
    command: "quit",
    keywords: "exit leave bye"
  },

  // Every list
  { id: "down", keys: ["j", "down"], context: "list", help: "one row down" },
  { id: "up", keys: ["k", "up"], context: "list", help: "one row up" },
  { id: "page.down", keys: ["pagedown", "ctrl-f"], context: "list", help: "one page down" },
  { id: "page.up", keys: ["pageup", "ctrl-b"], context: "list", help: "one page up" },
  { id: "top", keys: ["g", "home"], context: "list", help: "to the first row" },
  { id: "bottom", keys: ["G", "end"], context: "list", help: "to the last row, and stay there as more come" },
  { id: "focus", keys: ["tab"], context: "list", help: "between list and detail" },
  {
    id: "zoom",
    keys: ["z"],
    context: "list",
    help: "this pane over the whole screen, and back",
    title: "Zoom",
    command: "zoom",
    keywords: "full screen"
  },
  {
    id: "filter",
    keys: ["/"],
    context: "list",
    help: "show only rows with these words",
    footer: { text: "filter", rank: 6 },
    title: "Filter",
    command: "filter",
    keywords: "search find"
  },
  {
    id: "copy",
    keys: ["y"],
    context: "browse",
    help: "copy the id to the clipboard of the terminal",
    title: "Copy id",
    command: "copy",
    keywords: "clipboard yank",
    need: "row"
  },

  // Tasks
  {
    id: "task.new",
    keys: ["c"],
    context: "tasks",
    help: "new task",
    footer: { text: "new", rank: 2 },
    title: "New task",
    command: "new",
    keywords: "create run start"
  },
  {
    id: "task.open",
    keys: ["enter"],
    context: "tasks",
    help: "open the task over the whole screen",
    footer: { text: "open", rank: 4 },
    title: "Open task",
    need: "task"
  },
  {
    id: "task.log",
    keys: ["l"],
    context: "tasks",
    help: "its log over the whole screen",
    footer: { text: "log", rank: 5 },
    title: "Log of the task",
    command: "log",
    keywords: "output",
    need: "task"
  },
  {
    id: "task.attach",
    keys: ["a"],
    context: "tasks",
    help: "attach to its live terminal; leaving it comes back here",
    footer: { text: "attach", rank: 3 },
    title: "Attach",
    command: "attach",
    keywords: "tmux session terminal",
    need: "live"
  },
  {
    id: "task.kill",
    keys: ["x"],
    context: "tasks",
    help: "kill it, after a question",
    footer: { text: "kill", rank: 3 },
    title: "Kill task",
    command: "kill",
    keywords: "stop end terminate",
    need: "active"
  },
  {
    id: "task.retry",
    keys: ["r"],
    context: "tasks",
    help: "run it again as a new attempt",
    footer: { text: "retry", rank: 3 },
    title: "Retry task",
    command: "retry",
    keywords: "again rerun",
    need: "ended"
  },
  {
    id: "task.message",
    keys: ["m"],
    context: "tasks",
    help: "type into its terminal, or continue the ended session of its agent",
    footer: { text: "message", rank: 3 },
    title: "Message to the task",
    command: "message",
    keywords: "resume reply answer follow-up type",
    need: "messageable"
  },
  {
    id: "task.mark",
    keys: ["space"],
    context: "tasks",
    help: "mark it; kill, retry and copy then mean all marked",
    footer: { text: "mark", rank: 10 },
    need: "task"
  },
  {
    id: "task.follow",
    keys: ["f"],
    context: "tasks",
    help: "follow the end of the log",
    title: "Follow the log",
    command: "follow",
    need: "task"
  },

  // The detail of an interactive task that waits: its question takes y and n
  {
    id: "task.yes",
    keys: ["y"],
    context: "answer",
    help: "answer yes (y and Enter), in the detail of a task that waits",
    footer: { text: "yes", rank: 1 }
  },
  {
    id: "task.no",
    keys: ["n"],
    context: "answer",
    help: "answer no (n and Enter), in the detail of a task that waits",
    footer: { text: "no", rank: 1 }
  },

  // Hosts
  {
    id: "host.add",
    keys: ["c"],
    context: "hosts",
    help: "add a host",
    footer: { text: "add", rank: 2 },
    title: "Add host",
    command: "add",
    keywords: "server ssh new"
  },
  {
    id: "host.check",
    keys: ["r"],
    context: "hosts",
    help: "check it now: reachable, tmux, tools",
    footer: { text: "check", rank: 3 },
    title: "Check host",
    command: "check",
    keywords: "refresh ping status",
    need: "row"
  },
  {
    id: "host.checkAll",
    keys: ["R"],
    context: "hosts",
    help: "check all hosts now",
    footer: { text: "check all", rank: 5 },
    title: "Check all hosts",
    keywords: "refresh ping"
  },
  {
    id: "host.open",
    keys: ["enter"],
    context: "hosts",
    help: "open the host over the whole screen",
    footer: { text: "open", rank: 4 },
    need: "row"
  },
  {
    id: "host.remove",
    keys: ["x"],
    context: "hosts",
    help: "remove it, after a question",
    title: "Remove host",
    command: "remove",
    keywords: "delete forget",
    need: "row"
  },
  {
    id: "host.task",
    keys: ["t"],
    context: "hosts",
    help: "new task on this host",
    footer: { text: "task here", rank: 4 },
    title: "New task on this host",
    need: "row"
  },

  // Timeline
  {
    id: "event.open",
    keys: ["enter"],
    context: "timeline",
    help: "open the event over the whole screen",
    footer: { text: "open", rank: 4 },
    need: "row"
  },
  {
    id: "event.follow",
    keys: ["f"],
    context: "timeline",
    help: "to the newest, and stay there",
    footer: { text: "follow", rank: 3 },
    title: "Follow the newest event",
    command: "follow"
  },

  // Questions, help, prompts, palette, forms
  {
    id: "help.close",
    keys: ["escape", "q", "?", "enter"],
    context: "help",
    help: "close the help",
    footer: { text: "close", rank: 1 }
  },
  {
    id: "help.down",
    keys: ["j", "down", "pagedown", "space"],
    context: "help",
    help: "further down",
    footer: { text: "down", rank: 2 }
  },
  { id: "help.up", keys: ["k", "up", "pageup"], context: "help", help: "further up", footer: { text: "up", rank: 2 } },
  { id: "confirm.yes", keys: ["y"], context: "confirm", help: "yes", footer: { text: "yes", rank: 1 } },
  { id: "confirm.no", keys: ["n", "escape", "q"], context: "confirm", help: "no", footer: { text: "no", rank: 1 } },
  {
    id: "prompt.done",
    keys: ["enter"],
    context: "prompt",
    help: "take what is written",
    footer: { text: "done", rank: 1 }
  },
  {
    id: "prompt.cancel",
    keys: ["escape"],
    context: "prompt",
    help: "leave it as it was",
    footer: { text: "cancel", rank: 1 }
  },
  {
    id: "prompt.complete",
    keys: ["tab"],
    context: "prompt",
    help: "complete the name of a command",
    footer: { text: "complete", rank: 3 }
  },
  {
    id: "palette.run",
    keys: ["enter"],
    context: "palette",
    help: "run the marked line",
    footer: { text: "run", rank: 1 }
  },
  { id: "palette.close", keys: ["escape"], context: "palette", help: "close", footer: { text: "close", rank: 1 } },
  { id: "palette.down", keys: ["down", "ctrl-n", "tab"], context: "palette", help: "next line" },
  { id: "palette.up", keys: ["up", "ctrl-p", "shift-tab"], context: "palette", help: "line before" },
  {
    id: "form.next",
    keys: ["tab", "enter", "down"],
    context: "form",
    help: "next field; after the last one it is sent",
    footer: { text: "next", rank: 2 }
  },
  { id: "form.before", keys: ["shift-tab", "up"], context: "form", help: "field before" },
  { id: "form.send", keys: ["ctrl-s"], context: "form", help: "send the form", footer: { text: "send", rank: 1 } },
  {
    id: "form.cancel",
    keys: ["escape"],
    context: "form",
    help: "leave without sending",
    footer: { text: "cancel", rank: 1 }
  },
  {
    id: "form.newline",
    keys: ["alt-enter", "shift-enter", "ctrl-j"],
    context: "form",
    help: "a new line in a field of several lines"
  },

  // Writing
  { id: "edit.left", keys: ["left"], context: "edit", help: "one character left; in a choice, the one before" },
  { id: "edit.right", keys: ["right"], context: "edit", help: "one character right; in a choice, the next" },
  { id: "edit.home", keys: ["home", "ctrl-a"], context: "edit", help: "to the start of the line" },
  { id: "edit.end", keys: ["end", "ctrl-e"], context: "edit", help: "to the end of the line" },
  { id: "edit.wordLeft", keys: ["alt-b", "ctrl-left", "alt-left"], context: "edit", help: "one word left" },
  { id: "edit.wordRight", keys: ["alt-f", "ctrl-right", "alt-right"], context: "edit", help: "one word right" },
  { id: "edit.backspace", keys: ["backspace", "ctrl-h"], context: "edit", help: "delete the character before" },
  { id: "edit.delete", keys: ["delete", "ctrl-d"], context: "edit", help: "delete the character under the cursor" },
  { id: "edit.killWord", keys: ["ctrl-w"], context: "edit", help: "delete the word before" },
  { id: "edit.killStart", keys: ["ctrl-u"], context: "edit", help: "delete to the start of the line" },
  { id: "edit.killEnd", keys: ["ctrl-k"], context: "edit", help: "delete to the end of the line" }
] as const satisfies ReadonlyArray<Binding>

export type ActionId = (typeof bindings)[number]["id"]
export type EditId = Extract<ActionId, `edit.${string}`>

export const all: ReadonlyArray<Binding & { readonly id: ActionId }> = bindings

/** The contexts that listen on each screen, nearest first. */
export const chains = {
  tasks: ["tasks", "list", "browse", "global", "always"],
  answer: ["answer", "tasks", "list", "global", "always"],
  hosts: ["hosts", "list", "browse", "global", "always"],
  timeline: ["timeline", "list", "browse", "global", "always"],
  help: ["help", "always"],
  confirm: ["confirm", "always"],
  prompt: ["prompt", "edit", "always"],
  palette: ["palette", "edit", "always"],
  form: ["form", "edit", "always"]
} as const satisfies Record<string, ReadonlyArray<Context>>
export type Place = keyof typeof chains

export const viewTitles: Readonly<
  Record<"tasks" | "hosts" | "timeline", { readonly key: string; readonly title: string }>
> = {
  tasks: { key: "1", title: "Tasks" },
  hosts: { key: "3", title: "Hosts" },
  timeline: { key: "6", title: "Timeline" }
}
export type ViewId = keyof typeof viewTitles
export const viewIds: ReadonlyArray<ViewId> = ["tasks", "hosts", "timeline"]

const tables = new Map<Place, ReadonlyMap<string, Binding & { readonly id: ActionId }>>()

/** What a key means here; undefined: nothing (in a text field: it is text). */
export const resolve = (place: Place, key: string): (Binding & { readonly id: ActionId }) | undefined => {
  let table = tables.get(place)
  if (table === undefined) {
    const entries = here(place).flatMap((b) => b.keys.map((k) => [k, b] as const))
    tables.set(place, (table = new Map(entries)))
  }
  return table.get(key)
}

/** The bindings that listen here, nearest first. */
export const here = (place: Place): ReadonlyArray<Binding & { readonly id: ActionId }> =>
  chains[place].flatMap((context) => all.filter((b) => b.context === context))

const shown: Readonly<Record<string, string>> = {
  up: "↑",
  down: "↓",
  left: "←",
  right: "→",
  pageup: "pgup",
  pagedown: "pgdn",
  escape: "esc"
}
export const keyName = (key: string): string => shown[key] ?? key
