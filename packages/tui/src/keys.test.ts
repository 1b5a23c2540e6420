import { expect, it } from "vitest"
import type { Key } from "ink"
import { presses } from "./keys.ts"

const none: Key = {
  upArrow: false,
  downArrow: false,
  leftArrow: false,
  rightArrow: false,
  pageDown: false,
  pageUp: false,
  home: false,
  end: false,
  return: false,
  escape: false,
  ctrl: false,
  shift: false,
  tab: false,
  backspace: false,
  delete: false,
  meta: false,
  super: false,
  hyper: false,
  capsLock: false,
  numLock: false
}
const names = (input: string, flags: Partial<Key> = {}): ReadonlyArray<string> =>
  presses(input, { ...none, ...flags }).map((p) => p.key)

it("names keys as the keymap does", () => {
  expect(names("j")).toEqual(["j"])
  expect(names("G", { shift: true })).toEqual(["G"])
  expect(names(" ")).toEqual(["space"])
  expect(names("k", { ctrl: true })).toEqual(["ctrl-k"])
  expect(names("b", { meta: true })).toEqual(["alt-b"])
  expect(names("", { tab: true, shift: true })).toEqual(["shift-tab"])
  expect(names("\r", { return: true })).toEqual(["enter"])
  expect(names("\r", { return: true, meta: true })).toEqual(["alt-enter"])
  expect(names("", { escape: true, meta: true })).toEqual(["escape"])
  expect(names("", { leftArrow: true, ctrl: true })).toEqual(["ctrl-left"])
  expect(names("\n")).toEqual(["ctrl-j"])
  expect(names("j", { eventType: "release" })).toEqual([])
})

it("takes one report of many keys apart", () => {
  expect(names("jjk")).toEqual(["j", "j", "k"])
  expect(names("c\t\t")).toEqual(["c", "tab", "tab"])
  expect(names("quit\r")).toEqual(["q", "u", "i", "t", "enter"])
  expect(names("ab\x7f\x03")).toEqual(["a", "b", "backspace", "ctrl-c"])
  expect(presses("é👍", none).map((p) => p.text)).toEqual(["é", "👍"])
})
