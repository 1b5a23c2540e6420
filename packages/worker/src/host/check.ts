/**
 * A look at a host: who we are there, how it fares, which tools it has. One exec of one POSIX script.
 *
 * Owns: the script, reading its answer into `HostReport`, the warnings. Does not own: when a host is looked at, alerts.
 * Invariants: a host that cannot be reached is a report, not an error; what could not be read is absent, never a guess; no tool
 * holds the look up for more than 5 seconds, and all are asked at once.
 */
import type { HostConfig } from "@signalbox/core/host/config.ts"
import { HostReport } from "@signalbox/core/host/report.ts"
import { Clock, Effect, Schema } from "effect"
import { framed, lastWords, quote } from "./reply.ts"
import { script } from "./script/text.ts"
import { scriptsVersion } from "./script/all.ts"
import { Transport } from "./Transport.ts"

export interface ToolProbe {
  readonly name: string
  readonly binary: string
  readonly versionArgs: ReadonlyArray<string>
}

export const check = Effect.fn("check")(function* (host: HostConfig, tools: ReadonlyArray<ToolProbe>) {
  const transport = yield* Transport
  // The first may dial; the time of the second command is the way there and back.
  const first = yield* Effect.result(reach(transport, host))
  if (first._tag === "Failure") return unreachable(first.failure.message)
  const before = yield* Clock.currentTimeMillis
  const ping = yield* Effect.result(transport.exec(host, ":", { timeoutMs: 20_000 }))
  const latencyMs = (yield* Clock.currentTimeMillis) - before
  if (ping._tag === "Failure") return unreachable(ping.failure.message)
  const ran = yield* Effect.result(
    transport.exec(host, "exec /bin/sh -s", { input: probeScript(tools), timeoutMs: 30_000, maxBytes: 1024 * 1024 })
  )
  if (ran._tag === "Failure") return unreachable(ran.failure.message)
  const lines = framed(ran.success.out)
  if (lines === undefined)
    return unreachable(
      `${host.name} answers, but runs no shell script for us: ${lastWords(ran.success.err) || "no output"}`
    )
  return yield* Schema.decodeUnknownEffect(HostReport)(readReport(lines, tools, latencyMs)).pipe(
    Effect.catchTag("SchemaError", (error) =>
      Effect.succeed(unreachable(`the answer of ${host.name} was not understood: ${error.message}`))
    )
  )
})

/** Once more when it breaks: a pooled connection may be one that the host has forgotten, in a reboot. */
const reach = (transport: Transport["Service"], host: HostConfig) => {
  const hello = transport.exec(host, "true", { timeoutMs: 20_000 })
  return hello.pipe(Effect.catchTag("HostUnreachable", (error) => Effect.mapError(hello, () => error)))
}

const unreachable = (problem: string): HostReport => ({ reachable: false, problem, warnings: [] })

const base = script`
PATH=$PATH:$HOME/.local/bin:$HOME/bin:/usr/local/bin; export PATH
say() { printf '%s %s\n' "$1" "$2"; }
printf '\n@signalbox\n'
[ -r /etc/os-release ] && say os "$(. /etc/os-release; printf '%s' "$PRETTY_NAME")"
say kernel "$(uname -sr)"
say user "$(id -un)"
say uid "$(id -u)"
[ -r /proc/sys/kernel/random/boot_id ] && read -r x </proc/sys/kernel/random/boot_id && say boot "$x"
[ -r /proc/uptime ] && read -r x y </proc/uptime && say uptime "$x"
[ -r /proc/loadavg ] && read -r x y z r </proc/loadavg && say load "$x $y $z"
say cpus "$(getconf _NPROCESSORS_ONLN 2>/dev/null || nproc 2>/dev/null)"
if [ -r /proc/meminfo ]; then while read -r k v u; do case $k in MemTotal:) say memTotal "$v" ;; MemAvailable:) say memAvailable "$v" ;; esac; done </proc/meminfo; fi
say disk "$(df -Pk "$HOME" 2>/dev/null | { read -r x; read -r a b c d r; echo "$d"; })"
if command -v tmux >/dev/null 2>&1; then say tmux "$(tmux -V 2>/dev/null)"; else say tmux missing; fi
say sessions "$(TMUX_TMPDIR="$HOME/.signalbox/tmux" tmux -L sbx list-sessions -F '#S' 2>/dev/null | grep -vc '^standby-')"
if command -v loginctl >/dev/null 2>&1; then
  say linger "$(loginctl show-user "$(id -un)" -p Linger --value 2>/dev/null)"
  say killUser "$(loginctl show-user -p KillUserProcesses --value 2>/dev/null)"
fi
for x in "$HOME"/.signalbox/bin/*/ok; do [ -f "$x" ] && { x=\${x%/ok}; say scripts "\${x##*/}"; }; done
w=$(mktemp -d 2>/dev/null) || w=
[ -n "$w" ] && trap 'rm -rf "$w"' EXIT
t=; command -v timeout >/dev/null 2>&1 && t="timeout 5"
tool() {
  n=$1; shift; p=$(command -v "$1" 2>/dev/null) || { say tool "$n missing"; return; }
  [ -n "$w" ] && [ -n "$t" ] || { say tool "$n found"; return; }
  shift
  # The answer goes through a file: two tools that answer at once must not mix.
  { v=$($t "$p" "$@" </dev/null 2>&1 | head -c 2000 | grep -m 1 '[0-9]'); printf 'tool %s found %s\n' "$n" "$v" >"$w/$n"; } &
}
`

/** Words of people's own tools are quoted, and are input, never the command line. */
const probeScript = (tools: ReadonlyArray<ToolProbe>): string => {
  const calls = tools.map((tool, n) => `tool ${n} ${[tool.binary, ...tool.versionArgs].map(quote).join(" ")}`)
  return `${base}${calls.join("\n")}\nwait\nfor x in "$w"/*; do [ -f "$x" ] && cat "$x"; done\necho @end\nexit 0\n`
}

const readReport = (lines: ReadonlyArray<string>, tools: ReadonlyArray<ToolProbe>, latencyMs: number): unknown => {
  const told = new Map<string, string>()
  const versions = new Map<number, string | null>()
  const installed = new Set<string>()
  for (const line of lines) {
    const space = line.indexOf(" ")
    if (space < 0) continue
    const key = line.slice(0, space)
    const value = printable(line.slice(space + 1))
    if (key === "tool") {
      const [, n = "", how = "", version = ""] = /^(\d+) (missing|found) ?(.*)$/u.exec(value) ?? []
      if (how !== "") versions.set(Number(n), how === "missing" ? null : version === "" ? "version unknown" : version)
    } else if (key === "scripts") installed.add(value)
    else if (value !== "") told.set(key, value)
  }
  const number = (key: string, factor = 1): number | undefined => {
    const value = told.get(key)
    return value !== undefined && /^\d+(?:\.\d+)?$/u.test(value) ? Number(value) * factor : undefined
  }
  const load = (told.get("load") ?? "").split(" ").map(Number)
  const root = number("uid") === undefined ? undefined : number("uid") === 0
  const tmux = told.get("tmux")
  const warnings: Array<string> = []
  if (tmux === "missing") warnings.push("tmux is missing: no task can be started here (apt install tmux)")
  if (told.get("boot") === undefined) warnings.push("this is not Linux (no /proc): tasks need it")
  if (root === false && told.get("killUser") === "yes" && told.get("linger") !== "yes")
    warnings.push(
      `tasks end at logout (KillUserProcesses=yes without linger): sudo loginctl enable-linger ${told.get("user")}`
    )
  const disk = number("disk", 1024)
  if (disk !== undefined && disk < 100 * 1024 * 1024) warnings.push("less than 100 MB are free in the home directory")
  if (installed.size > 0 && !installed.has(scriptsVersion))
    warnings.push("the scripts there are of another version: the next task brings this one's")
  return withoutUndefined({
    reachable: true,
    latencyMs,
    os: told.get("os"),
    kernel: told.get("kernel"),
    user: told.get("user"),
    root,
    bootId: told.get("boot"),
    uptimeSeconds: number("uptime"),
    load: load.length === 3 && load.every(Number.isFinite) ? load : undefined,
    cpus: number("cpus"),
    memoryTotalBytes: number("memTotal", 1024),
    memoryAvailableBytes: number("memAvailable", 1024),
    diskFreeBytes: disk,
    tmux: tmux === undefined ? undefined : tmux === "missing" ? null : tmux.replace(/^tmux /u, ""),
    tools: tools.flatMap((tool, n) => {
      const version = versions.get(n)
      return version === undefined ? [] : [{ name: tool.name, version }]
    }),
    sessions: number("sessions"),
    warnings
  })
}

const printable = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Cf}]/gu, "")
    .trim()
    .slice(0, 200)

const withoutUndefined = (record: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
