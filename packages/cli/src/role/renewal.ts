/**
 * A certificate whose files change while a server runs: the new one is shown to whoever comes from then on.
 *
 * Owns: looking at the files, what becomes of what is found. Does not own: reading them (`certificate.ts`), who shows it (hub).
 * Invariants: what cannot be served is never taken, and the one before stays; a pair that is half written is read again until it fits;
 * the same trouble is said once.
 */
import { stat } from "node:fs/promises"
import { type Duration, Effect } from "effect"
import type { Certificate, CertificateError } from "@signalbox/core/config/certificate.ts"
import { type ServedCertificate, unservable } from "@signalbox/hub/edge/served-certificate.ts"

export interface Shown {
  readonly fingerprint: string
  readonly expiresAt: string
  /** Why what the files hold now was not taken. */
  readonly problem?: string
}

export interface Renewal {
  readonly files: ReadonlyArray<string>
  readonly read: Effect.Effect<Certificate, CertificateError>
  readonly served: ServedCertificate
  /** Told what is shown whenever that, or the trouble with it, is another. */
  readonly told: (shown: Shown) => Effect.Effect<void>
  readonly every?: Duration.Input
}

/** Until it is interrupted. */
export const followFiles = (renewal: Renewal): Effect.Effect<never> =>
  Effect.gen(function* () {
    let state: State = { seen: "", problem: undefined }
    for (;;) {
      state = yield* look(renewal, state)
      yield* Effect.sleep(renewal.every ?? "3 seconds")
    }
  })

export const shownBy = (served: ServedCertificate, problem?: string): Shown => {
  const { fingerprint, expiresAt } = served.now()
  return { fingerprint, expiresAt, ...(problem === undefined ? {} : { problem }) }
}

interface State {
  readonly seen: string
  readonly problem: string | undefined
}

const look = ({ files, read, served, told }: Renewal, before: State): Effect.Effect<State> =>
  Effect.gen(function* () {
    // before they are read: what is written after that is seen as a change the next time
    const seen = yield* Effect.promise(() => Promise.all(files.map(looksOf)).then((all) => all.join(" ")))
    if (seen === before.seen && before.problem === undefined) return before
    const found = yield* Effect.result(
      Effect.flatMap(read, (next) => {
        const wrong = unservable(next)
        return wrong === undefined ? Effect.succeed(next) : Effect.fail(wrong)
      })
    )
    if (found._tag === "Failure") {
      const problem = found.failure.message
      if (problem === before.problem) return { seen, problem }
      yield* Effect.logWarning(`the certificate stays the one of ${served.now().fingerprint}: ${problem}`)
      yield* told(shownBy(served, problem))
      return { seen, problem }
    }
    const next = found.success
    const now = served.now()
    if (next.cert !== now.cert || next.key !== now.key) {
      served.replace(next)
      yield* Effect.logInfo(
        `new connections are shown another certificate: ${next.fingerprint}, until ${next.expiresAt.slice(0, 10)}; who pinned ${now.fingerprint} must pin it anew`
      )
      yield* told(shownBy(served))
    } else if (before.problem !== undefined) {
      yield* Effect.logInfo(`the certificate's files hold ${now.fingerprint} again`)
      yield* told(shownBy(served))
    }
    return { seen, problem: undefined }
  })

/** Of what a path leads to, through links too. */
const looksOf = (path: string): Promise<string> =>
  stat(path, { bigint: true }).then(
    ({ dev, ino, size, mtimeNs, ctimeNs }) => [dev, ino, size, mtimeNs, ctimeNs].join(":"),
    () => "-"
  )
