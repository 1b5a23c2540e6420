/**
 * The plain reads: the one table from which they are run, helped and completed.
 *
 * To add one: an entry here, and its noun's file names it (`command/*.ts`). What it prints is imported when it runs.
 */
import { optional, type Read, required, switchOn, text, texts, whole, wholeOr } from "./definition.ts"

const on = {
  host: text("host", "Only on this host", "server"),
  tool: text("tool", "Only of this tool"),
  status: texts("status", "Only in this status: queued, running, failed …; repeatable, or with commas"),
  since: text("since", "Created since: 2026-11-20T14:30 or a distance like 2h"),
  text: text("text", "Part of command, answer or id"),
  limit: wholeOr("limit", 100, "At most so many, newest first")
}
export const taskList: Read = {
  names: [["task", "list"], ["list"]],
  about: "Tasks, newest first",
  arguments: [],
  flags: Object.values(on),
  examples: ["signalbox task list --status running,waiting", "signalbox task list --host web1 --since 1d --json"],
  print: async function* (given, ask) {
    const { list } = await import("../task/show.ts")
    const { get } = given
    const { host, tool, status, since, text: part, limit } = on
    const asked = { host: get(host), tool: get(tool), status: get(status), since: get(since), text: get(part) }
    yield* list(given, ask, { ...asked, limit: get(limit) })
  }
}

const task = required("id", "The task's id, as task list shows it")
export const taskShow: Read = {
  names: [["task", "show"]],
  about: "All that is known of a task",
  arguments: [task],
  flags: [],
  print: async function* (given, ask) {
    yield* (await import("../task/show.ts")).show(given, ask, given.get(task))
  }
}

const tag = text("tag", "Only with this tag")
export const hostList: Read = {
  names: [["host", "list"]],
  about: "All hosts and what runs on them",
  arguments: [],
  flags: [tag],
  print: async function* (given, ask) {
    yield* (await import("../host/show.ts")).list(given, ask, given.get(tag))
  }
}
export const servers: Read = { ...hostList, names: [["servers"]], about: "All hosts: short for host list" }

const host = required("name", "The host's name, as host list shows it")
export const hostShow: Read = {
  names: [["host", "show"]],
  about: "All that is known of a host",
  arguments: [host],
  flags: [],
  print: async function* (given, ask) {
    yield* (await import("../host/show.ts")).show(given, ask, given.get(host))
  }
}

const named = optional("name", "A host or a task; without it the whole at a glance")
export const status: Read = {
  names: [["status"]],
  about: "Hub, hosts and tasks at a glance; or one host or task",
  arguments: [named],
  flags: [],
  print: async function* (given, ask) {
    yield* (await import("../status.ts")).status(given, ask, given.get(named))
  }
}

export const logged = {
  from: whole("from", "First position; default 1"),
  follow: switchOn("follow", "Go on with new events as they come", "f"),
  stream: text("stream", "Only this stream, such as host/web1 or task/ID"),
  type: text("type", "Only this type, such as TaskCreated")
}
export const events: Read = {
  names: [["events"]],
  about: "The event log, oldest first, one event per line",
  arguments: [],
  flags: Object.values(logged),
  examples: ["signalbox events --follow --type TaskFailed --json", "signalbox events --stream host/web1"],
  unless: logged.follow,
  print: async function* (given, ask) {
    const { from, stream, type } = logged
    const asked = { from: given.get(from), stream: given.get(stream), type: given.get(type) }
    yield* (await import("../events/print.ts")).print(given, ask, asked)
  }
}

export const reads: ReadonlyArray<Read> = [taskList, taskShow, hostList, hostShow, servers, status, events]
