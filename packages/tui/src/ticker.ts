/**
 * A store that may change at any rate and is seen at a steady one.
 *
 * Owns: when readers are told. Does not own: what changed.
 * Invariants: readers hear at most once per interval, and always after the last change; the snapshot has a new identity per
 * flush and never per call, as `useSyncExternalStore` wants it.
 */
export class Ticker {
  private readonly heard = new Set<() => void>()
  private timer: NodeJS.Timeout | undefined
  private due = Number.POSITIVE_INFINITY
  private last = Number.NEGATIVE_INFINITY
  private at: object = {}
  readonly interval: number

  constructor(interval = 100) {
    this.interval = interval
  }

  /** Something changed: readers are told when the interval is over. A shorter one is for what a person waits for. */
  touch = (interval = this.interval): void => {
    const due = Math.max(performance.now(), this.last + Math.min(interval, this.interval))
    if (this.timer !== undefined && this.due <= due) return
    clearTimeout(this.timer)
    this.due = due
    this.timer = setTimeout(this.flush, Math.max(0, due - performance.now()))
  }

  /** Readers are told now: for what a person did, which must not wait. */
  flush = (): void => {
    this.stop()
    this.last = performance.now()
    this.at = {}
    for (const tell of this.heard) tell()
  }

  stop = (): void => {
    clearTimeout(this.timer)
    this.timer = undefined
  }

  subscribe = (tell: () => void): (() => void) => {
    this.heard.add(tell)
    return () => {
      this.heard.delete(tell)
    }
  }

  getSnapshot = (): object => this.at
}
