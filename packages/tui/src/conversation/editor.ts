/**
 * A text through a person's own editor.
 *
 * Owns: the file and the child. Does not own: the terminal, which the child has meanwhile (`terminal.ts`).
 * Invariants: the file is readable by nobody else and gone afterwards; an editor that fails leaves the text as it was.
 */
import { spawn } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** @returns undefined: it was left as it was */
export const edit = async (text: string): Promise<string | undefined> => {
  const program = process.env["VISUAL"] || process.env["EDITOR"] || "vi"
  const directory = await mkdtemp(join(tmpdir(), "signalbox-message-"))
  const file = join(directory, "message.md")
  try {
    // Editors want the last line ended, too; the message is taken without that end.
    const given = text === "" || text.endsWith("\n") ? text : `${text}\n`
    await writeFile(file, given, { mode: 0o600 })
    await new Promise<void>((resolve, reject) => {
      // As git does: the variable may hold options, so a shell splits it; the file's name is never part of the command.
      const child = spawn("sh", ["-c", `${program} "$1"`, "sh", file], { stdio: "inherit" })
      child.once("error", (error) => reject(new Error(`The editor could not start: ${error.message}`)))
      child.once("exit", (code, signal) => {
        if (code === 0) resolve()
        else
          reject(new Error(`The editor ${program} ended with ${signal ?? `code ${code}`}. The message is as it was.`))
      })
    })
    const edited = await readFile(file, "utf8")
    return edited === given ? undefined : edited
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
