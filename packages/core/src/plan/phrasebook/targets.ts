/**
 * Which hosts words mean: "web1 and web2", "all web servers", "db-*", "hosts tagged prod except db1", "Debian 12 servers".
 *
 * Owns: phrases of targets. Does not own: resolving a selector (`selector.ts`).
 * Invariants: a word means a host or a tag only if the fleet has it, or it is a glob; a tag wins over the beginning of names, unless hosts
 * have the name and not the tag: then there are two readings, so that somebody is asked.
 */
import type { Selector } from "../plan.ts"
import { comparisons, factIs } from "./facts.ts"
import type { Word, Words } from "./words.ts"

/** What the phrasebook knows of the fleet. */
export interface Vocabulary {
  readonly hosts: ReadonlyArray<{ readonly name: string; readonly tags: ReadonlyArray<string> }>
}
type Found = ReadonlyArray<readonly [Selector, number]>

interface Index {
  /** By the name in lower case; of several, the first. */
  readonly hosts: ReadonlyMap<string, string>
  readonly exact: ReadonlySet<string>
  /** By the tag in lower case. */
  readonly tags: ReadonlyMap<string, string>
  /** What words for several were taken to mean. */
  readonly groups: Map<string, ReadonlyArray<Meant>>
}
const indexes = new WeakMap<Vocabulary, Index>()
/** Looked up for every word, made once. */
const indexOf = (known: Vocabulary): Index => {
  const made = indexes.get(known)
  if (made !== undefined) return made
  const first = (names: ReadonlyArray<string>) =>
    new Map(names.toReversed().map((name) => [name.toLowerCase(), name] as const))
  const names = known.hosts.map((host) => host.name)
  const index: Index = {
    hosts: first(names),
    exact: new Set(names),
    tags: first(known.hosts.flatMap((host) => host.tags)),
    groups: new Map()
  }
  indexes.set(known, index)
  return index
}
/** The host of that name, whatever the case. */
export const hostNamed = (said: string, known: Vocabulary): string | undefined =>
  indexOf(known).exact.has(said) ? said : indexOf(known).hosts.get(said.toLowerCase())

const hostWords = new Set([
  "server",
  "servers",
  "host",
  "hosts",
  "machine",
  "machines",
  "node",
  "nodes",
  "box",
  "boxes",
  "vm",
  "vms",
  "system",
  "systems"
])
const is = (word: Word | undefined, ...said: ReadonlyArray<string>): boolean =>
  word !== undefined && !word.quoted && said.includes(word.plain)

/** Every way to read hosts from `at` on: alone, as a list, with exceptions. */
export const targetsAt = (words: Words, at: number, known: Vocabulary): Found => {
  const list = lists(words, at, known)
  return list.flatMap(([selector, next]): Found => {
    const without = is(words[next], "except", "but", "without") ? lists(words, after(words, next + 1), known) : []
    return [
      [selector, next],
      ...without.map(([not, end]): readonly [Selector, number] => [
        { _tag: "And", of: [selector, { _tag: "Not", of: not }] },
        end
      ])
    ]
  })
}

const lists = (words: Words, at: number, known: Vocabulary): Found =>
  one(words, at, known).flatMap(([first, next]): Found => {
    const more = is(words[next], ",", "and", "&")
      ? lists(words, is(words[next], ",") && is(words[next + 1], "and") ? next + 2 : next + 1, known)
      : []
    const joined = more.map(([rest, end]): readonly [Selector, number] => [
      { _tag: "Or", of: [first, ...(rest._tag === "Or" ? rest.of : [rest])] },
      end
    ])
    return [[first, next], ...joined]
  })

const one = (words: Words, start: number, known: Vocabulary): Found => {
  const article = articles(words, start)
  const every = is(words[article], "all", "every", "each") ? article + 1 : article
  const at = is(words[every], "the", "of", "my", "our") ? every + 1 : every
  const all = every > article
  const found: Array<readonly [Selector, number]> = []
  if (is(words[start], "everywhere")) found.push([{ _tag: "All" }, start + 1])
  const word = words[at]
  if (word === undefined) return found
  if (all && hostWords.has(word.plain)) {
    found.push([{ _tag: "All" }, at + 1])
    for (const [narrow, next] of that(words, at + 1)) found.push([narrow, next])
  }
  if (!all && hostWords.has(word.plain) && word.plain.endsWith("s"))
    for (const [narrow, next] of that(words, at + 1)) found.push([narrow, next])
  if (is(word, "tag", "tagged")) {
    const tag = tagNamed(words[at + 1], known)
    if (tag !== undefined) found.push([tag, at + 2])
  }
  for (const selector of meant(word, all, known)) {
    const plural = hostWords.has(words[at + 1]?.plain ?? "")
    if (selector.group && !plural && !all) continue // "web" alone is no host
    found.push([selector.selector, plural ? at + 2 : at + 1])
  }
  found.push(...system(words, at))
  return found
}

/** "but not on web3": nothing of it says more than "but". */
const after = (words: Words, at: number): number => {
  const not = is(words[at], "not") ? at + 1 : at
  return is(words[not], "on", "for") ? not + 1 : not
}

const articles = (words: Words, at: number): number => {
  const the = is(words[at], "the") ? at + 1 : at
  return is(words[the], "host", "server", "machine", "node") ? the + 1 : the
}

/** "… tagged prod", "… that run Debian 12", "… with more than 80 % cpu". */
const that = (words: Words, at: number): Found => {
  const open = is(words[at], "that", "which", "where") ? at + 1 : at
  if (is(words[open], "tagged", "labelled", "labeled")) {
    const tag = words[open + 1]
    if (tag !== undefined && /^[A-Za-z0-9][A-Za-z0-9._:-]{0,62}$/u.test(tag.text))
      return [[{ _tag: "Tag", tag: tag.text }, open + 2]]
  }
  const verb = is(words[open], "run", "runs", "running", "on", "use", "uses", "using", "with", "have", "has", "having")
    ? open + 1
    : open
  return [
    ...system(words, verb).map(([selector, next]): readonly [Selector, number] => [
      selector,
      hostWords.has(words[next - 1]?.plain ?? "") ? next - 1 : next
    ]),
    ...factIs(words, verb).map(([fact, next]): readonly [Selector, number] => [fact, next])
  ]
}

const systems: { readonly [said: string]: string } = {
  debian: "Debian",
  ubuntu: "Ubuntu",
  fedora: "Fedora",
  centos: "CentOS",
  rocky: "Rocky",
  alma: "Alma",
  almalinux: "AlmaLinux",
  rhel: "Red Hat",
  alpine: "Alpine",
  arch: "Arch",
  opensuse: "openSUSE",
  proxmox: "Proxmox"
}

/** "Debian 12", "debian servers". */
const system = (words: Words, at: number): Found => {
  const name = systems[words[at]?.plain ?? ""]
  if (name === undefined) return []
  const version = words[at + 1]?.text ?? ""
  const numbered = /^[0-9]{1,4}(?:\.[0-9]{1,2})?$/u.test(version)
  const next = at + (numbered ? 2 : 1)
  const end = hostWords.has(words[next]?.plain ?? "") ? next + 1 : next
  return [[{ _tag: "Fact", fact: "os", is: "~", value: numbered ? `${name} ${version}` : name }, end]]
}

const tagNamed = (word: Word | undefined, known: Vocabulary): Selector | undefined => {
  const tag = word === undefined ? undefined : indexOf(known).tags.get(word.text.toLowerCase())
  return tag === undefined ? undefined : { _tag: "Tag", tag }
}

interface Meant {
  readonly selector: Selector
  /** A word for several, which needs "servers" or "all" beside it. */
  readonly group: boolean
}

const meant = (word: Word, all: boolean, known: Vocabulary): ReadonlyArray<Meant> => {
  const { text, plain } = word
  if (comparisons.has(plain)) return []
  if (/[*?]/u.test(text))
    return /^[A-Za-z0-9*?][A-Za-z0-9._*?-]{0,62}$/u.test(text) && !/^[*?]+$/u.test(text)
      ? [{ selector: { _tag: "Name", glob: text }, group: false }]
      : text === "*"
        ? [{ selector: { _tag: "All" }, group: false }]
        : []
  const host = hostNamed(text, known)
  if (host !== undefined && !all) return [{ selector: { _tag: "Name", glob: host }, group: false }]
  return group(plain, known)
}

/** "web" of "all web servers": a tag, or what names begin with; both, if they are not the same hosts. */
const group = (plain: string, known: Vocabulary): ReadonlyArray<Meant> => {
  const { groups } = indexOf(known)
  const found = groups.get(plain) ?? groupOf(plain, known)
  groups.set(plain, found)
  return found
}

const groupOf = (plain: string, known: Vocabulary): ReadonlyArray<Meant> => {
  const { tags } = indexOf(known)
  const singular = plain.replace(/s$/u, "")
  const tag = tags.get(plain) ?? tags.get(singular) ?? tags.get(`${plain}s`)
  const names = known.hosts.map((host) => host.name.toLowerCase())
  const begin = [plain, singular].find(
    (said) =>
      /^[a-z0-9][a-z0-9._-]*$/u.test(said) &&
      names.some((name) => name.startsWith(said) && /^[-_.]?[0-9]/u.test(name.slice(said.length)))
  )
  const covered = known.hosts.every(
    ({ name, tags: had }) =>
      begin === undefined || !name.toLowerCase().startsWith(begin) || (tag !== undefined && had.includes(tag))
  )
  return [
    ...(tag === undefined ? [] : [{ selector: { _tag: "Tag", tag } as const, group: true }]),
    ...(begin === undefined || (tag !== undefined && covered)
      ? []
      : [{ selector: { _tag: "Name", glob: `${begin}*` } as const, group: true }])
  ]
}
