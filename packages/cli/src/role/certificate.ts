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
    const now = yield* Clock.currentTimeMillis
    const { tlsCert, tlsKey, bridgeHost, httpHost } = settings
    const beyond = [...new Set([httpHost, bridgeHost])].filter((host) => !isLoopback(host))
    if (tlsCert !== undefined || tlsKey !== undefined) {
      const own = tlsCert === undefined || tlsKey === undefined ? undefined : yield* readPair(tlsCert, tlsKey, now)
      if (own !== undefined) return own
      return yield* Effect.fail(
        new CertificateError({
          reason: `SIGNALBOX_TLS_CERT and SIGNALBOX_TLS_KEY must both name files that are there. Mend them, or unset both and use signalbox cert.`
        })
      )
    }
    const found = yield* readCertificate(home, now)
    if (found !== undefined || beyond.length === 0) return found
    const made = yield* makeCertificate(home, { names: beyond, days, replace: false }, now)
    yield* talk(
      `Made a certificate for ${made.names.join(", ")}. Agents and clients pin it by its fingerprint: ${made.fingerprint}`
    )
    return made
  })
