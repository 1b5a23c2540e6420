/**
 * A report on stdout.
 *
 * Owns: the formats. Does not own: the rows (hub), what each report is (core's report room).
 * Invariant: CSV comes from the hub byte for byte; a table is harmless for the terminal and says when there is more.
 */
import { Clock, Console, Effect, Schema, Stream } from "effect"
import { streams } from "@signalbox/core/api/contract.ts"
import { isReport, reportLimit, reports } from "@signalbox/core/report/reports.ts"
import { writeBytes } from "../client/bytes.ts"
import { withConnection } from "../client/HubConnection.ts"
import { bytesOf, rawHub } from "../client/raw.ts"
import { readHub } from "../client/read.ts"
import { parseMoment } from "../client/time.ts"
import { cannotTell, Json, printable, talk } from "../output.ts"

export interface ReportFlags {
  readonly name: string
  readonly since: string | undefined
  readonly limit: number
  readonly format: "table" | "csv" | "json" | undefined
}

const Cell = Schema.Union([Schema.String, Schema.Finite, Schema.Boolean, Schema.Null])
const Answer = Schema.Struct({
  report: Schema.String,
  columns: Schema.Array(Schema.String),
  rows: Schema.Array(Schema.Array(Cell)),
  more: Schema.Boolean
})
const cellLength = 60

export const report = (flags: ReportFlags) =>
  withConnection(
    Effect.gen(function* () {
      if (!isReport(flags.name))
        return yield* Effect.fail(
          cannotTell(`There is no report ${flags.name.slice(0, 60)}; there are ${Object.keys(reports).join(", ")}.`)
        )
      if (flags.limit < 1 || flags.limit > reportLimit)
        return yield* Effect.fail(cannotTell(`--limit must be between 1 and ${reportLimit}.`))
      const now = yield* Clock.currentTimeMillis
      const since = flags.since === undefined ? undefined : parseMoment(flags.since, now, -1)
      if (since !== undefined && "problem" in since) return yield* Effect.fail(cannotTell(`${since.problem}.`))
      const path = streams.report(flags.name)
      const format = flags.format ?? ((yield* Json) ? "json" : "table")
      if (format === "csv") {
        const query = new URLSearchParams({ format: "csv", limit: String(flags.limit) })
        if (since !== undefined) query.set("since", since.value)
        const response = yield* rawHub(`${path}?${query}`)
        yield* Stream.runForEach(bytesOf(response), writeBytes)
        if (response.headers.get("x-more") === "true") yield* talk(moreThan(flags.limit))
        return
      }
      const found = yield* readHub(path, { limit: flags.limit, since: since?.value }, Answer)
      if (format === "json") {
        const rows = found.rows.map((row) =>
          Object.fromEntries(found.columns.map((name, at) => [name, row[at] ?? null]))
        )
        return yield* Console.log(printable(JSON.stringify({ report: flags.name, rows, more: found.more })))
      }
      const { table } = yield* Effect.promise(() => import("../client/table.ts"))
      yield* Console.log(
        found.rows.length === 0
          ? "Nothing to report."
          : table(
              found.columns.map((name, at) => ({
                title: name.replaceAll("_", " ").toUpperCase(),
                cell: (row: (typeof found.rows)[number]) => shown(row[at] ?? null),
                flexible: at > 3
              })),
              found.rows
            )
      )
      if (found.more) yield* talk(moreThan(flags.limit))
    })
  )

const moreThan = (limit: number): string =>
  `There are more; ${limit === 1 ? "1 row is" : `${limit} rows are`} shown. See --limit and --since.`

/** Long texts are for CSV and JSON. */
const shown = (value: typeof Cell.Type): string => {
  if (value === null) return ""
  const text =
    typeof value === "string" ? value.replace(/^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})\S*$/u, "$1 $2") : String(value)
  return text.length > cellLength ? `${text.slice(0, cellLength).toWellFormed()}…` : text
}
