/**
 * What our code uses and Node 18, the oldest that the agent runs on, does not have yet.
 *
 * Invariants: called before anything else is loaded; nothing that is there is replaced.
 */
type Compare = (a: unknown, b: unknown) => number

const missing: Readonly<Record<string, (this: ReadonlyArray<unknown>, compare?: Compare) => ReadonlyArray<unknown>>> = {
  toSorted(compare) {
    const copy = [...this]
    // oxlint-disable-next-line unicorn/no-array-sort -- this is what takes its place
    return copy.sort(compare)
  },
  toReversed() {
    const copy = [...this]
    // oxlint-disable-next-line unicorn/no-array-reverse -- this is what takes its place
    return copy.reverse()
  }
}

export const fillOlderNode = (): void => {
  const array: object = Array.prototype
  for (const [name, value] of Object.entries(missing))
    if (!(name in array)) Object.defineProperty(array, name, { value, writable: true, configurable: true })
}
