/**
 * The list of hosts, and one host in full.
 *
 * Owns: both drawings. Does not own: checking (worker), the form (`form.ts`).
 * Invariant: "not checked" is never shown as reachable, and what a check could not read is left out, not shown as missing.
 */
import { age, bytes, count, duration, exact, many } from "../format.ts"
import { agentCell, agentCellWidth, agentFacts } from "../agent/rows.ts"
import type { Host, Model } from "../model.ts"
import { type Row, exactly, named, say, said, saidRight } from "../row.ts"
import { empty, list } from "../screen/list.ts"
import type { Rect } from "../screen/panes.ts"
import { label, mark } from "../theme.ts"
import { oneLine, wrap } from "../text.ts"
import type { Ui } from "../ui.ts"

export const hostState = (host: Host, model: Model): string => {
  const checking = model.checking.has(host.name)
  if (host.agentAlone === true) return model.agents.byHost.get(host.name)?.online === true ? "online" : "offline"
  if (checking) return "checking"
  if (host.report === null) return "unchecked"
  return host.report.reachable ? "reachable" : "unreachable"
}

const load = (host: Host): string => (host.report?.load === undefined ? "" : (host.report.load[0] ?? 0).toFixed(2))

export const hostRow = (host: Host, model: Model, columns: number): Row => {
  const { glyph, word, color } = mark(hostState(host, model))
  const report = host.report
  const tools = report?.tools?.filter((t) => t.version !== null).map((t) => t.name) ?? []
  const { active, queued } = host.tasks
  const row: Array<Row[number]> = [
    say(` ${glyph} `, { color }),
    named(host.displayName ?? host.name, columns >= 60 ? 14 : 10),
    say(" ")
  ]
  if (columns >= 52) row.push(said(word, 11, { color }), say(" "))
  row.push(saidRight(report?.latencyMs === undefined ? "" : duration(report.latencyMs), 6, { dim: true }))
  row.push(
    saidRight(load(host), 6),
    say("  "),
    saidRight(active + queued === 0 ? "" : `▸${active} ◌${queued}`, 8),
    say("  ")
  )
  if (model.agents.byHost.size > 0 && columns >= 54 + agentCellWidth)
    row.push(...agentCell(model.agents.byHost.get(host.name)), say("  "))
  row.push(said(report?.reachable === false ? (report.problem ?? "") : tools.join(" "), columns))
  return exactly(row, columns)
}

export const hostList = (ui: Ui, model: Model, rect: Rect): ReadonlyArray<Row> => {
  const { rows, ids, total } = model.hosts
  const size = { columns: rect.columns, rows: rect.rows - 1 }
  const drawn =
    rows.length === 0
      ? empty(
          model.loaded
            ? total === 0
              ? "No hosts. Press c to add one."
              : "No host has these words. esc clears the filter."
            : "Reading the log…",
          size
        )
      : list(ids, ui.anchors.hosts, size, ui.focus === "list" && ui.overlay === undefined, (i, columns) =>
          hostRow(rows[i]!, model, columns)
        )
  const up = rows.filter((h) => h.report?.reachable === true).length
  const { byHost, online } = model.agents
  const agents = byHost.size === 0 ? "" : ` · agents online ${count(online)} of ${count(byHost.size)}`
  const summary: Row = [say(` ${many(rows.length, "host")} · reachable ${count(up)}${agents}`, { dim: true })]
  return [...drawn, ...Array.from({ length: Math.max(0, size.rows - drawn.length) }, (): Row => []), summary]
}

export const hostDetail = (ui: Ui, model: Model, host: Host | undefined, rect: Rect): ReadonlyArray<Row> => {
  if (host === undefined) return [[], [say("  Nothing is selected.", { dim: true })]]
  const rows = hostFacts(host, model, rect.columns)
  return rows.slice(Math.max(0, Math.min(ui.detail, rows.length - rect.rows)))
}

const hostFacts = (host: Host, model: Model, columns: number): ReadonlyArray<Row> => {
  const { glyph, word, color } = mark(hostState(host, model))
  const report = host.report
  const inner = Math.max(1, columns - 15)
  const rows: Array<Row> = [
    [said(host.name, Math.max(1, columns - 14), { bold: true }), say(`${glyph} ${word}`, { color })]
  ]
  const fact = (name: string, text: string | undefined, style = {}): void => {
    if (text === undefined || text === "") return
    wrap(oneLine(text, inner * 8), inner).forEach((line, i) =>
      rows.push([label(i === 0 ? oneLine(name, 15) : "", 15), say(line, style)])
    )
  }
  const agent = model.agents.byHost.get(host.name)
  if (agent === undefined && host.kind === "ssh")
    fact("agent", `none: instructions reach it after signalbox host prepare ${host.name} --agent`, { dim: true })
  for (const { name, text, color: shade } of agent === undefined ? [] : agentFacts(agent, model.now))
    fact(name, text, shade === undefined ? {} : { color: shade })
  if (host.agentAlone === true) {
    fact("from", host.address)
    fact("tags", host.tags.join(" "))
    fact("tasks", "none can run here: c adds it as a host that is reached over SSH")
    return rows
  }
  fact(
    "reach",
    host.kind === "local"
      ? "this machine"
      : `${host.user === undefined ? "" : `${host.user}@`}${host.address}:${host.port}`
  )
  fact("through", host.jump)
  fact("key file", host.keyFile)
  fact("tags", host.tags.join(" "))
  fact("pinned", host.fingerprint ?? undefined)
  fact("key", host.keyProblem ?? undefined, { color: "red" })
  fact(
    "checked",
    host.checkedAt === null
      ? "not yet; r checks it now"
      : `${age(host.checkedAt, model.now)} ago, ${exact(host.checkedAt)}`
  )
  fact("problem", report?.problem, { color: "red" })
  const { active, queued, settled } = host.tasks
  fact("tasks", `${count(active)} running · ${count(queued)} queued · ${count(settled)} ended`)
  fact("watcher", host.watcher ?? undefined)
  if (report !== null) {
    fact("latency", report.latencyMs === undefined ? undefined : duration(report.latencyMs))
    fact("system", [report.os, report.kernel].filter((x) => x !== undefined).join(" · "))
    fact("up", report.uptimeSeconds === undefined ? undefined : duration(report.uptimeSeconds * 1000))
    fact(
      "load",
      report.load === undefined
        ? undefined
        : `${report.load.map((x) => x.toFixed(2)).join(" ")}${report.cpus === undefined ? "" : ` on ${report.cpus} CPUs`}`
    )
    fact(
      "memory",
      report.memoryAvailableBytes === undefined
        ? undefined
        : `${bytes(report.memoryAvailableBytes)} free${report.memoryTotalBytes === undefined ? "" : ` of ${bytes(report.memoryTotalBytes)}`}`
    )
    fact("disk", report.diskFreeBytes === undefined ? undefined : `${bytes(report.diskFreeBytes)} free`)
    if (report.tmux !== undefined)
      fact(
        "tmux",
        report.tmux ?? "missing: tasks cannot run here until it is installed",
        report.tmux === null ? { color: "red" } : {}
      )
    for (const tool of report.tools ?? [])
      fact(tool.name, tool.version ?? "not found", tool.version === null ? { dim: true } : {})
    for (const warning of report.warnings) fact("warning", warning, { color: "yellow" })
  }
  return rows
}
