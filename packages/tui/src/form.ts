/**
 * A form as data: fields, values, which is written in, what is wrong.
 *
 * Owns: moving, choosing, checking, reading values. Does not own: which forms exist (`task/form.ts`, `host/form.ts`), drawing.
 * Invariant: a form with a problem is never sent; the first field with a problem gets the cursor.
 */
import { type Line, edit, insert, line, vertical } from "./line.ts"
import type { EditId } from "./keymap.ts"

export interface Field {
  readonly name: string
  readonly title: string
  readonly kind: "text" | "lines" | "choice"
  /** One line of help, shown while the field is written in. */
  readonly hint: string
  readonly options?: ReadonlyArray<string>
  readonly required?: boolean
  /** What is wrong with a value, as a sentence; undefined: nothing. */
  readonly check?: (value: string) => string | undefined
}

export interface Form {
  readonly title: string
  readonly purpose: "task" | "host"
  readonly fields: ReadonlyArray<Field>
  readonly values: Readonly<Record<string, Line>>
  readonly at: number
  readonly problems: Readonly<Record<string, string>>
}

export const form = (
  purpose: Form["purpose"],
  title: string,
  fields: ReadonlyArray<Field>,
  initial: Readonly<Record<string, string>> = {}
): Form => ({
  purpose,
  title,
  fields,
  values: Object.fromEntries(fields.map((f) => [f.name, line(initial[f.name] ?? f.options?.[0] ?? "")])),
  at: 0,
  problems: {}
})

export const current = (self: Form): Field => self.fields[self.at]!
export const value = (self: Form, name: string): string => self.values[name]?.text ?? ""
export const values = (self: Form): Readonly<Record<string, string>> =>
  Object.fromEntries(self.fields.map((f) => [f.name, value(self, f.name)]))

const set = (self: Form, next: Line): Form => {
  const { name } = current(self)
  const { [name]: _, ...problems } = self.problems
  return { ...self, values: { ...self.values, [name]: next }, problems }
}

export const write = (self: Form, text: string): Form => {
  const field = current(self)
  const now = self.values[field.name] ?? line()
  if (field.kind === "choice") return choose(self, text)
  return set(self, insert(now, text, field.kind === "lines" ? "many" : "one"))
}

/** A letter jumps to the next option that starts with it; space steps on. */
const choose = (self: Form, text: string): Form => {
  const { options = [], name } = current(self)
  if (text === " ") return step(self, 1)
  const at = options.indexOf(value(self, name))
  const turned = [...options.slice(at + 1), ...options.slice(0, at + 1)]
  const found = turned.find((o) => o.toLowerCase().startsWith(text.toLowerCase()))
  return found === undefined ? self : set(self, line(found))
}

const step = (self: Form, by: number): Form => {
  const { options = [], name } = current(self)
  const at = options.indexOf(value(self, name))
  const next = options[(at + by + options.length) % Math.max(1, options.length)]
  return next === undefined ? self : set(self, line(next))
}

export const editField = (self: Form, id: EditId): Form => {
  const field = current(self)
  if (field.kind === "choice") return id === "edit.left" ? step(self, -1) : id === "edit.right" ? step(self, 1) : self
  return set(self, edit(self.values[field.name] ?? line(), id))
}

/** To another field, or, in a field of several lines and by an arrow, to another line. Undefined: past the last field. */
export const walk = (self: Form, by: -1 | 1, arrow: boolean): Form | undefined => {
  const field = current(self)
  if (arrow && field.kind === "lines") {
    const moved = vertical(self.values[field.name] ?? line(), by)
    if (moved !== undefined) return { ...self, values: { ...self.values, [field.name]: moved } }
  }
  const at = self.at + by
  if (at >= self.fields.length) return arrow ? self : undefined
  return { ...self, at: Math.max(0, at) }
}

/** All problems at once; the cursor goes to the first. */
export const checked = (self: Form): Form => {
  const problems: Record<string, string> = {}
  for (const field of self.fields) {
    const text = value(self, field.name)
    const problem =
      text.trim() === "" ? (field.required === true ? `${field.title} is needed` : undefined) : field.check?.(text)
    if (problem !== undefined) problems[field.name] = problem
  }
  const first = self.fields.findIndex((f) => problems[f.name] !== undefined)
  return { ...self, problems, at: first < 0 ? self.at : first }
}
