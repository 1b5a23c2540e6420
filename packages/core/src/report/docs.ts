/** docs/reports.md out of the database's own comments, so that it cannot say what is not so. */
import { Effect } from "effect"
import { Db } from "../postgres/Db.ts"
import { reports } from "./reports.ts"

interface Column {
  readonly view: string
  readonly about: string | null
  readonly name: string
  readonly type: string
  readonly comment: string | null
}

export const reportsInMarkdown = Effect.gen(function* () {
  const db = yield* Db
  const columns = yield* db.query(
    "describe the reports",
    (sql) => sql<Column[]>`
      select c.relname as view, obj_description(c.oid, 'pg_class') as about, a.attname as name,
        format_type(a.atttypid, a.atttypmod) as type, col_description(c.oid, a.attnum) as comment
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where n.nspname = 'report' and c.relkind = 'v' order by c.relname, a.attnum`
  )
  const views = [...new Set(columns.map((column) => column.view))]
  return [
    "# Reports",
    "",
    "Stable SQL views in the schema `report`, for `signalbox report`, `psql` and every other tool that speaks to Postgres.",
    "The role `signalbox_reader` may read them and nothing else; `signalbox db url` tells where the database is. Where the user of",
    "`DATABASE_URL` may not create roles, `signalbox db migrate` says what an administrator has to run.",
    "",
    "```sql",
    "select day, model, input_tokens, output_tokens, cost_usd, unpriced from report.daily_usage order by day desc;",
    "```",
    "",
    "| `signalbox report` | View | What it tells |",
    "|---|---|---|",
    ...Object.entries(reports).map(([name, report]) => `| ${name} | report.${report.view} | ${report.title} |`),
    "",
    "Each takes `--since`, `--limit` (at most 10,000) and `--format table|csv|json`. In CSV a text that a spreadsheet would take as a",
    "formula begins with an apostrophe. A price that is not known is null, which is not zero: look at `unpriced` and `uncounted` beside `cost_usd`.",
    ...views.flatMap((view) => {
      const mine = columns.filter((column) => column.view === view)
      return [
        "",
        `## report.${view}`,
        "",
        `${mine[0]?.about ?? ""}.`.replace("..", "."),
        "",
        "| Column | Type | |",
        "|---|---|---|",
        ...mine.map((column) => `| ${column.name} | ${column.type} | ${column.comment ?? ""} |`)
      ]
    }),
    ""
  ].join("\n")
})
