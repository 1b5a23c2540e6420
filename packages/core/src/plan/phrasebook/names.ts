/**
 * The names of a fleet, for being looked up by a word: hosts, tags, and what names begin with.
 *
 * Owns: the index, made once for a list of hosts. Does not own: what a name means in a sentence (`targets.ts`).
 * Invariants: a look-up costs the same however many hosts there are, but for those that it finds.
 */

/** What the phrasebook knows of the fleet. */
export interface Vocabulary {
  readonly hosts: ReadonlyArray<{ readonly name: string; readonly tags: ReadonlyArray<string> }>
}
type Host = Vocabulary["hosts"][number]

export interface Names {
  readonly exact: ReadonlySet<string>
  /** By the name in lower case; of several, the first. */
  readonly hosts: ReadonlyMap<string, string>
  /** By the tag in lower case. */
  readonly tags: ReadonlyMap<string, string>
  /** The hosts whose name in lower case begins so, whatever comes then. */
  readonly beginning: (said: string) => ReadonlyArray<{ readonly plain: string; readonly tags: ReadonlyArray<string> }>
}

const made = new WeakMap<Vocabulary, Names>()

export const namesOf = (known: Vocabulary): Names => {
  const names = made.get(known) ?? index(known.hosts)
  made.set(known, names)
  return names
}

const index = (all: ReadonlyArray<Host>): Names => {
  const exact = new Set<string>()
  const hosts = new Map<string, string>()
  const tags = new Map<string, string>()
  for (const host of all) {
    exact.add(host.name)
    first(hosts, host.name)
    for (const tag of host.tags) first(tags, tag)
  }
  let sorted: ReturnType<Names["beginning"]> | undefined
  const beginning = (said: string) => {
    sorted ??= all
      .map(({ name, tags: had }) => ({ plain: name.toLowerCase(), tags: had }))
      .toSorted((a, b) => (a.plain < b.plain ? -1 : 1))
    const from = place(sorted, said)
    let to = from
    while (sorted[to]?.plain.startsWith(said) === true) to++
    return sorted.slice(from, to)
  }
  return { exact, hosts, tags, beginning }
}

const first = (map: Map<string, string>, name: string): void => {
  const plain = name.toLowerCase()
  if (!map.has(plain)) map.set(plain, name)
}

/** Where the first name stands that is not before this one. */
const place = (sorted: ReadonlyArray<{ readonly plain: string }>, said: string): number => {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle]?.plain ?? "") < said) low = middle + 1
    else high = middle
  }
  return low
}
