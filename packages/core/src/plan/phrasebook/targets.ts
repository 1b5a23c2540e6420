/**
 * Which hosts words mean: "web1 and web2", "all web servers", "db-*", "hosts tagged prod except db1", "Debian 12 servers".
 *
 * Owns: phrases of targets. Does not own: resolving a selector (`selector.ts`).
 * Invariants: a word means a host or a tag only if the fleet has it, or it is a glob; a tag wins over the beginning of names, unless hosts
 * have the name and not the tag: then there are two readings, so that somebody is asked.
 */
import type { Selector } from "../plan.ts"
import { comparisons, factIs } from "./facts.ts"
import { hostMeant, perPlace, type Sentence } from "./sentence.ts"
import type { Word, Words } from "./words.ts"

type Found = ReadonlyArray<readonly [Selector, number]>

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
export const targetsAt = perPlace<Found[number]>((said, at) =>
  lists(said, at).flatMap(([selector, next]): Found => {
    const without = is(said.words[next], "except", "but", "without") ? lists(said, after(said.words, next + 1)) : []
    return [
      [selector, next],
      ...without.map(([not, end]): readonly [Selector, number] => [
        { _tag: "And", of: [selector, { _tag: "Not", of: not }] },
        end
      ])
    ]
  })
)

const lists: (said: Sentence, at: number) => Found = perPlace((said, at) => {
  const { words } = said
  return one(said, at).flatMap(([first, next]): Found => {
    const more = is(words[next], ",", "and", "&")
      ? lists(said, is(words[next], ",") && is(words[next + 1], "and") ? next + 2 : next + 1)
      : []
    const joined = more.map(([rest, end]): readonly [Selector, number] => [
      { _tag: "Or", of: [first, ...(rest._tag === "Or" ? rest.of : [rest])] },
      end
    ])
    return [[first, next], ...joined]
  })
})

const one = (said: Sentence, start: number): Found => {
  const { words } = said
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
    const tag = said.names.tags.get(words[at + 1]?.plain ?? "")
    if (tag !== undefined) found.push([{ _tag: "Tag", tag }, at + 2])
  }
  for (const selector of meant(word, all, said)) {
    const plural = hostWords.has(words[at + 1]?.plain ?? "")
    if (selector.group && !plural && !all) continue // "web" alone is no host
    found.push([selector.selector, plural ? at + 2 : at + 1])
  }
  found.push(...both(said, at), ...system(words, at))
  return found
}

/** "prod web servers": what has both. */
const both = (said: Sentence, at: number): Found => {
  const [first, second] = [said.words[at], said.words[at + 1]]
  if (first === undefined || second === undefined || !hostWords.has(said.words[at + 2]?.plain ?? "")) return []
  const groups = (word: Word) => meant(word, true, said).flatMap(({ group, selector }) => (group ? [selector] : []))
  return groups(first).flatMap((one) =>
    groups(second).map((other): Found[number] => [{ _tag: "And", of: [one, other] }, at + 3])
  )
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
  const fact = is(words[verb], "been") ? verb + 1 : verb
  return [
    ...system(words, verb).map(([selector, next]): readonly [Selector, number] => [
      selector,
      hostWords.has(words[next - 1]?.plain ?? "") ? next - 1 : next
    ]),
    ...factIs(words, fact).map(([one, next]): readonly [Selector, number] => [one, next])
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

interface Meant {
  readonly selector: Selector
  /** A word for several, which needs "servers" or "all" beside it. */
  readonly group: boolean
}

const meant = (word: Word, all: boolean, said: Sentence): ReadonlyArray<Meant> => {
  const { text, plain } = word
  if (comparisons.has(plain)) return []
  if (/[*?]/u.test(text))
    return /^[A-Za-z0-9*?][A-Za-z0-9._*?-]{0,62}$/u.test(text) && !/^[*?]+$/u.test(text)
      ? [{ selector: { _tag: "Name", glob: text }, group: false }]
      : text === "*"
        ? [{ selector: { _tag: "All" }, group: false }]
        : []
  const host = all ? undefined : hostMeant(text, said)
  const named = host === undefined ? [] : [{ selector: { _tag: "Name", glob: host } as const, group: false }]
  return host !== undefined && !said.strangers.has(host) ? named : [...named, ...group(plain, said)]
}

/** "web" of "all web servers": a tag, or what names begin with; both, if they are not the same hosts. */
const group = (plain: string, { names }: Sentence): ReadonlyArray<Meant> => {
  const singular = plain.replace(/s$/u, "")
  const tag = names.tags.get(plain) ?? names.tags.get(singular) ?? names.tags.get(`${plain}s`)
  const begin = [plain, singular].find(
    (said) =>
      /^[a-z0-9][a-z0-9._-]*$/u.test(said) &&
      names.beginning(said).some((host) => /^[-_.]?[0-9]/u.test(host.plain.slice(said.length)))
  )
  const covered =
    begin === undefined || (tag !== undefined && names.beginning(begin).every((host) => host.tags.includes(tag)))
  return [
    ...(tag === undefined ? [] : [{ selector: { _tag: "Tag", tag } as const, group: true }]),
    ...(begin === undefined || covered ? [] : [{ selector: { _tag: "Name", glob: `${begin}*` } as const, group: true }])
  ]
}
