/**
 * The commands of the line protocol, as one table from which parsing, HELP and the tests derive.
 *
 * Owns: names, usage, who may use what. Does not own: what they do (`session.ts`).
 * Invariants: case-insensitive; an unknown word is answered with the nearest command, never guessed.
 */
import type { Permission } from "@signalbox/core/account/permissions.ts"

/** anyone: also who has not signed in on another machine. local: on this machine (SIGNALBOX_BRIDGE_OPEN), or signed in. signed-in: with AUTH only. */
export type Allowed = "anyone" | "local" | "signed-in"

export interface Command {
  readonly word: string
  readonly also: ReadonlyArray<string>
  readonly usage: string
  readonly says: string
  readonly allowed: Allowed
  /** Of whoever has signed in; `anyone` needs nothing. */
  readonly needs: Permission
}

export const commands = {
  help: { word: "HELP", also: ["?"], usage: "HELP", says: "this list", allowed: "anyone", needs: "read" },
  info: {
    word: "INFO",
    also: [],
    usage: "INFO",
    says: "who you are to this server, and how you are connected",
    allowed: "anyone",
    needs: "read"
  },
  auth: { word: "AUTH", also: [], usage: "AUTH token", says: "sign in", allowed: "anyone", needs: "read" },
  models: {
    word: "LIST-MODELS",
    also: ["MODELS"],
    usage: "LIST-MODELS",
    says: "the models there are; * marks yours",
    allowed: "local",
    needs: "read"
  },
  model: {
    word: "CHANGE-MODEL",
    also: ["MODEL"],
    usage: "CHANGE-MODEL [number or name]",
    says: "choose another model; a conversation keeps its history",
    allowed: "local",
    needs: "chat"
  },
  chat: {
    word: "IA",
    also: ["AI", "CHAT"],
    usage: "IA [id or number or NEW]",
    says: "talk to the model until BACK; with an id or a number of CHATS go on with that conversation",
    allowed: "local",
    needs: "chat"
  },
  chats: {
    word: "CHATS",
    also: [],
    usage: "CHATS",
    says: "your conversations, the last ones first",
    allowed: "local",
    needs: "read"
  },
  tasks: { word: "TASKS", also: [], usage: "TASKS", says: "the last tasks", allowed: "signed-in", needs: "read" },
  logs: {
    word: "LOGS",
    also: [],
    usage: "LOGS id",
    says: "the end of a task's output",
    allowed: "signed-in",
    needs: "read"
  },
  run: {
    word: "RUN",
    also: [],
    usage: "RUN host tool command",
    says: "start a task: RUN local shell uptime",
    allowed: "signed-in",
    needs: "task"
  },
  do: {
    word: "DO",
    also: [],
    usage: "DO instruction",
    says: "act on servers, in plain language: DO restart nginx on all web servers",
    allowed: "signed-in",
    needs: "instruct"
  },
  plans: {
    word: "PLANS",
    also: ["PLAN"],
    usage: "PLANS [id]",
    says: "the last plans; with an id, one in full",
    allowed: "signed-in",
    needs: "read"
  },
  approve: {
    word: "APPROVE",
    also: [],
    usage: "APPROVE id [code]",
    says: "agree to a plan as it was shown to you here",
    allowed: "signed-in",
    needs: "approve"
  },
  reject: {
    word: "REJECT",
    also: [],
    usage: "REJECT id [reason]",
    says: "refuse a plan",
    allowed: "signed-in",
    needs: "instruct"
  },
  exit: {
    word: "EXIT",
    also: ["QUIT", "BYE"],
    usage: "EXIT",
    says: "end the connection (also QUIT)",
    allowed: "anyone",
    needs: "read"
  }
} as const satisfies Record<string, Command>

export type CommandName = keyof typeof commands
const names = Object.keys(commands).filter((name): name is CommandName => Object.hasOwn(commands, name))

export type Parsed =
  | { readonly _tag: "Command"; readonly name: CommandName; readonly rest: string }
  | { readonly _tag: "Empty" }
  | { readonly _tag: "Unknown"; readonly reason: string }

export const parseCommand = (line: string): Parsed => {
  const trimmed = line.trim()
  if (trimmed === "") return { _tag: "Empty" }
  const [word = ""] = trimmed.split(/\s/u, 1)
  const said = word.toUpperCase().replaceAll("_", "-")
  const rest = trimmed.slice(word.length).trim()
  for (const name of names) {
    const { word: own, also } = commands[name]
    const all: ReadonlyArray<string> = [own, ...also]
    if (all.includes(said)) return { _tag: "Command", name, rest }
  }
  const near = names
    .map((name) => commands[name].word)
    .find((own) => own.startsWith(said.slice(0, 2)) && said.length > 1)
  const shown = word.length > 40 ? `${word.slice(0, 40).toWellFormed()}…` : word
  return {
    _tag: "Unknown",
    reason: `There is no command ${shown}.${near === undefined ? "" : ` Did you mean ${near}?`} HELP lists the commands; IA talks to the model.`
  }
}

/** Only what this person may use now. */
export const helpText = (may: (command: Command) => boolean, signedIn: boolean): string => {
  const shown = names.map((name) => commands[name]).filter(may)
  const width = Math.max(...shown.map((one) => one.usage.length))
  const hidden = names.length - shown.length
  return [
    ...shown.map((one) => `  ${one.usage.padEnd(width)}  ${one.says}`),
    ...(hidden === 0 ? [] : [signedIn ? `  ${hidden} more for other roles.` : `  ${hidden} more after AUTH.`]),
    `While you talk to the model: BACK returns, STOP interrupts a reply, """ alone on a line begins and ends a longer message.`
  ].join("\n")
}
