/**
 * Runs the benchmarks and tells what was reached: `npm run bench`, or `npm run bench append queue` for some of them.
 *
 * Owns: which files are benchmarks (every `bench/*.ts` that exports `rows`), the machine's description, `RESULTS.md`.
 * Invariants: a benchmark that cannot run is a row that is not ok and says why; a partial run is printed and not written, so that
 * RESULTS.md is always of one run on one machine at one commit.
 */
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { readdir, writeFile } from "node:fs/promises"
import { cpus, totalmem } from "node:os"
import { fileURLToPath } from "node:url"
import postgres from "postgres"
import { type Row, server, stopServer } from "./support.ts"

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const main = async (): Promise<void> => {
  const wanted = process.argv.slice(2)
  const all = (await readdir(here(".")))
    .filter((file) => file.endsWith(".ts") && file !== "run.ts" && !file.startsWith("support"))
    .map((file) => file.replace(/\.ts$/, ""))
    .toSorted()
  const unknown = wanted.filter((name) => !all.includes(name))
  if (unknown.length > 0) throw new Error(`no benchmark ${unknown.join(", ")}; there are ${all.join(", ")}`)
  if (!existsSync(here("peers/node_modules"))) {
    process.stderr.write("installing what is compared with (bench/peers)\n")
    execFileSync("npm", ["ci", "--no-audit", "--no-fund"], {
      cwd: here("peers"),
      stdio: ["ignore", "ignore", "inherit"]
    })
  }
  const rows: Array<Row> = []
  for (const name of wanted.length === 0 ? all : wanted) {
    process.stderr.write(`${name} …\n`)
    rows.push(...(await measure(name)))
  }
  const report = `${await heading()}\n${table(rows)}\n`
  await stopServer()
  process.stdout.write(report)
  if (wanted.length === 0) await writeFile(here("RESULTS.md"), report)
  if (rows.some((row) => !row.ok)) process.exitCode = 1
}

const measure = async (name: string): Promise<ReadonlyArray<Row>> => {
  try {
    const found: { readonly rows: () => Promise<ReadonlyArray<Row>> } = await import(`./${name}.ts`)
    return await found.rows()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    // where things lie on this machine is nobody's business, and the report is committed
    const short = why
      .replaceAll(/(?:\/[^\s/|]+){2,}/g, "…")
      .replaceAll(/\s+/g, " ")
      .slice(0, 200)
    return [{ what: `${name}: not measured`, ours: short, against: "", ratio: null, target: "", ok: false }]
  }
}

const heading = async (): Promise<string> => {
  const git = (...args: ReadonlyArray<string>): string =>
    execFileSync("git", [...args], { cwd: here("."), encoding: "utf8" }).trim()
  const dirty = git("status", "--porcelain", "--untracked-files=no") === "" ? "" : " with uncommitted changes"
  const sql = postgres((await server()).url, { max: 1 })
  const [version] = await sql<{ v: string }[]>`select current_setting('server_version') as v`
  const durable = await sql<{ name: string; setting: string }[]>`select name, setting from pg_settings
    where name in ('fsync', 'full_page_writes', 'synchronous_commit') order by name`
  await sql.end()
  const model = cpus()[0]?.model ?? "unknown"
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  return `# What was reached

Made by \`npm run bench\`; every comparison was measured within this one run, in turns, median of the rounds.

- Machine: ${model}, ${cpus().length} cores, ${memory}; everything (Postgres, hosts, both sides) on this one machine
- Postgres ${version?.v}, ${durable.map(({ name, setting }) => `${name} ${setting}`).join(", ")}; Node ${process.versions.node}
- Commit: ${git("rev-parse", "--short", "HEAD")}${dirty}, ${new Date().toISOString().slice(0, 10)}
`
}

const table = (rows: ReadonlyArray<Row>): string =>
  [
    "| what | ours | against | ratio | target | ok |",
    "|---|---|---|---|---|---|",
    ...rows.map(
      (row) =>
        `| ${row.what} | ${row.ours} | ${row.against} | ${row.ratio === null ? "" : `${row.ratio.toFixed(2)}×`} | ${row.target} | ${row.ok ? "yes" : "**no**"} |`
    )
  ].join("\n")

await main()
