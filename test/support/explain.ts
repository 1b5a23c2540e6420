/** The plan of the very statement that the code sends: run, caught on the wire's edge, and explained with its parameters. */
import { Effect } from "effect"
import postgres from "postgres"
import { Db } from "@signalbox/core/postgres/Db.ts"

/**
 * @param options.generic the plan that a prepared statement may get after some runs, which knows no parameter's value
 * @returns EXPLAIN ANALYZE as text
 */
export const explain = (
  run: (sql: postgres.Sql) => PromiseLike<unknown>,
  options: { readonly generic?: boolean } = {}
): Effect.Effect<string, never, Db> =>
  Effect.flatMap(Db, (db) =>
    Effect.promise(async () => {
      const sent: Array<{ readonly query: string; readonly parameters: ReadonlyArray<unknown> }> = []
      const sql = postgres(db.url, {
        max: 1,
        fetch_types: false,
        debug: (_, query, parameters) => sent.push({ query, parameters })
      })
      await run(sql)
      const [statement] = sent
      if (statement === undefined) throw new Error("nothing was sent")
      // EXPLAIN itself always knows the parameters; only what was prepared before may not.
      if (options.generic === true) {
        await sql.unsafe(`set plan_cache_mode = force_generic_plan; prepare it as ${statement.query}`).simple()
        const values = statement.parameters.map((value) => `'${String(value).replaceAll("'", "''")}'`)
        const execute = values.length === 0 ? "it" : `it(${values.join(", ")})`
        const rows = await sql.unsafe<Plan[]>(`explain (analyze, timing off) execute ${execute}`)
        await sql.end()
        return text(rows)
      }
      const rows = await sql.unsafe<Plan[]>(`explain (analyze, timing off) ${statement.query}`, [
        ...(statement.parameters as ReadonlyArray<string>)
      ])
      await sql.end()
      return text(rows)
    })
  )

interface Plan {
  readonly "QUERY PLAN": string
}
const text = (rows: ReadonlyArray<Plan>): string => rows.map((row) => row["QUERY PLAN"]).join("\n")
