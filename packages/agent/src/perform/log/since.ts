/**
 * "2 hours ago" as journalctl takes it whatever its version: a number of seconds, or its own words where they are the same everywhere.
 *
 * Owns: that reading. Does not own: which words are allowed (`action/arguments.ts`).
 */
const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }

export const sinceArgument = (since: string, now: number): string => {
  const ago = /^(\d{1,5}) ?([smhdw])/u.exec(since)
  if (since.endsWith(" ago") && ago !== null)
    return `@${Math.floor(now / 1000) - Number(ago[1]) * (seconds[ago[2] ?? "s"] ?? 1)}`
  const zoned = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})$/u.test(since)
  if (zoned) {
    const at = Date.parse(since.replace(" ", "T"))
    if (Number.isFinite(at)) return `@${Math.floor(at / 1000)}`
  }
  return since.replace("T", " ")
}
