/**
 * What can go wrong with the Postgres that this program brings with it, each as one sentence with its mend.
 *
 * Owns: the error and the reading of foreign failures (errno, the server's own words). Does not own: any act.
 */
import { Schema } from "effect"

const Problem = Schema.Literals([
  "no-binaries",
  "wrong-architecture",
  "no-user",
  "closed",
  "missing",
  "unwritable",
  "disk-full",
  "port-taken",
  "other-version",
  "password",
  "crashed",
  "timeout",
  "failed"
])
export type Problem = typeof Problem.Type

/** The embedded Postgres cannot be used. `detail` is a path, a port or the server's own words, by `problem`. */
export class EmbeddedPostgresError extends Schema.TaggedError<EmbeddedPostgresError>()("EmbeddedPostgresError", {
  problem: Problem,
  detail: Schema.String
}) {
  override get message(): string {
    return sentence[this.problem](this.detail)
  }
}

const another = "set DATABASE_URL to a Postgres of your own"
const sentence: Record<Problem, (detail: string) => string> = {
  "no-binaries": (d) =>
    `There is no built-in Postgres for this machine (${d}). Install again with npm ci, or ${another}.`,
  "wrong-architecture": (d) =>
    `The built-in Postgres does not run on this machine (${d}). Run npm ci here, or ${another}.`,
  "no-user": (d) => `Postgres refuses to run as root, and ${d}. Create a user named postgres, or ${another}.`,
  closed: (d) =>
    `The database cannot be used by the user it must run as: ${d}. Open that directory or move $SIGNALBOX_HOME.`,
  missing: (d) =>
    `The database of this home was at ${d}, which is gone. Bring it back, or remove that link to begin anew.`,
  unwritable: (d) =>
    `The database cannot be stored: ${d}. Mend the permissions or set $SIGNALBOX_HOME to a directory of yours.`,
  "disk-full": (d) => `The disk is full: ${d}. Free some space (Postgres needs about 100 MB to begin) and start again.`,
  "port-taken": (d) =>
    `The database's port ${d} is used by another program. Stop that program, or start all of Signalbox again.`,
  "other-version": (d) =>
    `The database was made by another version of Postgres (${d}). Use the Signalbox that made it, or pg_upgrade.`,
  password: (d) => `The database does not accept the password in ${d}. Put the file back as it was, from a backup.`,
  crashed: (d) => `Postgres does not stay up. It said: ${d}`,
  timeout: (d) => `Postgres did not become ready in time (${d}). See its log, and start again.`,
  failed: (d) => `The built-in Postgres cannot be used: ${d}`
}

/** Reads what a call to the system or a child process said. `path` names the place it was about. */
export const toEmbeddedPostgresError = (cause: unknown, path: string): EmbeddedPostgresError => {
  if (cause instanceof EmbeddedPostgresError) return cause
  const said = [property(cause, "stderr"), cause instanceof Error ? cause.message : String(cause)].filter(Boolean)
  return new EmbeddedPostgresError(fromWords(property(cause, "code"), said.join(" "), path))
}

/** @param code errno of a system call or "" @param said the foreign message or the tail of the server's log */
export const fromWords = (code: string, said: string, path: string): { problem: Problem; detail: string } => {
  if (code === "ENOSPC" || code === "EDQUOT" || /No space left on device|Disk quota exceeded/i.test(said))
    return { problem: "disk-full", detail: path }
  if (["EACCES", "EPERM", "EROFS", "ENOTDIR"].includes(code) || /Permission denied|Read-only file system/i.test(said))
    return { problem: "unwritable", detail: firstLine(said) }
  if (code === "ENOEXEC" || /Exec format error|error while loading shared libraries|GLIBC_/i.test(said))
    return { problem: "wrong-architecture", detail: firstLine(said) }
  if (code === "28P01" || code === "28000") return { problem: "password", detail: path }
  if (/database files are incompatible with server/i.test(said))
    return { problem: "other-version", detail: firstLine(said) }
  return { problem: "failed", detail: firstLine(said) }
}

const firstLine = (said: string): string => {
  const lines = said.split("\n").map((line) => line.trim())
  return (
    lines.find((line) => /error|fatal|denied/i.test(line)) ?? lines.find((line) => line !== "") ?? "no reason given"
  )
}

const property = (cause: unknown, name: "code" | "stderr"): string => {
  if (typeof cause !== "object" || cause === null || !(name in cause)) return ""
  const value: unknown = Reflect.get(cause, name)
  return typeof value === "string" ? value : ""
}
