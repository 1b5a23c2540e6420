/** What was looked at before an act, for whoever approves it. Pure; nothing is imported, because proposals are shown at once. */
export interface Looked {
  readonly reads?: ReadonlyArray<{ readonly purpose: string; readonly host: string; readonly summary?: string }>
}

/** What the hosts' agents told was there before the act, and which hosts told the same. */
export const beforeOf = (
  targets: ReadonlyArray<Looked>
): ReadonlyArray<readonly [summary: string, hosts: ReadonlyArray<string>]> => {
  const told = new Map<string, ReadonlyArray<string>>()
  for (const target of targets)
    for (const read of target.reads ?? [])
      if (read.purpose === "before" && read.summary !== undefined)
        told.set(read.summary, [...(told.get(read.summary) ?? []), read.host])
  return [...told]
}
