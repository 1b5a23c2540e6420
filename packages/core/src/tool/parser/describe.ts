/**
 * A tool use as one line for a person: "Read src/x.ts", "Edit src/retry.ts +14 −3", "Run npm test".
 *
 * Owns: the words for the tools of all vendors. Does not own: the vendors' events.
 * Invariant: a tool nobody knows still gets a line: its name and its first short text argument.
 */
import { objects, oneLine, string } from "./json.ts"
import type { Fields } from "./json.ts"

export const describeTool = (name: string, input: Fields | undefined): string => {
  const key = name.toLowerCase().replaceAll(/[^a-z]/gu, "")
  const words = Object.hasOwn(known, key) ? known[key] : undefined
  return oneLine(words === undefined ? unknown(name, input) : words(input))
}

type Words = (input: Fields | undefined) => string

const first = (input: Fields | undefined, ...names: ReadonlyArray<string>): string =>
  names.map((name) => string(input, name)).find((value) => value !== undefined && value !== "") ?? ""

const path = (input: Fields | undefined): string =>
  first(input, "file_path", "filePath", "absolute_path", "path", "notebook_path", "dir_path")

const read: Words = (input) => `Read ${path(input)}`
const write: Words = (input) => `Write ${path(input)}${changed("", first(input, "content", "contents"))}`
const edit: Words = (input) => {
  const edits = objects(input, "edits")
  const sizes = (edits.length > 0 ? edits : input === undefined ? [] : [input]).map((one) =>
    difference(first(one, "old_string", "oldString"), first(one, "new_string", "newString"))
  )
  const total = sizes.reduce((sum, size) => ({ added: sum.added + size.added, removed: sum.removed + size.removed }), {
    added: 0,
    removed: 0
  })
  return `Edit ${path(input)}${signed(total)}`
}
const run: Words = (input) => `Run ${unwrapped(first(input, "command", "cmd"))}`
const search: Words = (input) => `Search ${first(input, "pattern", "query")}`
const find: Words = (input) => `Find ${first(input, "pattern", "glob")}`
const list: Words = (input) => `List ${path(input)}`
const fetched: Words = (input) => `Fetch ${first(input, "url", "prompt")}`
const web: Words = (input) => `Search the web for ${first(input, "query")}`
const delegate: Words = (input) => `Delegate ${first(input, "description", "prompt")}`
const ask: Words = (input) => `Ask ${questionOf(input)}`
const plan: Words = () => "Update the to-do list"

/** By the tool's name in small letters only: claude, gemini, qwen and opencode name the same things differently. */
const known: Readonly<Record<string, Words>> = {
  read,
  readfile: read,
  view: read,
  notebookread: read,
  readmanyfiles: (input) => `Read ${first(input, "paths", "include") || "many files"}`,
  write,
  writefile: write,
  edit,
  multiedit: edit,
  replace: edit,
  notebookedit: edit,
  bash: run,
  shell: run,
  runshellcommand: run,
  grep: search,
  grepsearch: search,
  searchfilecontent: search,
  glob: find,
  ls: list,
  list,
  listdirectory: list,
  webfetch: fetched,
  websearch: web,
  googlewebsearch: web,
  task: delegate,
  agent: delegate,
  todowrite: plan,
  writetodos: plan,
  askuserquestion: ask,
  askuser: ask,
  question: ask
}

const unknown: (name: string, input: Fields | undefined) => string = (name, input) => {
  const [mcp, server, ...tool] = name.split("__")
  const title = mcp === "mcp" && server !== undefined && tool.length > 0 ? `${server}: ${tool.join("__")}` : name
  const value = Object.values(input ?? {}).find((one) => typeof one === "string" && one !== "" && one.length < 200)
  return typeof value === "string" ? `${title} ${value}` : title
}

/** Codex tells the shell around the command: bash -lc 'npm test'. */
export const unwrapped = (command: string): string => {
  const inner = /^(?:\/(?:usr\/)?bin\/)?(?:ba|z|da)?sh -l?c ([\s\S]+)$/u.exec(command)?.[1]
  const quoted = inner === undefined ? undefined : /^(['"])([\s\S]*)\1$/u.exec(inner)?.[2]
  return quoted ?? inner ?? command
}

/** The text of a question to a person, with its choices. */
export const questionOf = (input: Fields | undefined): string => {
  const asked = objects(input, "questions")
  const one = (question: Fields | undefined): string => {
    const choices = objects(question, "options")
      .map((option) => string(option, "label") ?? "")
      .filter((label) => label !== "")
    const text = first(question, "question", "header", "prompt", "message")
    return choices.length === 0 ? text : `${text} (${choices.join(" / ")})`
  }
  return oneLine(asked.length > 0 ? asked.map(one).join(" · ") : one(input), 500)
}

const changed = (before: string, after: string): string => signed(difference(before, after))

const signed = ({ added, removed }: { readonly added: number; readonly removed: number }): string =>
  added === 0 && removed === 0 ? "" : ` +${added} −${removed}`

/** Lines added and removed, as far as the common beginning and end tell. */
const difference = (before: string, after: string): { readonly added: number; readonly removed: number } => {
  const [a, b] = [linesOf(before), linesOf(after)]
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++
  return { added: b.length - start - end, removed: a.length - start - end }
}

const linesOf = (text: string): ReadonlyArray<string> => (text === "" ? [] : text.replace(/\n$/u, "").split("\n"))
