/**
 * Passwords: what may be one, and how one is checked.
 *
 * Owns: the rules, scrypt and its parameters, which stand inside every stored value so that they can grow. Does not own: where the
 * values are kept (`Accounts`), how often one may be tried (`throttle.ts`).
 * Invariants: a password is never kept, logged or compared as it is; the check takes the same time whatever is wrong; however many
 * are checked at once, a process pays the memory of two, and the rest of its work keeps its threads.
 */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto"
import { Effect, Redacted, Semaphore } from "effect"

const cost = { N: 2 ** 15, r: 8, p: 1 }
const keyBytes = 32
/** 32 MB and a thread of the process's four each. */
const turns = Semaphore.makeUnsafe(2)
const shortest = 10
const longest = 500

/** @returns why it is no password, in one sentence that does not hold it */
export const passwordFault = (password: Redacted.Redacted, name: string): string | undefined => {
  const text = normal(password)
  const length = [...text].length
  if (length < shortest) return `A password has at least ${shortest} characters.`
  if (length > longest) return `A password has at most ${longest} characters.`
  if (new Set(text).size < 4) return "A password of so few different characters is guessed at once."
  if ([...text.toLowerCase().replaceAll(name, "")].length < 5)
    return "A password that is little more than the account's name is guessed at once."
  return undefined
}

/** The value to keep. */
export const seal = (password: Redacted.Redacted): Effect.Effect<string> => {
  const salt = randomBytes(16)
  return Effect.map(
    derive(password, salt, cost),
    (key) => `scrypt$${cost.N}$${cost.r}$${cost.p}$${salt.toString("base64url")}$${key.toString("base64url")}`
  )
}

/** With nothing to compare with it takes as long, and is false. */
export const matches = (password: Redacted.Redacted, sealed: string | undefined): Effect.Effect<boolean> => {
  const found = parse(sealed)
  const { salt, key, ...costs } = found ?? { ...cost, salt: Buffer.alloc(16), key: Buffer.alloc(keyBytes) }
  return Effect.map(derive(password, salt, costs), (given) => timingSafeEqual(given, key) && found !== undefined)
}

/** The same letters give the same password, whatever keyboard wrote them. */
const normal = (password: Redacted.Redacted): string => Redacted.value(password).normalize("NFKC")

const derive = (password: Redacted.Redacted, salt: Buffer, { N, r, p }: typeof cost): Effect.Effect<Buffer> =>
  Semaphore.withPermits(
    turns,
    1
  )(
    Effect.callback<Buffer>((resume) => {
      scrypt(normal(password), salt, keyBytes, { N, r, p, maxmem: 256 * N * r }, (error, key) =>
        resume(error === null ? Effect.succeed(key) : Effect.die(error))
      )
    }).pipe(Effect.uninterruptible) // who hangs up does not end the work, so the turn is not another's yet
  )

const parse = (sealed: string | undefined) => {
  const parts = /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([\w-]{16,})\$([\w-]{43})$/u.exec(sealed ?? "")
  if (parts === null) return undefined
  const [, N, r, p, salt = "", key = ""] = parts
  return {
    N: Number(N),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, "base64url"),
    key: Buffer.from(key, "base64url")
  }
}
