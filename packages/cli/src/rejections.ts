/**
 * Promises that nobody awaits and that reject: one kind is known and harmless, every other ends the process as Node would.
 *
 * Owns: telling them apart. The known kind: on each new connection the Postgres driver asks for the array types by a query of its
 * own, whose failure it lets go when the server dies in that moment; the driver connects again by itself.
 */
export const guardRejections = (): void => {
  process.on("unhandledRejection", (reason) => {
    if (isLostTypeQuery(reason)) return
    process.stderr.write(`error: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}\n`)
    process.exit(1)
  })
}

export const isLostTypeQuery = (reason: unknown): boolean =>
  reason instanceof Error &&
  "query" in reason &&
  typeof reason.query === "string" &&
  /^\s*select b\.oid, b\.typarray\s+from pg_catalog\.pg_type/.test(reason.query) &&
  "code" in reason &&
  /^(CONNECTION_|ECONN|EPIPE|ETIMEDOUT|57P)/.test(String(reason.code))
