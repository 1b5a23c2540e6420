/**
 * The certificate that a running server shows: it may be another one tomorrow.
 *
 * Owns: which one it is now, and telling those who show it. Does not own: its files and when they are read (role).
 * Invariants: what is handed in can be served with; connections that are open keep the one they began with.
 */
import { createSecureContext, type SecureContextOptions } from "node:tls"
import { type Certificate, CertificateError } from "@signalbox/core/config/certificate.ts"

export interface ServedCertificate {
  readonly now: () => Certificate
  /** @param take called with each one that takes its place */
  readonly follow: (take: (next: Certificate) => void) => void
  readonly replace: (next: Certificate) => void
}

export const serving = (first: Certificate): ServedCertificate => {
  let now = first
  const takers: Array<(next: Certificate) => void> = []
  return {
    now: () => now,
    follow: (take) => void takers.push(take),
    replace: (next) => {
      now = next
      for (const take of takers) take(next)
    }
  }
}

export const contextOf = ({ cert, key }: Pick<Certificate, "cert" | "key">) =>
  ({ cert, key, minVersion: "TLSv1.2" }) satisfies SecureContextOptions

/** More than the first certificate of a file is read only by the library that serves it: @returns what it says against it. */
export const unservable = (certificate: Certificate): CertificateError | undefined => {
  try {
    createSecureContext(contextOf(certificate))
    return undefined
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    return new CertificateError({ reason: `The certificate or its chain cannot be served (${why.slice(0, 200)}).` })
  }
}
