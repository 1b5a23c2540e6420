/**
 * Secrets in configuration, logs and command lines, made unreadable before they leave the host.
 *
 * Owns: what looks like a secret. Does not own: which files are read at all (`paths.ts`).
 * Invariants: the text keeps its lines; a value that is plainly none (yes, no, a number, a path) stays readable; masking twice is masking once; no text
 * takes long: what repeats in a pattern is bounded, or can begin at one place only.
 */

export const mark = "[masked]"

const secretName = String.raw`[\w.-]{0,60}(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|auth[_-]?key|encryption[_-]?key|signing[_-]?key|community|requirepass|masterauth)[\w.-]{0,60}`
/** `name = value`, `name: value`, `"name": "value"`, `name value;` at the beginning of a statement, and `--name=value`. */
const assigned = new RegExp(
  String.raw`(^|[\s"'{,;(&?]|--)(${secretName})(["']?\s*[:=]\s*|["']?[ \t]+)("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s;,&"'][^\s;,&]*)`,
  "gimu"
)
const harmless =
  /^["']?(?:yes|no|on|off|true|false|none|null|optional|required|sufficient|prohibit-password|without-password|forced-commands-only|\d{1,5}[smhd]?|\/[\w./-]{1,200}|\$\{?\w+\}?|=+>?)["']?$/iu
const blocks =
  /(-----BEGIN [A-Z0-9 ]{0,40}(?:PRIVATE KEY|OPENSSH|PGP)[A-Z0-9 ]{0,20}-----)([\s\S]*?)(-----END|$(?![\s\S]))/gu
const blockEnd = /-----END [A-Z0-9 ]{0,40}(?:PRIVATE KEY|OPENSSH|PGP)[A-Z0-9 ]{0,20}-----/u
const shapes: ReadonlyArray<RegExp> = [
  /(?<![\w-])(?:AKIA|ASIA)[A-Z0-9]{16}\b/gu,
  /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/gu,
  /(?<![\w-])(?:sk|pk|rk)[-_](?:[a-z]+[-_])?[A-Za-z0-9_-]{20,}/gu,
  /(?<![\w-])AIza[\w-]{30,}/gu,
  /(?<![\w-])gh[oprsu]_[A-Za-z0-9]{30,}/gu,
  /(?<![\w-])xox[abprs]-[\w-]{10,}/gu
]
const bearer = /\b(bearer|basic)\s+[\w+/.~-]{12,}=*/giu
const inUrl = /\b([a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@"']{0,200}):([^\s/@"']{1,500})@/giu
/** Hashes of crypt(3), as in htpasswd and shadow. */
const hashes = /\$(?:1|2[aby]?|5|6|7|y|apr1|argon2\w*|scrypt)\$[\w./$=,+-]{8,}/gu

export const mask = (text: string): string => masking(text, () => undefined)

/**
 * What others say of a text, like a checker that quotes a line of it: values that are secrets there are secrets in their words, too, although
 * nothing in these words shows it.
 */
export const maskSaid = (said: string, ...of: ReadonlyArray<string>): string => {
  const secrets = new Set<string>()
  for (const text of of)
    masking(text, (secret) => {
      const plain = secret.replace(/^(["'])([\s\S]*)\1$/u, "$2")
      if (plain.length >= leastSecret) secrets.add(plain)
    })
  const longestFirst = [...secrets].toSorted((a, b) => b.length - a.length)
  return mask(longestFirst.reduce((text, secret) => text.replaceAll(secret, mark), said))
}

/** Shorter ones would take words out of every sentence. */
const leastSecret = 4

const masking = (text: string, found: (secret: string) => void): string => {
  let masked = withoutHalfBlock(text)
    .replace(blocks, (_all, begin: string, body: string, end: string) => `${begin}${lines(body)}${end}`)
    .replace(inUrl, (_all, before: string, secret: string) => {
      found(secret)
      return `${before}:${mark}@`
    })
    .replace(bearer, (_all, kind: string) => `${kind} ${mark}`)
    .replace(hashes, mark)
  for (const shape of shapes) masked = masked.replace(shape, mark)
  return masked.replace(
    assigned,
    (all: string, before: string, name: string, between: string, value: string, at: number, text: string) => {
      if (harmless.test(value) || value.includes(mark)) return all
      // words apart by a space only are a statement where the name begins the line, or is an option: in prose they are prose
      const inside =
        !before.startsWith("--") &&
        !name.startsWith("--") &&
        text.slice(text.lastIndexOf("\n", at) + 1, at).trim() !== ""
      if (/^["']?[ \t]+$/u.test(between) && inside) return all
      found(value)
      return `${before}${name}${between}${mark}`
    }
  )
}

/** A name whose value is not for results. */
export const isSecretName = (name: string): boolean => new RegExp(`^${secretName}$`, "iu").test(name)

const lines = (body: string): string => body.replace(/[^\n]+/gu, mark)

/** The rest of a key whose beginning lies before the text: what is like it right before an end that has no beginning. */
const withoutHalfBlock = (text: string): string => {
  const end = blockEnd.exec(text)?.index
  if (end === undefined || text.lastIndexOf("-----BEGIN ", end) !== -1) return text
  let from = end
  for (let at = end; at > 0; from = at) {
    at = text.lastIndexOf("\n", at - 2) + 1
    if (from - at > 200 || !/^[\w+/=,: -]*\r?\n$/u.test(text.slice(at, from))) break
  }
  return `${text.slice(0, from)}${lines(text.slice(from, end))}${text.slice(end)}`
}
