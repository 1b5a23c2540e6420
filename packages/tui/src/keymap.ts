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
  | "chats"
  | "talk"
  | "call"
  | "replying"
  | "composer"
  | "written"
  | "picker"
  | "leave"
  | "hosts"
  | "plans"
  | "planList"
  | "planWaits"
  | "planDetail"
  | "proposal"
  | "instruct"
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
  host: "no host is selected, or its agent alone is known: c adds it as a host that is reached over SSH",
  task: "no task is selected",
  active: "only a task that has not ended can be killed",
  live: "only a task that is running can be attached; l shows its log",
  ended: "only a task that has ended can be retried",
  messageable: "a message is typed into an interactive task that runs, or continues an agent's session that has ended",
  waiting: "nothing waits for a person",
  error: "there is no message to dismiss",
  chat: "no conversation is selected",
  plan: "no plan is selected",
  answered: "no host has answered yet",
  carried: "only a plan that is being carried out can be stopped",
  replied: "there is no reply yet that could be written anew, or one is being written"
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
    id: "view.chats",
    keys: ["2"],
    context: "global",
    help: "conversations with models",
    title: "Go to chats",
    command: "chats",
    keywords: "conversations talk models ask"
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
    id: "view.plans",
    keys: ["4"],
    context: "global",
    help: "plans: what hosts are told to do, in plain words",
    title: "Go to plans",
    command: "plans",
    keywords: "instructions approve do infrastructure agents"
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
    help: "jump to the next task, conversation or plan that waits for a person",
    title: "Next that waits",
    command: "next",
    keywords: "attention question approve",
    need: "waiting"
  },
  { id: "dismiss", keys: ["escape"], context: "leave", help: "dismiss a message, leave zoom, clear the filter" },
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

  // Chats: list and conversation
  {
    id: "chat.new",
    keys: ["c"],
    context: "chats",
    help: "new conversation",
    footer: { text: "new", rank: 2 },
    title: "New conversation",
    command: "new",
    keywords: "chat start talk ask"
  },
  {
    id: "chat.open",
    keys: ["enter"],
    context: "chats",
    help: "open the conversation over the whole screen and write; in it: write",
    footer: { text: "write", rank: 2 },
    title: "Write a message",
    need: "chat"
  },
  {
    id: "chat.model",
    keys: ["m"],
    context: "chats",
    help: "choose the model that goes on with it",
    footer: { text: "model", rank: 4 },
    title: "Choose model",
    command: "model",
    keywords: "provider gemini claude gpt ollama switch"
  },
  {
    id: "chat.regenerate",
    keys: ["r"],
    context: "chats",
    help: "ask for the last reply again",
    footer: { text: "again", rank: 3 },
    title: "Write the last reply again",
    command: "regenerate",
    keywords: "retry redo again",
    need: "replied"
  },
  {
    id: "chat.rename",
    keys: ["e"],
    context: "chats",
    help: "give it another title",
    footer: { text: "rename", rank: 7 },
    title: "Rename conversation",
    command: "rename",
    keywords: "title edit",
    need: "chat"
  },
  {
    id: "chat.fork",
    keys: ["F"],
    context: "chats",
    help: "fork it: all of it, or, scrolled back, up to the message on top",
    footer: { text: "fork", rank: 8 },
    title: "Fork conversation",
    command: "fork",
    keywords: "branch copy",
    need: "chat"
  },
  {
    id: "chat.archive",
    keys: ["x"],
    context: "chats",
    help: "archive it, or take it out of the archive",
    footer: { text: "archive", rank: 6 },
    title: "Archive conversation",
    command: "archive",
    keywords: "hide away delete unarchive",
    need: "chat"
  },
  {
    id: "chat.archived",
    keys: ["A"],
    context: "chats",
    help: "list what is archived, or the others again",
    title: "Archived conversations",
    command: "archived",
    keywords: "archive hidden old"
  },
  {
    id: "chat.summarize",
    keys: ["S"],
    context: "chats",
    help: "have a summary stand for what was said so far; the originals stay",
    title: "Summarize conversation",
    command: "summarize",
    keywords: "summary shorten memory",
    need: "chat"
  },

  // A conversation that is read
  {
    id: "chat.write",
    keys: ["i"],
    context: "talk",
    help: "write a message"
  },
  {
    id: "talk.follow",
    keys: ["f"],
    context: "talk",
    help: "to the end, and stay there as text comes"
  },
  { id: "talk.next", keys: ["]"], context: "talk", help: "to the next message" },
  { id: "talk.before", keys: ["["], context: "talk", help: "to the message before" },
  {
    id: "chat.interrupt",
    keys: ["escape"],
    context: "replying",
    help: "interrupt the reply that is being written; what has come stays",
    footer: { text: "interrupt", rank: 1 }
  },
  {
    id: "call.yes",
    keys: ["y"],
    context: "call",
    help: "let the tool run exactly as it is shown",
    footer: { text: "yes", rank: 1 }
  },
  {
    id: "call.no",
    keys: ["n"],
    context: "call",
    help: "refuse the tool call",
    footer: { text: "no", rank: 1 }
  },

  // The message that is being written
  {
    id: "composer.send",
    keys: ["enter"],
    context: "composer",
    help: "send the message; after a backslash: a new line",
    footer: { text: "send", rank: 1 }
  },
  {
    id: "composer.newline",
    keys: ["alt-enter", "shift-enter", "ctrl-j"],
    context: "composer",
    help: "a new line",
    footer: { text: "new line", rank: 4 }
  },
  { id: "composer.up", keys: ["up"], context: "composer", help: "one line up, or the message that was sent before" },
  {
    id: "composer.down",
    keys: ["down"],
    context: "composer",
    help: "one line down, or the message that was sent after"
  },
  {
    id: "composer.pageUp",
    keys: ["pageup"],
    context: "composer",
    help: "back through the conversation",
    footer: { text: "back", rank: 6 }
  },
  { id: "composer.pageDown", keys: ["pagedown"], context: "composer", help: "on through the conversation" },
  {
    id: "composer.model",
    keys: ["alt-m"],
    context: "composer",
    help: "choose the model",
    footer: { text: "model", rank: 5 }
  },
  {
    id: "composer.editor",
    keys: ["ctrl-o"],
    context: "composer",
    help: "go on writing in $VISUAL or $EDITOR",
    footer: { text: "editor", rank: 7 }
  },
  {
    id: "composer.palette",
    keys: ["ctrl-p"],
    context: "composer",
    help: "find anything by a few letters",
    footer: { text: "palette", rank: 8 }
  },
  {
    id: "composer.list",
    keys: ["tab"],
    context: "composer",
    help: "to the list; the draft stays",
    footer: { text: "list", rank: 3 }
  },
  {
    id: "composer.leave",
    keys: ["escape"],
    context: "written",
    help: "from writing to reading; the draft stays",
    footer: { text: "read", rank: 2 }
  },

  // Choosing a model
  {
    id: "picker.choose",
    keys: ["enter"],
    context: "picker",
    help: "take this model",
    footer: { text: "choose", rank: 1 }
  },
  {
    id: "picker.close",
    keys: ["escape"],
    context: "picker",
    help: "leave it as it is",
    footer: { text: "close", rank: 1 }
  },
  { id: "picker.down", keys: ["down", "ctrl-n", "tab"], context: "picker", help: "next model" },
  { id: "picker.up", keys: ["up", "ctrl-p", "shift-tab"], context: "picker", help: "model before" },
  {
    id: "picker.refresh",
    keys: ["ctrl-r"],
    context: "picker",
    help: "ask the providers again",
    footer: { text: "ask again", rank: 2 }
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
    need: "host"
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
    need: "host"
  },
  {
    id: "host.task",
    keys: ["t"],
    context: "hosts",
    help: "new task on this host",
    footer: { text: "task here", rank: 4 },
    title: "New task on this host",
    need: "host"
  },

  // Plans
  {
    id: "plan.new",
    keys: ["i"],
    context: "plans",
    help: "say in plain words what is to be done, and see what is understood",
    footer: { text: "instruct", rank: 2 },
    title: "Give an instruction",
    command: "do",
    keywords: "new plan say restart show install"
  },
  {
    id: "plan.open",
    keys: ["enter"],
    context: "planList",
    help: "open the plan over the whole screen",
    footer: { text: "open", rank: 3 },
    title: "Open plan",
    need: "plan"
  },
  {
    id: "plan.read",
    keys: ["enter"],
    context: "planWaits",
    help: "open what waits for approval over the whole screen; there y approves and n rejects it",
    footer: { text: "read, then approve", rank: 1 },
    title: "Read the plan"
  },
  {
    id: "plan.answers",
    keys: ["enter"],
    context: "planDetail",
    help: "answers of hosts to their end, or cut again",
    footer: { text: "answers", rank: 3 },
    title: "Answers to their end",
    command: "answers",
    keywords: "results data whole output",
    need: "answered"
  },
  {
    id: "plan.edit",
    keys: ["e"],
    context: "plans",
    help: "write its instruction anew, and give it as another plan",
    footer: { text: "edit", rank: 4 },
    title: "Edit the instruction",
    command: "edit",
    keywords: "again retry change repeat",
    need: "plan"
  },
  {
    id: "plan.cancel",
    keys: ["x"],
    context: "plans",
    help: "stop it, after a question: what has begun comes to its end",
    footer: { text: "stop", rank: 3 },
    title: "Stop plan",
    command: "stop",
    keywords: "cancel kill end",
    need: "carried"
  },
  {
    id: "plan.why",
    keys: ["w"],
    context: "plans",
    help: "why this risk, who has to agree, and what exactly is approved",
    footer: { text: "why", rank: 5 },
    title: "Why this risk",
    command: "why",
    keywords: "reasons rules hash gate",
    need: "plan"
  },

  // The detail of a plan that waits for approval
  {
    id: "proposal.yes",
    keys: ["y"],
    context: "proposal",
    help: "approve exactly what is shown; what is critical asks for its short code",
    footer: { text: "approve", rank: 1 },
    title: "Approve the plan",
    command: "approve",
    keywords: "yes agree run"
  },
  {
    id: "proposal.no",
    keys: ["n"],
    context: "proposal",
    help: "reject the plan",
    footer: { text: "reject", rank: 1 },
    title: "Reject the plan",
    command: "reject",
    keywords: "no refuse"
  },

  // An instruction that is written
  {
    id: "instruct.send",
    keys: ["enter"],
    context: "instruct",
    help: "give it, once what is understood is shown; the first time it is asked for",
    footer: { text: "send", rank: 1 }
  },
  {
    id: "instruct.try",
    keys: ["tab"],
    context: "instruct",
    help: "ask the hub what it would do, where and at which risk: a dry run",
    footer: { text: "dry run", rank: 2 }
  },
  { id: "instruct.before", keys: ["up"], context: "instruct", help: "the instruction given before" },
  { id: "instruct.after", keys: ["down"], context: "instruct", help: "the instruction given after" },
  {
    id: "instruct.leave",
    keys: ["escape"],
    context: "instruct",
    help: "leave without giving it",
    footer: { text: "leave", rank: 1 }
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
  tasks: ["tasks", "list", "browse", "leave", "global", "always"],
  answer: ["answer", "tasks", "list", "leave", "global", "always"],
  chats: ["chats", "list", "browse", "leave", "global", "always"],
  talk: ["talk", "chats", "list", "browse", "leave", "global", "always"],
  // A tool call may come at any moment: y and n mean nothing until it is there.
  replying: ["replying", "talk", "chats", "list", "global", "always"],
  call: ["call", "replying", "talk", "chats", "list", "global", "always"],
  composer: ["composer", "written", "edit", "always"],
  replyingComposer: ["replying", "composer", "edit", "always"],
  picker: ["picker", "edit", "always"],
  hosts: ["hosts", "list", "browse", "leave", "global", "always"],
  plans: ["plans", "planList", "list", "browse", "leave", "global", "always"],
  planWaits: ["planWaits", "plans", "list", "browse", "leave", "global", "always"],
  plan: ["plans", "planDetail", "list", "browse", "leave", "global", "always"],
  // A proposal may come at any moment: y and n mean nothing until it is there.
  asked: ["plans", "planDetail", "list", "leave", "global", "always"],
  proposal: ["proposal", "plans", "planDetail", "list", "leave", "global", "always"],
  instruct: ["instruct", "edit", "always"],
  timeline: ["timeline", "list", "browse", "leave", "global", "always"],
  help: ["help", "always"],
  confirm: ["confirm", "always"],
  prompt: ["prompt", "edit", "always"],
  palette: ["palette", "edit", "always"],
  form: ["form", "edit", "always"]
} as const satisfies Record<string, ReadonlyArray<Context>>
export type Place = keyof typeof chains

export const viewTitles: Readonly<
  Record<"tasks" | "chats" | "hosts" | "plans" | "timeline", { readonly key: string; readonly title: string }>
> = {
  tasks: { key: "1", title: "Tasks" },
  chats: { key: "2", title: "Chats" },
  hosts: { key: "3", title: "Hosts" },
  plans: { key: "4", title: "Plans" },
  timeline: { key: "6", title: "Timeline" }
}
export type ViewId = keyof typeof viewTitles
export const viewIds: ReadonlyArray<ViewId> = ["tasks", "chats", "hosts", "plans", "timeline"]

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
