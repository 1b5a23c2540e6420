/**
 * The certificate that a role serves with.
 *
 * Owns: which one: a person's own files, the home's, or a new one where one is needed. Does not own: making it (core).
 * Invariant: other machines are never served without one.
 */
import { Clock, Effect } from "effect"
import {
  type Certificate,
  CertificateError,
  certFile,
  keyFile,
  makeCertificate,
  readCertificate,
  readPair
} from "@signalbox/core/config/certificate.ts"
import type { HomePaths } from "@signalbox/core/config/Home.ts"
import type { Settings } from "@signalbox/core/config/Settings.ts"
import { isLoopback } from "@signalbox/hub/edge/loopback.ts"
import { talk } from "../output.ts"

const days = 825

export const serverCertificate = (
  home: Pick<HomePaths, "tls">,
  settings: Settings["Service"]
): Effect.Effect<Certificate | undefined, CertificateError> =>
  Effect.gen(function* () {
    const { bridgeHost, httpHost } = settings
    const beyond = [...new Set([httpHost, bridgeHost])].filter((host) => !isLoopback(host))
    const found = yield* given(home, settings)
    if (found !== undefined || beyond.length === 0) return found
    const now = yield* Clock.currentTimeMillis
    const made = yield* makeCertificate(home, { names: beyond, days, replace: false }, now)
    yield* talk(
      `Made a certificate for ${made.names.join(", ")}. Agents and clients pin it by its fingerprint: ${made.fingerprint}`
    )
    return made
  })

/** Where it is read from, for a server that had one when it began: then there must be one. */
export const certificateFiles = (home: Pick<HomePaths, "tls">, settings: Settings["Service"]) => ({
  files: [settings.tlsCert ?? certFile(home), settings.tlsKey ?? keyFile(home)],
  read: Effect.flatMap(given(home, settings), (found) =>
    found === undefined
      ? Effect.fail(
          new CertificateError({
            reason: `There is no certificate in ${home.tls} any more. Make one with signalbox cert.`
          })
        )
      : Effect.succeed(found)
  )
})

/** A person's own, or the home's where there is one. */
const given = (
  home: Pick<HomePaths, "tls">,
  { tlsCert, tlsKey }: Settings["Service"]
): Effect.Effect<Certificate | undefined, CertificateError> =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    if (tlsCert === undefined && tlsKey === undefined) return yield* readCertificate(home, now)
    const own = tlsCert === undefined || tlsKey === undefined ? undefined : yield* readPair(tlsCert, tlsKey, now)
    if (own !== undefined) return own
    return yield* new CertificateError({
      reason:
        "SIGNALBOX_TLS_CERT and SIGNALBOX_TLS_KEY must both name files that are there. Mend them, or unset both and use signalbox cert."
    })
  })
