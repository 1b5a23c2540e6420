/**
 * A port for a server that is started by another process, or later: one that nobody listens on now.
 *
 * Invariants: from below the range that the system gives to connections and to port 0, for until the server starts on it a busy
 * machine gives those to anybody. Test files that run at the same time look in ranges of their own, for the same reason.
 */
import { randomInt } from "node:crypto"
import { createServer } from "node:net"

const ranges = 8
const size = 2_500
const lowest = 12_000 + (Number(process.env["VITEST_POOL_ID"] ?? 0) % ranges) * size
const beyond = lowest + size

export const freePort = async (): Promise<number> => {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(lowest, beyond)
    if (await isFree(port)) return port
  }
  throw new Error(`no free port between ${lowest} and ${beyond}`)
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false))
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)))
  })
