/** A frame at every size: exactly as high and wide as the screen, with the cursor inside. */
import { expect } from "vitest"
import { frame } from "../frame.ts"
import { rowWidth } from "../row.ts"
import type { World } from "./world.ts"

interface Size {
  readonly columns: number
  readonly rows: number
}
const sizes: ReadonlyArray<Size> = [
  { columns: 20, rows: 6 },
  { columns: 33, rows: 11 },
  { columns: 300, rows: 100 },
  { columns: 5, rows: 2 }
]

/** @param steps keys, one after the other; the frame is looked at after each */
export const fillsEverySize = (w: World, steps: ReadonlyArray<string>, size: Size): void => {
  for (const key of steps) {
    w.session.press({ key, ...(key.length === 1 ? { text: key } : {}) })
    w.store.ticker.flush()
    for (const one of [size, ...sizes]) {
      const drawn = frame(w.session.ui, w.session.model, one)
      expect(drawn.rows.length).toBe(one.rows)
      for (const row of drawn.rows) expect([key, one.columns, rowWidth(row)]).toEqual([key, one.columns, one.columns])
      if (drawn.cursor !== undefined) {
        expect(drawn.cursor.y).toBeLessThan(one.rows)
        expect(drawn.cursor.x).toBeLessThan(one.columns)
      }
    }
  }
}
