import { describe, expect, it } from "vitest"
import { commandNamed, commandNames, completed } from "./command.ts"
import { all, type Binding, chains, here, needs, type Place, resolve, viewIds, viewTitles } from "./keymap.ts"
import { helpRows } from "./screen/help.ts"
import { actionEntries } from "./screen/palette.ts"
import { footer } from "./screen/footer.ts"

const places = Object.keys(chains) as ReadonlyArray<Place>
const rowText = (row: ReadonlyArray<{ readonly text: string }>): string => row.map((s) => s.text).join("")

describe("the keymap", () => {
  it.each(all.map((b) => [b.id, b] as const))(
    "%s has keys, a help sentence, and a place where its keys mean it",
    (_id, b) => {
      expect(b.keys.length).toBeGreaterThan(0)
      expect(b.help.trim().length).toBeGreaterThan(1)
      const listening = places.filter((p) => (chains[p] as ReadonlyArray<string>).includes(b.context))
      expect(listening.length).toBeGreaterThan(0)
      for (const place of listening)
        for (const key of b.keys) expect([place, key, resolve(place, key)?.id]).toEqual([place, key, b.id])
    }
  )

  it.each(places)("no key means two things in %s", (place) => {
    const keys = here(place).flatMap((b) => b.keys)
    expect(keys.filter((k, i) => keys.indexOf(k) !== i)).toEqual([])
  })

  it("ids, command names of a place and palette titles of a place are unique", () => {
    expect(new Set(all.map((b) => b.id)).size).toBe(all.length)
    for (const place of viewIds) {
      const commands = here(place).flatMap((b) => (b.command === undefined ? [] : [b.command]))
      expect(new Set(commands).size).toBe(commands.length)
      const titles = actionEntries(place, () => true).map((e) => e.title)
      expect(new Set(titles).size).toBe(titles.length)
    }
  })

  it("help lists every binding, with its keys, exactly once", () => {
    const text = helpRows("tasks", 120).map(rowText)
    for (const b of all) expect(text.filter((line) => line.includes(b.help)).length).toBeGreaterThan(0)
    expect(text.filter((line) => line.startsWith("  ")).length).toBe(all.length)
  })

  it("the tabs have the keys that open their views", () => {
    for (const view of viewIds) expect(resolve("tasks", viewTitles[view].key)?.id).toBe(`view.${view}`)
  })

  it("the footer leaves out what does not work now, and the least first when it is narrow", () => {
    const wide = rowText(footer("tasks", () => true, 200))
    expect(wide).toContain("x kill")
    expect(rowText(footer("tasks", (need) => need !== "active", 200))).not.toContain("x kill")
    const narrow = rowText(footer("tasks", () => true, 40))
    expect(narrow).toHaveLength(40)
    expect(narrow).toContain("? help")
    expect(narrow).toContain("c new")
    expect(narrow).not.toContain("palette")
  })

  it("every need has a sentence for when it is not met", () => {
    const used = new Set(all.flatMap((b: Binding) => (b.need === undefined ? [] : [b.need])))
    for (const need of used) expect(needs[need].length).toBeGreaterThan(5)
  })
})

describe("yes and no to a tool call", () => {
  it("are keys that meant nothing a moment before", () => {
    for (const key of ["y", "n"]) expect([key, resolve("replying", key)]).toEqual([key, undefined])
    expect(resolve("call", "y")?.id).toBe("call.yes")
    expect(resolve("call", "n")?.id).toBe("call.no")
  })
})

describe("commands", () => {
  it("are found by name, by a beginning of one, and never by a beginning of two", () => {
    expect(commandNamed("tasks", "hosts")).toEqual({ id: "view.hosts" })
    expect(commandNamed("tasks", " KI ")).toEqual({ id: "task.kill", need: "active" })
    expect(commandNamed("tasks", "ne")).toHaveProperty("problem", "ne may be new or next. Write more of it.")
    expect(commandNamed("hosts", "kill")).toHaveProperty("problem")
  })
  it("are completed as far as they agree", () => {
    expect(commandNames("tasks", "t")).toEqual(["tasks", "timeline"])
    expect(completed("tasks", "tim")).toBe("timeline")
    expect(completed("tasks", "ne")).toBe("ne")
    expect(completed("tasks", "zzz")).toBe("zzz")
  })
})
