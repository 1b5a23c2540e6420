/**
 * Arguments of plans as the log and people see them: what looks like a secret is taken out, what is carried out stays readable.
 *
 * Owns: which arguments hold free text, which literals in them are masked. Does not own: where the real ones lie (`contents.ts`), text that
 * machines told (`redact.ts`).
 * Invariants: pure; only a literal is ever masked, so nothing that a shell would carry out hides behind the mark of whoever approves; an
 * argument that holds the mark itself stands for a secret that is gone and is never carried out; no text takes longer than its length allows.
 */
import type { Schema } from "effect"
import type { Action } from "../action/Action.ts"
import { catalog, isActionName } from "../action/catalog.ts"
import { redacted, secretNames } from "./redact.ts"

/** Of what stands in the plan of one free text, in characters. */
export const shownLimit = 16 * 1024

type Args = Readonly<Record<string, Schema.Json>>

const marks = [redacted, "[masked]", "[secret]"]

/** The argument that was made from a text whose secrets were taken out. */
export const markedArg = (args: Args): string | undefined =>
  Object.entries(args).find(([, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value)
    return marks.some((mark) => text.includes(mark))
  })?.[0]

export interface Shown {
  readonly args: Args
  /** Arguments whose real value is another one, or is not for the log. */
  readonly instead: ReadonlyMap<string, string>
}

/** Arguments that fit the catalogue, or not yet. */
export const shownArgs = (action: string, args: Args): Shown => {
  const free = freeOf(action)
  const instead = new Map<string, string>()
  const shown = Object.fromEntries(
    Object.entries(args).map(([name, value]): readonly [string, Schema.Json] => {
      if (typeof value !== "string") return [name, maskedJson(value)]
      const seen = shownText(name, value, args, free.includes(name))
      if (seen !== value || free.includes(name)) instead.set(name, value)
      return [name, seen]
    })
  )
  return { args: shown, instead }
}

const freeOf = (action: string): ReadonlyArray<string> => {
  if (!isActionName(action)) return []
  const { free }: Pick<Action<never>, "free"> = catalog[action]
  return free ?? []
}

const shownText = (name: string, value: string, args: Args, free: boolean): string => {
  const key = args["key"]
  if (name === "value" && typeof key === "string" && isSecretName(key) && !harmless.test(value)) return redacted
  const masked = maskLiterals(value)
  if (!free || masked.length <= shownLimit) return masked
  return `${masked.slice(0, shownLimit).toWellFormed()}… (${masked.length - shownLimit} more characters)`
}

/** What does not decode is shown, too: an argument of a shape that nobody expects. */
const maskedJson = (value: Schema.Json): Schema.Json => {
  if (typeof value === "string") return maskLiterals(value)
  if (Array.isArray(value)) return value.map(maskedJson)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, maskedJson(one)]))
}

const named = `${secretNames}|requirepass|masterauth|masteruser|psk|community`
const secretName = new RegExp(named, "iu")
export const isSecretName = (name: string): boolean => secretName.test(name)

/** Values of keys that only sound like secrets: PasswordAuthentication no, token_ttl 5m, a path, a variable. */
const harmless =
  /^(?:yes|no|on|off|true|false|none|null|optional|required|sufficient|disabled|enabled|prohibit-password|without-password|forced-commands-only|scram-sha-256|md5|\d{1,5}[smhd]?|\/[\w./-]{1,200}|\$\{?\w{1,60}\}?)?$/iu

const word = String.raw`"[^"\n]{1,2000}"|'[^'\n]{1,2000}'|[^\s"';,&|()<>]{1,2000}`
/** Three groups each: what stays before, the literal, what stays after. */
const masks: ReadonlyArray<RegExp> = [
  /()(\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,})()/gu,
  /()(\b(?:AKIA|ASIA)[0-9A-Z]{12,})()/gu,
  /()((?<![\w-])(?:sk|pk|rk)[-_][\w-]{16,})()/gu,
  /()((?<![\w-])(?:gh[pousr]|github_pat|glpat|xox[abeoprs]|sbx|npm)[-_][\w-]{10,})()/gu,
  /()(\bAIza[\w-]{20,})()/gu,
  /()(\$(?:1|2[aby]?|5|6|7|y|apr1|argon2\w{0,4}|scrypt)\$[\w./$=,+-]{8,})()/gu,
  /(\b(?:bearer|basic|digest)\s+)([\w.~+/=-]{12,})()/giu,
  /(:\/\/[^\s:/@"']{0,100}:)([^\s/@"']{1,300})(@)/gu,
  // name = value, name: value, "name": "value", --name=value, ?name=value
  new RegExp(`((?<![\\w.-])[\\w.-]*?(?:${named})[\\w.-]{0,40}["']?\\s{0,3}(?:=>|=|:)\\s{0,3})(${word})()`, "giu"),
  // a statement: requirepass x, --password x
  new RegExp(`(^[ \\t]{0,40}[\\w.-]{0,40}(?:${named})[\\w.-]{0,40}[ \\t]{1,10})(?![=:])(${word})()`, "gimu"),
  new RegExp(`((?<![\\w-])--?(?:${named})[ \\t]{1,10})(${word})()`, "giu"),
  /(\b(?:mysql|mysqldump|mysqladmin|mariadb|sshpass)\b[^\n|;&]{0,200}?\s-p)([^\s;|&]{1,300})()/gu,
  /(\bcurl\b[^\n|;&]{0,300}?\s(?:-u\s{0,3}|--user[= ])["']?[^\s:"']{1,100}:)([^\s"']{1,300})()/gu,
  /([\w.-]{1,60}:)([^\s"'|:]{1,300})(["']?\s{0,3}\|\s{0,3}(?:sudo\s+)?chpasswd)/gu
]

/** What a shell would carry out, or look up, is no literal. */
const acts = /\$\(|`|<\(|>\(|\$\{[^}]*[^\w}]/u

export const maskLiterals = (text: string): string =>
  masks.reduce(
    (clean, find) =>
      clean.replace(find, (all: string, before: string, value: string, after: string) =>
        acts.test(value) || harmless.test(value.replaceAll(/^["']|["']$/gu, "")) || value.includes(redacted)
          ? all
          : `${before}${redacted}${after}`
      ),
    text.replace(keyBlock, (all: string, begin: string, body: string, end: string) =>
      isKeyBody(body) ? `${begin}${redacted}${end}` : all
    )
  )

/** A key has an end, and nothing but a key in it. */
const keyBlock = /(-----BEGIN [A-Z0-9 ]{1,40}-----)([A-Za-z0-9+/=\s]{1,20000})(-----END [A-Z0-9 ]{1,40}-----)/gu
const isKeyBody = (body: string): boolean =>
  body
    .trim()
    .split(/\s+/u)
    .every((line, nth, lines) => line.length >= 16 || nth === lines.length - 1)

/** "set the password to hunter2": as people say it. */
const told = new RegExp(
  `((?<![\\w.-])[\\w.-]*?(?:${named})[\\w.-]{0,40}["']?\\s{1,3}(?:to|is|as|becomes?|with)\\s{1,3})(${word})`,
  "giu"
)

/**
 * What a person or a model said, for the log.
 * @param secrets real values that stand in it, with what is shown instead
 */
export const maskSaid = (text: string, secrets: Iterable<readonly [value: string, shown: string]> = []): string => {
  let clean = text
  for (const [value, shown] of secrets) if (value !== shown) clean = withoutWord(clean, value, shown)
  return maskLiterals(clean).replace(told, (all: string, before: string, value: string) =>
    harmless.test(value.replaceAll(/^["']|["'.!?]$/gu, "")) || value.includes(redacted) ? all : `${before}${redacted}`
  )
}

/** Where it stands alone: a short one is part of many words. */
const withoutWord = (text: string, value: string, shown: string): string => {
  if (value.trim() === "") return text
  let [clean, from] = ["", 0]
  for (;;) {
    const at = text.indexOf(value, from)
    if (at < 0) return clean + text.slice(from)
    const end = at + value.length
    const inside = letter.test(text.slice(at - 1, at)) && letter.test(value.slice(0, 1))
    const goesOn = letter.test(text.slice(end, end + 1)) && letter.test(value.slice(-1))
    clean += text.slice(from, at) + (inside || goesOn ? value : shown)
    from = end
  }
}
const letter = /[\p{L}\p{N}]/u
