/**
 * network.ping: round trips to an address.
 *
 * Owns: running ping and reading its end. Does not own: name resolution (ping's own).
 */
import { run } from "../child.ts"
import { NotDone } from "../outcome.ts"
import type { Performer } from "../Performer.ts"
import { clean } from "../text/clean.ts"

export const ping: Performer<"network.ping"> = async ({ address, count = 4 }, of) => {
  const ran = await run("ping", ["-n", "-q", "-c", String(count), "-i", "0.3", "-W", "2", "-w", "30", "--", address], {
    signal: of.signal,
    timeoutMs: 35_000
  })
  const result = parsePing(ran.stdout)
  if (result === undefined)
    throw new NotDone({ why: `ping could not be done: ${clean(ran.stderr, 300) || `code ${ran.code}`}` })
  const { sent, received, average } = result
  return {
    outcome: "succeeded",
    summary:
      received === 0
        ? `${address} did not answer any of ${sent} pings.`
        : `${address} answered ${received} of ${sent} pings${average === null ? "" : `, ${average} ms on average`}.`,
    data: { address, ...result }
  }
}

export interface Pings {
  readonly sent: number
  readonly received: number
  readonly lossPercent: number
  readonly least: number | null
  readonly average: number | null
  readonly most: number | null
}

/** Of iputils and busybox alike. */
export const parsePing = (text: string): Pings | undefined => {
  const counts = /(\d+) packets transmitted, (\d+) (?:packets )?received/u.exec(text)
  if (counts === null) return undefined
  const sent = Number(counts[1])
  const received = Number(counts[2])
  const times = /= ([\d.]+)\/([\d.]+)\/([\d.]+)/u.exec(text)
  const ms = (n: number) => (times === null ? null : Number(times[n]))
  return {
    sent,
    received,
    lossPercent: sent === 0 ? 0 : Math.round((1 - received / sent) * 100),
    least: ms(1),
    average: ms(2),
    most: ms(3)
  }
}
