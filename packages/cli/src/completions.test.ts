/** What a person sees after Tab, in the real shells. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { Pane } from "../../../test/support/pane.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const directory = mkdtempSync(join(tmpdir(), "completions-"))
const program = join(root, "packages/cli/bin/signalbox.mjs")
const file = (name: string): string => join(directory, name)
const has = (shell: string): boolean => {
  try {
    execFileSync(shell, ["-c", "true"])
    return true
  } catch {
    return false
  }
}
/** Nothing is left out in CI; elsewhere the name of the test says what is missing. */
const where = (shell: string): string => (has(shell) ? shell : `${shell}, which is not installed here`)
const runs = (shell: string): boolean => has(shell) || process.env["CI"] !== undefined

beforeAll(() => {
  for (const [shell, name] of [
    ["bash", "signalbox.bash"],
    ["zsh", "_signalbox"],
    ["fish", "signalbox.fish"]
  ] as const)
    writeFileSync(file(name), execFileSync(process.execPath, [program, "--completions", shell], { maxBuffer: 1e7 }))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const nouns = ["up", "hub", "worker", "tui", "audit", "task", "host", "tool", "schedule", "events", "status", "servers"]
const db = ["migrate", "status", "url", "psql", "rebuild", "parked", "retry"]
/** What is typed, what must be offered, what must not. */
const table: ReadonlyArray<readonly [string, ReadonlyArray<string>, ReadonlyArray<string>]> = [
  ["signalbox ", [...nouns, "create", "list", "logs", "kill", "db", "doctor"], ["migrate", "show"]],
  ["signalbox db ", db, ["up", "task", "show"]],
  ["signalbox task ", ["create", "list", "show", "wait", "kill", "attach"], ["doctor", "add"]],
  ["signalbox host list --", ["--tag", "--json"], ["--status", "--since", "--limit", "--tool"]],
  ["signalbox task list --", ["--status", "--since", "--limit", "--json"], ["--tag", "--accept-new"]],
  ["signalbox list --", ["--status", "--since"], ["--tag", "--accept-new"]],
  ["signalbox host add --", ["--address", "--accept-new", "--key"], ["--priority", "--cron"]]
]
const check = (
  line: string,
  offered: ReadonlyArray<string>,
  must: ReadonlyArray<string>,
  not: ReadonlyArray<string>
) => {
  assert.includeMembers([...offered], [...must], line)
  assert.deepStrictEqual(
    not.filter((word) => offered.includes(word)),
    [],
    line
  )
}

describe("completions", () => {
  it.runIf(runs("bash"))(`in ${where("bash")}`, () => {
    for (const [line, must, not] of table) {
      const words = line.split(" ")
      const script = `source ${file("signalbox.bash")}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})
        COMP_CWORD=${words.length - 1}; COMP_LINE='${line}'; COMP_POINT=${line.length}
        _signalbox; printf '%s\\n' "\${COMPREPLY[@]}"`
      const said = execFileSync("bash", ["--norc", "--noprofile", "-c", script], { encoding: "utf8" })
      check(
        line,
        said.split("\n").map((one) => one.trim()),
        must,
        not
      )
    }
  })

  it.runIf(runs("fish"))(`in ${where("fish")}`, () => {
    for (const [line, must, not] of table) {
      const said = execFileSync(
        "fish",
        ["--no-config", "-c", `source ${file("signalbox.fish")}; complete -C ${JSON.stringify(line)}`],
        { encoding: "utf8", env: { ...process.env, HOME: directory } }
      )
      check(
        line,
        said.split("\n").map((one) => one.split("\t")[0] ?? ""),
        must,
        not
      )
    }
  })

  it.runIf(runs("zsh"))(
    `in ${where("zsh")}, on a terminal`,
    async () => {
      const pane = new Pane("zsh-completions")
      try {
        await pane.start(["zsh", "-f", "-i"], 120, 60, { HOME: directory, ZDOTDIR: directory })
        const setUp = [
          `fpath=(${directory} $fpath)`,
          "autoload -Uz compinit",
          `compinit -u -d ${file("dump")}`,
          "unsetopt auto_menu",
          "LISTMAX=1000",
          "PS1='ready> '"
        ]
        await pane.type(setUp.join("; "))
        await pane.keys("Enter")
        await pane.until(/^ready> *$/mu)
        for (const [line, must, not] of table) {
          await pane.keys("C-l")
          await pane.until(/^ready> *\n*$/u)
          await pane.type(line)
          await pane.until(new RegExp(`^ready> ${line.trimEnd()}`, "u"))
          await pane.keys("Tab")
          const all = must.map((word) => `(?=[^]*\\n(?:.*\\s)?${word}(?:\\s|$))`)
          const shot = await pane.until(new RegExp(`^${all.join("")}`, "u"))
          const offered = shot
            .split("\n")
            .slice(1)
            .flatMap((one) => (one.split(" -- ")[0] ?? "").trim().split(/\s+/u))
          check(line, offered, must, not)
          await pane.keys("C-c")
          await pane.until(/ready> *\n*$/u)
        }
        await pane.keys("C-l")
        await pane.type("signalbox task att")
        await pane.keys("Tab")
        await pane.until(/^ready> signalbox task attach/u)
      } finally {
        await pane.stop()
      }
    },
    300_000
  )
})
