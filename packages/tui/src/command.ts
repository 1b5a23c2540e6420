/**
 * `:` commands: the same actions as the keys, by name.
 *
 * Owns: finding one by its name or the beginning of it. Does not own: the names (`keymap.ts`).
 * Invariant: a beginning that fits several names runs none of them.
 */
import { type ActionId, type Binding, here, type Need, type Place } from "./keymap.ts"

export type Command = { readonly id: ActionId; readonly need?: Need } | { readonly problem: string }

const named = (place: Place): ReadonlyArray<Binding & { readonly id: ActionId; readonly command: string }> =>
  here(place).filter((b): b is typeof b & { command: string } => b.command !== undefined)

export const commandNames = (place: Place, start: string): ReadonlyArray<string> =>
  named(place)
    .map((b) => b.command)
    .filter((name) => name.startsWith(start.trim().toLowerCase()))

export const commandNamed = (place: Place, text: string): Command => {
  const word = text.trim().toLowerCase()
  const all = named(place)
  const fitting = all
    .filter((b) => b.command === word)
    .concat(all.filter((b) => b.command !== word && b.command.startsWith(word)))
  const [first] = fitting
  if (first === undefined)
    return { problem: `There is no command ${text.trim()} here. Commands: ${all.map((b) => b.command).join(", ")}.` }
  if (first.command !== word && fitting.length > 1)
    return { problem: `${text.trim()} may be ${fitting.map((b) => b.command).join(" or ")}. Write more of it.` }
  return first.need === undefined ? { id: first.id } : { id: first.id, need: first.need }
}

/** What tab makes of the beginning of a name: as much as all that fit have in common. */
export const completed = (place: Place, text: string): string => {
  const names = commandNames(place, text)
  const [first = text] = names
  let common = first
  for (const name of names) while (!name.startsWith(common)) common = common.slice(0, -1)
  return common
}
