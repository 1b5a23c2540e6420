/**
 * Another hub or another account than the home's own, as the environment says it.
 *
 * Owns: SIGNALBOX_TOKEN, SIGNALBOX_HUB_URL, SIGNALBOX_HUB_FINGERPRINT for clients. Does not own: the home's own hub (`find.ts`).
 * Invariants: node alone; the home's token is never sent to a hub that the environment names; beyond this machine by https only.
 */

export interface Elsewhere {
  /** Undefined: the hub of the home. */
  readonly url: string | undefined
  /** Undefined: the token of the home. */
  readonly token: string | undefined
  /** SHA-256 of the hub's certificate, lower case, without colons; undefined: a public authority says who it is. */
  readonly fingerprint: string | undefined
}

const set = (environment: NodeJS.ProcessEnv, name: string): string | undefined => {
  const value = environment[name]?.trim()
  return value === "" ? undefined : value
}

/** Of both forms that openssl and signalbox print. */
export const plainFingerprint = (text: string): string | undefined => {
  const plain = text
    .replace(/^sha256[:=\s]*/iu, "")
    .replaceAll(":", "")
    .toLowerCase()
  return /^[0-9a-f]{64}$/u.test(plain) ? plain : undefined
}

/** @returns a sentence when what is said cannot be */
export const elsewhere = (environment: NodeJS.ProcessEnv): Elsewhere | { readonly problem: string } => {
  const token = set(environment, "SIGNALBOX_TOKEN")
  const given = set(environment, "SIGNALBOX_HUB_URL")
  const pin = set(environment, "SIGNALBOX_HUB_FINGERPRINT")
  if (token !== undefined && !/^[\x21-\x7e]{1,4096}$/u.test(token))
    return { problem: "SIGNALBOX_TOKEN does not hold a token: it is one word, as signalbox user token printed it." }
  const fingerprint = pin === undefined ? undefined : plainFingerprint(pin)
  if (pin !== undefined && fingerprint === undefined)
    return {
      problem: "SIGNALBOX_HUB_FINGERPRINT is no fingerprint: it has 64 hexadecimal digits, as signalbox cert prints it."
    }
  if (given === undefined) return { url: undefined, token, fingerprint }
  const url = URL.parse(given)
  if (
    url === null ||
    (url.protocol !== "http:" && url.protocol !== "https:") ||
    url.username !== "" ||
    url.search !== ""
  )
    return { problem: "SIGNALBOX_HUB_URL is no address of a hub: it looks like https://hub.example:49152." }
  if (url.protocol === "http:" && !/^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/u.test(url.hostname))
    return { problem: "SIGNALBOX_HUB_URL names another machine, and that is spoken to by https only." }
  if (token === undefined)
    return {
      problem:
        "SIGNALBOX_HUB_URL names a hub; give a token of it in SIGNALBOX_TOKEN (there: signalbox user token NAME)."
    }
  return { url: url.origin, token, fingerprint }
}
