/** Waiting for what a store shows: every change of it is looked at; none within the deadline is a failure that names what was awaited. */
import type { Store } from "../store.ts"

export const seenIn =
  (store: () => Pick<Store, "ticker">, more: () => string = () => "") =>
  (what: string, test: () => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const leave = store().ticker.subscribe(() => look())
      const timer = setTimeout(() => {
        leave()
        reject(new Error(`not seen: ${what}${more()}`))
      }, 60_000)
      const look = (): void => {
        if (!test()) return
        clearTimeout(timer)
        leave()
        resolve()
      }
      look()
    })
