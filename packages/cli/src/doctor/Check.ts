/** One line of `signalbox doctor`. Invariant: what is not ok says how it is mended. */
export interface Check {
  readonly name: string
  readonly status: "ok" | "warn" | "fail"
  readonly detail: string
  readonly mend?: string
}

export const ok = (name: string, detail: string): Check => ({ name, status: "ok", detail })
export const warn = (name: string, detail: string, mend: string): Check => ({ name, status: "warn", detail, mend })
/** Without a mend of its own: `detail` says it already. */
export const fail = (name: string, detail: string, mend?: string): Check => ({
  name,
  status: "fail",
  detail,
  ...(mend === undefined ? {} : { mend })
})
