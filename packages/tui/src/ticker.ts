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
  private last = Number.NEGATIVE_INFINITY
  private at: object = {}
  readonly interval: number

  constructor(interval = 100) {
    this.interval = interval
  }

  /** Something changed: readers are told when the interval is over. */
  touch = (): void => {
    this.timer ??= setTimeout(this.flush, Math.max(0, this.last + this.interval - performance.now()))
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
