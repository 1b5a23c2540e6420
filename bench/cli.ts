/** Cold start of the command line, against Node doing nothing. */
import { execFileSync } from "node:child_process"
import { dispose, makeHome, signalbox, startHub } from "../test/support/signalbox.ts"
import { type Row, freshDatabase, median, millis } from "./support.ts"

const rounds = 15

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  const home = await makeHome({ database: await freshDatabase() })
  try {
    await startHub(home)
    const [ours, node]: [Array<number>, Array<number>] = [[], []]
    for (let round = 0; round <= rounds; round++) {
      let began = performance.now()
      const ran = await signalbox(home, "task", "list", "--json")
      const took = performance.now() - began
      if (ran.code !== 0) throw new Error(`task list → ${ran.code} ${ran.stderr}`)
      began = performance.now()
      execFileSync(process.execPath, ["-e", "0"])
      if (round === 0) continue // the disk's cache
      ours.push(took)
      node.push(performance.now() - began)
    }
    const ratio = median(ours) / median(node)
    return [
      {
        what: "`signalbox task list` from a cold start to its end, a hub running, against `node -e 0`",
        ours: millis(median(ours)),
        against: millis(median(node)),
        ratio,
        target: "≤ 4×",
        ok: ratio <= 4
      }
    ]
  } finally {
    await dispose(home)
  }
}
