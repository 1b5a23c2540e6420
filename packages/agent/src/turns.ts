/**
 * Who may begin when: acts with one key one after another, reads side by side up to a number.
 *
 * Invariants: those with the same key begin in the order in which they came; one that fails does not hold up the next.
 */
const mostReads = 8

export interface Turns {
  /** @param key undefined: a read, which waits for no act */
  readonly take: (key: string | undefined, work: () => Promise<void>) => Promise<void>
}

export const makeTurns = (): Turns => {
  const last = new Map<string, Promise<void>>()
  const waiting: Array<() => void> = []
  let reading = 0

  const read = async (work: () => Promise<void>): Promise<void> => {
    if (reading >= mostReads) await new Promise<void>((resolve) => waiting.push(resolve))
    else reading += 1
    try {
      await work()
    } finally {
      const next = waiting.shift() // takes the place over
      if (next === undefined) reading -= 1
      else next()
    }
  }
  return {
    take: (key, work) => {
      if (key === undefined) return read(work)
      const before = last.get(key) ?? Promise.resolve()
      const mine = before.catch(() => undefined).then(work)
      last.set(key, mine)
      return mine.finally(() => {
        if (last.get(key) === mine) last.delete(key)
      })
    }
  }
}
