/** Five cron fields and a time zone to the next planned time. Pure; minute precision. */
import { Cron, Result } from "effect"

/** @returns a sentence when the expression or the zone is wrong */
export const parseCron = (cron: string, timezone: string): Result.Result<Cron.Cron, string> => {
  if (cron.trim().split(/\s+/).length !== 5)
    return Result.fail(
      `"${cron}" is not a cron expression: give five fields, minute hour day month weekday, like "0 3 * * 1"`
    )
  try {
    Intl.DateTimeFormat("en", { timeZone: timezone })
  } catch {
    return Result.fail(`"${timezone}" is not a time zone: give an IANA name like Europe/Berlin or UTC`)
  }
  return Result.mapError(
    Cron.parse(cron, timezone),
    (error) =>
      `"${cron}" is not a cron expression: ${error.message}. Fields are minute hour day month weekday, like "0 3 * * 1"`
  )
}

/** @returns the first planned time after `after`, null when the expression is broken or never matches */
export const nextOccurrence = (cron: string, timezone: string, after: Date): Date | null => {
  const parsed = parseCron(cron, timezone)
  if (Result.isFailure(parsed)) return null
  try {
    return Cron.next(parsed.success, after)
  } catch {
    return null
  }
}
