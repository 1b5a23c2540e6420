/**
 * Numbers and times as a person reads them at a glance.
 *
 * Owns: relative times, durations, bytes, counts, money. Does not own: where they stand (views).
 * Invariant: `now` is always given, never read from a clock, so that replay shows the times of its own moment.
 */

/** `0s 12s 4m 3h 2d 5w`; a moment in the future is `0s`. */
export const age = (at: string | number | undefined, now: number): string => {
  const then = typeof at === "string" ? Date.parse(at) : at
  if (then === undefined || Number.isNaN(then)) return ""
  return coarse(Math.max(0, now - then))
}

const coarse = (ms: number): string => {
  const s = Math.floor(ms / 1000)
  if (s < 60) return `${s}s`
  if (s < 3600) return `${Math.floor(s / 60)}m`
  if (s < 86_400) return `${Math.floor(s / 3600)}h`
  if (s < 86_400 * 14) return `${Math.floor(s / 86_400)}d`
  return `${Math.floor(s / (86_400 * 7))}w`
}

/** `840ms 4.2s 38s 4m 12s 1h 03m 2d 4h` */
export const duration = (ms: number): string => {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`
  const s = Math.floor(ms / 1000)
  if (s < 10) return `${(Math.floor(ms / 100) / 10).toFixed(1)}s`
  if (s < 60) return `${s}s`
  if (s < 3600) return `${Math.floor(s / 60)}m ${pad(s % 60)}s`
  if (s < 86_400) return `${Math.floor(s / 3600)}h ${pad(Math.floor((s % 3600) / 60))}m`
  return `${Math.floor(s / 86_400)}d ${Math.floor((s % 86_400) / 3600)}h`
}

/** `14:30:22` in the reader's time zone. */
export const clock = (at: string | number): string => {
  const d = new Date(at)
  if (Number.isNaN(d.getTime())) return ""
  return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`
}

/** `2026-11-20 14:30:22` in the reader's time zone. */
export const exact = (at: string | number): string => {
  const d = new Date(at)
  if (Number.isNaN(d.getTime())) return ""
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${clock(at)}`
}

/** `18,442` whatever the locale. */
export const count = (n: number): string => String(Math.trunc(n)).replace(/\B(?=(?:\d{3})+$)/gu, ",")

/** `1 task`, `214 tasks` */
export const many = (n: number, name: string): string => `${count(n)} ${name}${n === 1 ? "" : "s"}`

/** `812 bytes 18.4 kB 3.1 MB 2.0 GB` */
export const bytes = (n: number): string => {
  if (n < 1000) return `${n} bytes`
  for (const [unit, size] of [
    ["kB", 1e3],
    ["MB", 1e6],
    ["GB", 1e9]
  ] as const) {
    if (n < size * 1000 || unit === "GB") return `${(n / size).toFixed(1)} ${unit}`
  }
  return `${n} bytes`
}

/** `950 41.2k 3.1M` */
export const short = (n: number): string =>
  n < 1000 ? String(n) : n < 1e6 ? `${(n / 1e3).toFixed(1)}k` : `${(n / 1e6).toFixed(1)}M`

export const dollars = (n: number): string => (n > 0 && n < 0.01 ? "<$0.01" : `$${n.toFixed(2)}`)

const pad = (n: number): string => String(n).padStart(2, "0")
