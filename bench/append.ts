/** Durable single-event appends: against plain INSERTs, against Emmett, and from four processes. */
import { type Measured, type Row, count, freshDatabase, emptyDatabase, median, millis, together } from "./support.ts"

const rounds = 3
const seconds = "4"

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  const [ours, plain, emmett] = [await freshDatabase(), await emptyDatabase(), await emptyDatabase()]
  const one: Array<Measured> = []
  const inserts: Array<Measured> = []
  const emmetts: Array<Measured> = []
  const four: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    one.push(...(await together("child/append.ts", [[ours, "64", seconds]])))
    inserts.push(...(await together("child/insert.ts", [[plain, "64", seconds, "16"]])))
    emmetts.push(...(await together("peers/emmett.mjs", [[emmett, "64", seconds]])))
    const parts = await together(
      "child/append.ts",
      Array.from({ length: 4 }, () => [ours, "16", seconds])
    )
    four.push(parts.reduce((sum, part) => sum + part.perSecond, 0))
  }
  const rate = (list: ReadonlyArray<Measured>): number => median(list.map((each) => each.perSecond))
  const slowest = (list: ReadonlyArray<Measured>): number => median(list.map((each) => each.p99))
  const shown = (list: ReadonlyArray<Measured>): string => `${count(rate(list))}/s, p99 ${millis(slowest(list))}`
  const [toPlain, toEmmett, toOne] = [rate(one) / rate(inserts), rate(one) / rate(emmetts), median(four) / rate(one)]
  return [
    {
      what: "durable single-event appends, 64 callers, chained, against plain autocommit INSERTs (same driver, 16 connections)",
      ours: shown(one),
      against: shown(inserts),
      ratio: toPlain,
      target: "≥ 2×",
      ok: toPlain >= 2
    },
    {
      what: "the same, against Emmett's appendToStream",
      ours: shown(one),
      against: shown(emmetts),
      ratio: toEmmett,
      target: "≥ 4×, at a lower p99",
      ok: toEmmett >= 4 && slowest(one) < slowest(emmetts)
    },
    {
      what: "the same from 4 processes × 16 callers, against 1 process × 64",
      ours: `${count(median(four))}/s`,
      against: `${count(rate(one))}/s`,
      ratio: toOne,
      target: "≥ 0.8×",
      ok: toOne >= 0.8
    }
  ]
}
