/**
 * What our code uses and Node 18.15, the oldest that the agent runs on, does not have yet.
 *
 * Invariants: called before anything else is loaded; nothing that is there is replaced. A test looks for names of newer things in the
 * sources that are neither here nor in Node 18.
 */
type Compare = (a: unknown, b: unknown) => number

const array = {
  toSorted(this: ReadonlyArray<unknown>, compare?: Compare) {
    const copy = [...this]
    // oxlint-disable-next-line unicorn/no-array-sort -- this is what takes its place
    return copy.sort(compare)
  },
  toReversed(this: ReadonlyArray<unknown>) {
    const copy = [...this]
    // oxlint-disable-next-line unicorn/no-array-reverse -- this is what takes its place
    return copy.reverse()
  },
  with(this: ReadonlyArray<unknown>, at: number, value: unknown) {
    const copy = [...this]
    copy[at < 0 ? copy.length + at : at] = value
    return copy
  }
}

const string = {
  toWellFormed(this: string) {
    return this.replaceAll(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD")
  }
}

const url = {
  canParse(text: string, base?: string) {
    try {
      return new URL(text, base).href !== ""
    } catch {
      return false
    }
  }
}

export const filled: ReadonlyArray<string> = [array, string, url].flatMap((of) => Object.keys(of))

export const fillOlderNode = (): void => {
  fill(Array.prototype, array)
  fill(String.prototype, string)
  fill(URL, url)
}

const fill = (into: object, missing: object): void => {
  for (const [name, value] of Object.entries(missing))
    if (!(name in into)) Object.defineProperty(into, name, { value, writable: true, configurable: true })
}
