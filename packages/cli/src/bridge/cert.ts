/** `signalbox cert`: makes, replaces or shows the certificate of this home. */
import { Clock, Effect } from "effect"
import { Home } from "@signalbox/core/config/Home.ts"
import { makeCertificate, readCertificate } from "@signalbox/core/config/certificate.ts"
import { answer, cannotTell, failed, talk } from "../output.ts"

export const certCommand = (flags: {
  readonly names: ReadonlyArray<string>
  readonly days: number
  readonly replace: boolean
  readonly show: boolean
}) =>
  Effect.gen(function* () {
    const home = yield* Home
    const now = yield* Clock.currentTimeMillis
    if (flags.days < 1 || flags.days > 36_500)
      return yield* Effect.fail(cannotTell("--days is a number from 1 to 36500."))
    const wrong = flags.names.find((name) => !/^[A-Za-z0-9.:*_-]{1,253}$/u.test(name))
    if (wrong !== undefined)
      return yield* Effect.fail(cannotTell(`--name ${wrong.slice(0, 60)} is neither a DNS name nor an address.`))
    const found = flags.show ? yield* readCertificate(home, now) : yield* makeCertificate(home, flags, now)
    if (found === undefined)
      return yield* Effect.fail(failed(`There is no certificate in ${home.tls} yet. Make one with signalbox cert.`))
    const { fingerprint, names, expiresAt } = found
    yield* answer({ fingerprint, names: [...names], expiresAt, directory: home.tls }, () =>
      [
        `${home.tls}/cert.pem`,
        `for          ${names.join(", ")}`,
        `until        ${expiresAt.slice(0, 10)}`,
        `fingerprint  ${fingerprint}`
      ].join("\n")
    )
    if (flags.show) return
    yield* talk(
      flags.replace
        ? "A running hub shows it to new connections within seconds (signalbox doctor). Clients and agents that pinned the one before refuse the hub until they pin this one: host prepare NAME --agent --replace."
        : "A hub that runs without one serves with it after its next start."
    )
  }).pipe(Effect.provide(Home.layer))
