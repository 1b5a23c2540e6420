/**
 * nginx: directives and blocks with their places in the text.
 *
 * Owns: the grammar of nginx (words, quotes, `${`, comments, `;`, `{`, `}`, raw Lua blocks) and setting one directive. Does not own:
 * what directives mean (nginx -t), files that are included (left alone).
 * Invariants: everything outside the one directive stays byte for byte; a value is words of one directive and can neither end it nor
 * open a block or a comment.
 */
import { Refused } from "../../outcome.ts"
import type { Edited, Edits, Setting } from "./Edit.ts"

interface Word {
  readonly text: string
  readonly start: number
  readonly end: number
}

export interface Directive {
  readonly name: Word
  readonly args: ReadonlyArray<Word>
  readonly start: number
  /** After the `;` or the `}`. */
  readonly end: number
  readonly block: Block | null
}

export interface Block {
  readonly directives: ReadonlyArray<Directive>
  /** Between the braces; of the file: all of it. */
  readonly start: number
  readonly end: number
}

const depthLimit = 40

/** @throws Refused where nginx would not read it either */
export const parseNginx = (text: string): Block => {
  let at = text.startsWith("\ufeff") ? 1 : 0
  const bad = (what: string): Refused =>
    new Refused({ why: `The file is not understood: ${what} in line ${text.slice(0, at).split("\n").length}.` })

  const skip = (): void => {
    for (;;) {
      while (at < text.length && /\s/u.test(text.charAt(at))) at++
      if (text[at] !== "#") return
      const end = text.indexOf("\n", at)
      at = end === -1 ? text.length : end
    }
  }
  const quoted = (): Word => {
    const start = at
    const quote = text[at]
    at++
    while (at < text.length && text[at] !== quote) at += text[at] === "\\" ? 2 : 1
    if (at >= text.length) throw bad("a quote that is never closed")
    at++
    if (at < text.length && !/[\s;{)]/u.test(text.charAt(at))) throw bad("text right after a quote")
    return { text: text.slice(start, at), start, end: at }
  }
  const bare = (): Word => {
    const start = at
    while (at < text.length && !/[\s;{]/u.test(text.charAt(at))) {
      if (text[at] === "\\") at++
      else if (text[at] === "$" && text[at + 1] === "{") {
        const end = text.indexOf("}", at)
        if (end === -1) throw bad("a ${ that is never closed")
        at = end
      }
      at++
    }
    at = Math.min(at, text.length)
    return { text: text.slice(start, at), start, end: at }
  }
  const rawBlock = (): Block => {
    const start = at
    for (let depth = 1; depth > 0; at++) {
      if (at >= text.length) throw bad("a block that is never closed")
      if (text[at] === "{") depth++
      if (text[at] === "}") depth--
    }
    return { directives: [], start, end: at - 1 }
  }
  const body = (depth: number): Block => {
    if (depth > depthLimit) throw bad("too many blocks in each other")
    const start = at
    const directives: Array<Directive> = []
    for (;;) {
      skip()
      if (at >= text.length) {
        if (depth > 0) throw bad("a block that is never closed")
        return { directives, start, end: at }
      }
      if (text[at] === "}") {
        if (depth === 0) throw bad("a } too many")
        return { directives, start, end: at }
      }
      directives.push(directive(depth))
    }
  }
  const directive = (depth: number): Directive => {
    const words: Array<Word> = []
    for (;;) {
      skip()
      const here = text[at]
      if (here === undefined) throw bad("a directive without its ;")
      if (here === ";" || here === "{") break
      if (here === "}") throw bad("a } where a ; was due")
      words.push(here === '"' || here === "'" ? quoted() : bare())
    }
    const [name, ...args] = words
    if (name === undefined) throw bad(`a ${text[at] ?? ""} without a directive`)
    const opens = text[at] === "{"
    at++
    if (!opens) return { name, args, start: name.start, end: at, block: null }
    const block = name.text.endsWith("_by_lua_block") ? rawBlock() : body(depth + 1)
    if (!name.text.endsWith("_by_lua_block")) at++
    return { name, args, start: name.start, end: at, block }
  }
  return body(0)
}

export const editNginx: Edits = {
  set: (text, setting) => set(text, setting),
  get: (text, { key, section }) => {
    const found = only(blockAt(parseNginx(text), section), key)
    return found === undefined ? null : argsText(text, found)
  }
}

const set = (text: string, { key, value, section }: Setting): Edited => {
  refuseStatements(value)
  const block = blockAt(parseNginx(text), section)
  const found = only(block, key)
  if (found !== undefined) {
    if (found.block !== null) throw new Refused({ why: `${key} is a block here and no single directive.` })
    const was = argsText(text, found)
    const statement =
      value === ""
        ? `${key};`
        : `${key}${text.slice(found.name.end, found.args[0]?.start ?? found.name.end) || " "}${value};`
    return { text: text.slice(0, found.start) + statement + text.slice(found.end), was }
  }
  return { text: inserted(text, block, section, value === "" ? `${key};` : `${key} ${value};`), was: null }
}

/** After the last directive of the block that is no block itself, in its indentation; the file itself gets it at its end. */
const inserted = (text: string, block: Block, section: string | undefined, statement: string): string => {
  const sibling = block.directives.findLast((one) => one.block === null) ?? block.directives.at(-1)
  const eol = text.includes("\r\n") ? "\r\n" : "\n"
  if (sibling !== undefined) {
    const lineStart = text.lastIndexOf("\n", sibling.start - 1) + 1
    const indent = /^[ \t]*/u.exec(text.slice(lineStart, sibling.start))?.[0] ?? ""
    // behind a comment on the same line
    const rest = /^[ \t]*#[^\n]*/u.exec(text.slice(sibling.end))?.[0].replace(/\r$/u, "") ?? ""
    const at = sibling.end + rest.length
    const onOwnLine = /^\s*$/u.test(text.slice(lineStart, sibling.start))
    return `${text.slice(0, at)}${onOwnLine || rest.includes("#") ? `${eol}${indent}` : " "}${statement}${text.slice(at)}`
  }
  if (section === undefined) return `${text}${text === "" || text.endsWith("\n") ? "" : eol}${statement}${eol}`
  const inner = text.slice(block.start, block.end)
  const closing = inner.slice(inner.lastIndexOf("\n") + 1).trim() === "" ? inner.slice(inner.lastIndexOf("\n") + 1) : ""
  const kept = text.slice(block.start, block.end - closing.length)
  const nested = `${closing}    `
  return `${text.slice(0, block.start)}${kept}${kept.endsWith("\n") ? "" : eol}${nested}${statement}${eol}${closing}${text.slice(block.end)}`
}

const argsText = (text: string, { args }: Directive): string => {
  const [first] = args
  const last = args.at(-1)
  return first === undefined || last === undefined ? "" : text.slice(first.start, last.end)
}

const only = ({ directives }: Block, key: string): Directive | undefined => {
  const found = directives.filter(({ name }) => name.text === key)
  if (found.length > 1)
    throw new Refused({
      why: `${key} stands ${found.length} times in this block, so it is not clear which one is meant. Use config.write.`
    })
  return found[0]
}

/** `http/server`, `server shop.example.com/location /api`: a name, and what the block is told apart by when there are several. */
const blockAt = (root: Block, section: string | undefined): Block => {
  if (section === undefined) return root
  let block = root
  for (const segment of segmentsOf(section)) {
    const [name = "", ...rest] = segment.split(/\s+/u)
    const told = rest.join(" ")
    const named = block.directives.filter((one) => one.block !== null && one.name.text === name)
    const found = told === "" ? named : named.filter((one) => isTold(one, told))
    const [only, another] = found
    if (only?.block === undefined || only.block === null)
      throw new Refused({
        why: `There is no block ${segment} in this file${named.length > 0 ? `, only ${named.length} other ${name}` : ""}. Files that it includes are not searched.`
      })
    if (another !== undefined)
      throw new Refused({
        why: `There are ${found.length} blocks ${segment} in this file. Say which: ${name === "server" ? "server with its name, like server shop.example.com" : `${name} with what follows it`}.`
      })
    block = only.block
  }
  return block
}

/** Slashes part blocks, but a location's own begin a path: `server/location /api/v1`. */
const segmentsOf = (section: string): ReadonlyArray<string> =>
  section
    .replace(/^\/+/u, "")
    .split(/\/(?=[a-z_]+(?:\s|\/|$))/u)
    .reduce<ReadonlyArray<string>>((segments, part) => {
      const before = segments.at(-1)
      // "location /api" + "v1": no block is called so, it belongs to the path
      return before !== undefined && /^location\s/u.test(before) && !/^(?:location|if|limit_except)\b/u.test(part)
        ? [...segments.slice(0, -1), `${before}/${part}`]
        : [...segments, part]
    }, [])
    .map((part) => part.trim())
    .filter((part) => part !== "")

const isTold = ({ name, args, block }: Directive, told: string): boolean =>
  args.map(({ text }) => text).join(" ") === told ||
  (name.text === "server" &&
    (block?.directives ?? []).some(
      (one) => one.name.text === "server_name" && one.args.some(({ text }) => unquoted(text) === told)
    ))

export const unquoted = (word: string): string => (/^(["']).*\1$/su.test(word) ? word.slice(1, -1) : word)

/** The value alone, read as nginx reads it, must be the words of exactly one directive. */
const refuseStatements = (value: string): void => {
  const parsed = value.includes("#") && !/["'\\]/u.test(value) ? undefined : attempt(`x ${value}\n;`)
  const [one, another] = parsed?.directives ?? []
  if (one === undefined || another !== undefined || one.block !== null)
    throw new Refused({
      why: "The value holds more than the words of one directive (a ; { } # or an open quote). Use config.write for more."
    })
}

const attempt = (text: string): Block | undefined => {
  try {
    return parseNginx(text)
  } catch {
    return undefined
  }
}
