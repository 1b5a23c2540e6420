import { describe, expect, it } from "vitest"
import { type Anchor, atEnd, atTop, hold, idsOf, move, to, view } from "./list.ts"

const ids = (...rows: ReadonlyArray<string>) => idsOf(rows, (r) => r)
const numbered = (from: number, until: number) => ids(...Array.from({ length: until - from }, (_, i) => `r${from + i}`))
const seen = (list: ReturnType<typeof ids>, height: number, anchor: Anchor) => {
  const { start, end } = view(list, height, anchor)
  return Array.from({ length: end - start }, (_, i) => list.idAt(start + i))
}

describe("a list", () => {
  it("shows the same rows after 50 came above", () => {
    const anchor = move(numbered(50, 150), 10, move(numbered(50, 150), 10, atTop, 40), -3)
    const before = seen(numbered(50, 150), 10, anchor)
    expect(seen(numbered(0, 150), 10, anchor)).toEqual(before)
    expect(before).toHaveLength(10)
  })
  it("leaves the cursor on its line when rows around it change place", () => {
    const anchor = to(ids("a", "b", "c", "d", "e", "f"), 3, to(ids("a", "b", "c", "d", "e", "f"), 3, atTop, 3), 2)
    const after = ids("d", "f", "a", "b", "c", "e")
    const window = view(after, 3, anchor)
    expect(after.idAt(window.selected)).toBe("c")
    expect(window.selected - window.start).toBe(anchor.line)
  })
  it("follows only as far as it must", () => {
    let anchor = atTop
    for (let i = 0; i < 5; i++) anchor = move(numbered(0, 20), 4, anchor, 1)
    expect(seen(numbered(0, 20), 4, anchor)).toEqual(["r2", "r3", "r4", "r5"])
    anchor = move(numbered(0, 20), 4, anchor, -2)
    expect(seen(numbered(0, 20), 4, anchor)).toEqual(["r2", "r3", "r4", "r5"])
    expect(anchor.selected).toBe("r3")
  })
  it("takes what stands at the same index when the selected row is gone", () => {
    const anchor = move(numbered(0, 10), 5, atTop, 4)
    const window = view(ids("r0", "r1", "r2", "r3", "r5"), 5, anchor)
    expect(window.selected).toBe(4)
    expect(view(ids(), 5, anchor)).toEqual({ start: 0, end: 0, selected: -1 })
  })
  it("sticks to the end where asked, and lets go when moved up", () => {
    expect(view(numbered(0, 30), 10, atEnd)).toEqual({ start: 20, end: 30, selected: 29 })
    const up = move(numbered(0, 30), 10, atEnd, -1, true)
    expect(view(numbered(0, 35), 10, up).selected).toBe(28)
    expect(move(numbered(0, 35), 10, up, 99, true).stick).toBe(true)
    expect(move(numbered(0, 35), 10, up, 99).stick).toBe(false)
  })
  it("is pinned to what it shows before anybody moved it", () => {
    const held = hold(numbered(50, 150), atTop)
    expect(seen(numbered(0, 150), 3, held)).toEqual(["r50", "r51", "r52"])
    expect(hold(ids(), atTop)).toBe(atTop)
  })
  it("holds every invariant for every height, count and step", () => {
    for (const count of [0, 1, 2, 7, 30]) {
      for (const height of [1, 2, 5, 40]) {
        let anchor = atTop
        for (const by of [1, 1, 5, -2, 100, -1, -100, 3]) {
          anchor = move(numbered(0, count), height, anchor, by)
          const { start, end, selected } = view(numbered(0, count), height, anchor)
          expect(end - start).toBe(Math.min(count, height))
          if (count > 0) expect(selected >= start && selected < end).toBe(true)
        }
      }
    }
  })
})
