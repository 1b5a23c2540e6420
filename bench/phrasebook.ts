/** The phrasebook in a fleet of 500 hosts: the slowest of everything that people say, and of what nobody would. */
import { readInstruction } from "../packages/core/src/plan/phrasebook/read.ts"
import { endless, fleetOf, noAction, understood } from "../test/support/phrasings.ts"
import { median, type Row } from "./support.ts"

const rounds = 15
const target = 5

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  const said = understood.map(([text]) => text)
  const hostile = [...noAction, ...endless]
  const ours = slowest(said)
  const worst = slowest(hostile)
  return [
    {
      what: `phrasebook: the slowest of the table's ${said.length} phrasings and ${hostile.length} hostile sentences, 500 hosts, their names indexed anew for each`,
      ours: `${Math.max(ours, worst).toFixed(2)} ms (phrasings ${ours.toFixed(2)}, hostile ${worst.toFixed(2)})`,
      against: "",
      ratio: null,
      target: `< ${target} ms`,
      ok: Math.max(ours, worst) < target
    }
  ]
}

/** Of each sentence the median, as of each instruction to the hub: the list of hosts comes fresh from the database. */
const slowest = (texts: ReadonlyArray<string>): number => {
  const took = texts.map((): Array<number> => [])
  for (let round = 0; round <= rounds; round++)
    for (const [at, text] of texts.entries()) {
      const known = fleetOf(500)
      const began = performance.now()
      readInstruction(text, known)
      if (round > 0) took[at]?.push(performance.now() - began)
    }
  return Math.max(...took.map(median))
}
