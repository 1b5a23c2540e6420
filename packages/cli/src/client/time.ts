/** Durations and moments as people write them. Pure. */

/** Or why not, without a full stop. */
export type Parsed<A> = { readonly value: A } | { readonly problem: string }

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** 90s, 10m, 2h, 1d, 1h30m, or plain milliseconds. */
export const parseDuration = (text: string): Parsed<number> => {
  const wrong = { problem: `"${text}" is not a duration: give 90s, 10m, 2h, 1d, 1h30m, or milliseconds` }
  if (/^\d{1,13}$/.test(text)) return { value: Number(text) }
  if (!/^(\d{1,9}(\.\d{1,3})?(ms|s|m|h|d))+$/.test(text)) return wrong
  let total = 0
  for (const [, amount, unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
    total += Number(amount) * (units[unit] ?? 0)
  return Number.isSafeInteger(Math.round(total)) ? { value: Math.round(total) } : wrong
}

/**
 * A time (ISO 8601; without a zone it is this machine's), or a distance from now.
 * @param direction 1: "10m" is in ten minutes; -1: "10m" was ten minutes ago
 * @returns ISO 8601 in UTC
 */
export const parseMoment = (text: string, now: number, direction: 1 | -1): Parsed<string> => {
  const distance = /^\d{1,13}$/.test(text) ? { problem: "" } : parseDuration(text)
  if ("value" in distance) return { value: new Date(now + direction * distance.value).toISOString() }
  const shaped = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(text)
  const local = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00` : text.replace(" ", "T")
  const at = shaped ? Date.parse(local) : Number.NaN
  return Number.isNaN(at)
    ? { problem: `"${text}" is not a time: give 2026-11-20T14:30, 2026-11-20T14:30:00Z, or a distance like 10m` }
    : { value: new Date(at).toISOString() }
}
