/**
 * The certificate by which this home's servers prove who they are: self-signed, to be pinned by its fingerprint.
 *
 * Owns: HOME/tls/cert.pem and key.pem, making and checking them. Does not own: who serves with it, who pins it.
 * Invariants: key and certificate appear together or not at all (`directory.ts`); a key that others can read, a certificate that has expired or does not fit its key is refused with the mend.
 */
import { X509Certificate, createPrivateKey } from "node:crypto"
import * as fs from "node:fs/promises"
import { isIP, SocketAddress } from "node:net"
import { hostname, networkInterfaces } from "node:os"
import { join } from "node:path"
import { Effect, Schedule, Schema } from "effect"
import { place, restore } from "./directory.ts"
import type { HomePaths } from "./Home.ts"

export class CertificateError extends Schema.TaggedError<CertificateError>()("CertificateError", {
  reason: Schema.String
}) {
  override get message(): string {
    return this.reason
  }
}

export interface Certificate {
  /** PEM. */
  readonly cert: string
  /** PEM. Secret. */
  readonly key: string
  /** SHA-256 over the certificate: AB:CD:… */
  readonly fingerprint: string
  /** DNS names and addresses that it is for. */
  readonly names: ReadonlyArray<string>
  /** ISO 8601. */
  readonly expiresAt: string
}

export const certFile = (home: Pick<HomePaths, "tls">): string => join(home.tls, "cert.pem")
export const keyFile = (home: Pick<HomePaths, "tls">): string => join(home.tls, "key.pem")

/** @param at milliseconds since 1970; undefined answer: there is none yet */
export const readCertificate = (
  home: Pick<HomePaths, "tls">,
  at: number
): Effect.Effect<Certificate | undefined, CertificateError> =>
  Effect.tryPromise({ try: () => restore(home.tls), catch: (cause) => toCertificateError(home.tls, cause) }).pipe(
    Effect.andThen(readPair(certFile(home), keyFile(home), at)),
    // one half of this pair and the other of the next, which takes its place at this moment, are none
    Effect.retry({ times: 4, schedule: Schedule.spaced("20 millis") })
  )

/** Files of a person's own (SIGNALBOX_TLS_CERT, SIGNALBOX_TLS_KEY), or the home's. */
export const readPair = (
  certPath: string,
  keyPath: string,
  at: number
): Effect.Effect<Certificate | undefined, CertificateError> =>
  Effect.tryPromise({
    try: async () => {
      const [cert, key] = await Promise.all([readIfThere(certPath), readIfThere(keyPath)])
      if (cert === undefined && key === undefined) return undefined
      if (cert === undefined || key === undefined)
        throw refuse(
          `${cert === undefined ? certPath : keyPath} is missing. Make both anew with signalbox cert --replace.`
        )
      const { mode } = await fs.stat(keyPath)
      if ((mode & 0o077) !== 0)
        throw refuse(
          `The key ${keyPath} can be read by others (mode ${(mode & 0o777).toString(8).padStart(4, "0")}). Make a new pair with signalbox cert --replace, or run chmod 600 on it if nobody else has been on this machine.`
        )
      return checked(cert, key, certPath, at)
    },
    catch: (cause) => toCertificateError(certPath, cause)
  })

/**
 * @param options.names DNS names and addresses; localhost, the loopback addresses and this machine's name are always among them
 * @param options.days of validity
 * @param options.replace a pair that is there
 */
export const makeCertificate = (
  home: Pick<HomePaths, "tls">,
  options: { readonly names: ReadonlyArray<string>; readonly days: number; readonly replace: boolean },
  at: number
): Effect.Effect<Certificate, CertificateError> =>
  Effect.tryPromise({
    try: async () => {
      const { generate } = await import("selfsigned")
      const given = options.names.flatMap((name) => (name === "0.0.0.0" || name === "::" ? addresses() : [name]))
      const names = [...new Set([...given, hostname(), "localhost", "127.0.0.1", "::1"])]
      const pems = await generate([{ name: "commonName", value: names[0] ?? "localhost" }], {
        keyType: "ec",
        curve: "P-256",
        algorithm: "sha256",
        notBeforeDate: new Date(at - 3_600_000), // clocks differ
        notAfterDate: new Date(at + options.days * 86_400_000),
        extensions: [
          { name: "basicConstraints", cA: false, critical: true },
          { name: "keyUsage", digitalSignature: true, critical: true },
          { name: "extKeyUsage", serverAuth: true },
          {
            name: "subjectAltName",
            altNames: names.map((name) => (isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name }))
          }
        ]
      })
      const made = checked(pems.cert, pems.private, certFile(home), at)
      const files = [
        { name: "cert.pem", text: made.cert, mode: 0o644 },
        { name: "key.pem", text: made.key, mode: 0o600 }
      ]
      if (await place(home.tls, files, options.replace)) return made
      throw refuse(
        `There is a certificate in ${home.tls} already. Replace it with signalbox cert --replace; who has pinned it must pin the new one.`
      )
    },
    catch: (cause) => toCertificateError(home.tls, cause)
  })

/** What "any address" is today. */
const addresses = (): ReadonlyArray<string> =>
  Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).filter((one) => !one.internal && !one.address.startsWith("fe80")).map((one) => one.address)
  )

const checked = (cert: string, key: string, path: string, at: number): Certificate => {
  const parsed = parse(cert, path)
  const expiresAt = parsed.validToDate.toISOString()
  if (parsed.validToDate.getTime() <= at)
    throw refuse(
      `The certificate ${path} expired on ${expiresAt.slice(0, 10)}. Make a new one with signalbox cert --replace.`
    )
  let fits = false
  try {
    fits = parsed.checkPrivateKey(createPrivateKey(key))
  } catch {
    // not a key at all: the same sentence
  }
  if (!fits) throw refuse(`The key beside ${path} does not belong to it. Make both anew with signalbox cert --replace.`)
  const names = (parsed.subjectAltName ?? "")
    .split(", ")
    .flatMap((one) => shortened(/^(?:DNS|IP Address):(.+)$/u.exec(one)?.[1]) ?? [])
  return { cert, key, fingerprint: parsed.fingerprint256, names, expiresAt }
}

/** ::1 for 0:0:0:0:0:0:0:1. */
const shortened = (name: string | undefined): string | undefined =>
  name !== undefined && isIP(name) === 6 ? new SocketAddress({ address: name, family: "ipv6" }).address : name

const parse = (cert: string, path: string): X509Certificate => {
  try {
    return new X509Certificate(cert)
  } catch {
    throw refuse(
      `${path} does not hold a certificate in PEM form. Give the right file, or make one with signalbox cert --replace.`
    )
  }
}

const readIfThere = (path: string): Promise<string | undefined> => fs.readFile(path, "utf8").catch(ignoreMissing)

const ignoreMissing = (cause: unknown): undefined => {
  if (codeOf(cause) === "ENOENT") return undefined
  throw cause
}

const codeOf = (cause: unknown): string => (cause instanceof Error && "code" in cause ? String(cause.code) : "")
const refuse = (reason: string): CertificateError => new CertificateError({ reason })

const toCertificateError = (path: string, cause: unknown): CertificateError =>
  cause instanceof CertificateError
    ? cause
    : refuse(`The certificate in ${path} cannot be used (${codeOf(cause) || String(cause)}).`)
