/**
 * The table of nouns: one line each. A noun's file declares its verbs, flags and help; what a verb does is imported when it runs.
 *
 * To add one: `command/<noun>.ts` exports `command`, and a line here. Invariant: this file imports nothing but types at run time.
 */
export const nouns = {
  up: () => import("./command/up.ts").then((file) => file.command),
  hub: () => import("./command/hub.ts").then((file) => file.command),
  worker: () => import("./command/worker.ts").then((file) => file.command),
  tui: () => import("./command/tui.ts").then((file) => file.command),
  audit: () => import("./command/audit.ts").then((file) => file.command),
  task: () => import("./command/task.ts").then((file) => file.command),
  chat: () => import("./command/chat.ts").then((file) => file.command),
  conversation: () => import("./command/conversation.ts").then((file) => file.command),
  model: () => import("./command/model.ts").then((file) => file.command),
  do: () => import("./command/do.ts").then((file) => file.command),
  plan: () => import("./command/plan.ts").then((file) => file.command),
  agent: () => import("./command/agent.ts").then((file) => file.command),
  host: () => import("./command/host.ts").then((file) => file.command),
  tool: () => import("./command/tool.ts").then((file) => file.command),
  schedule: () => import("./command/schedule.ts").then((file) => file.command),
  user: () => import("./command/user.ts").then((file) => file.command),
  events: () => import("./command/events.ts").then((file) => file.command),
  report: () => import("./command/report.ts").then((file) => file.command),
  status: () => import("./command/status.ts").then((file) => file.command),
  servers: () => import("./command/servers.ts").then((file) => file.command),
  create: () => import("./command/create.ts").then((file) => file.command),
  list: () => import("./command/list.ts").then((file) => file.command),
  logs: () => import("./command/logs.ts").then((file) => file.command),
  kill: () => import("./command/kill.ts").then((file) => file.command),
  db: () => import("./command/db.ts").then((file) => file.command),
  doctor: () => import("./command/doctor.ts").then((file) => file.command),
  bridge: () => import("./command/bridge.ts").then((file) => file.command),
  cert: () => import("./command/cert.ts").then((file) => file.command)
} as const

export type Noun = keyof typeof nouns
export type NounCommand = Awaited<ReturnType<(typeof nouns)[Noun]>>

export const isNoun = (word: string | undefined): word is Noun => word !== undefined && Object.hasOwn(nouns, word)

/**
 * The command that `args` name, alone; all of them when the arguments name none (help, completions, a misspelt noun).
 * Flags before the noun are only global ones, and those take no value but `--completions` and `--log-level`.
 */
export const loadFor = async (args: ReadonlyArray<string>): Promise<ReadonlyArray<NounCommand>> => {
  const first = args.find((word) => !word.startsWith("-"))
  const whole = args.some((word) => word.startsWith("--completions"))
  if (!whole && isNoun(first)) return [await nouns[first]()]
  return await Promise.all(Object.values(nouns).map((load) => load()))
}
