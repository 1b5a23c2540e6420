/**
 * What dpkg and apt know: installed versions, candidates, what an upgrade would do.
 *
 * Owns: asking and reading. Does not own: changing anything (`apt.ts`).
 * Invariants: a name is a package only when apt knows it exactly so: apt itself would take `nginx-` for "remove nginx" and a name with
 * a dot for a pattern.
 */
import { run, programPath } from "../child.ts"
import { NotDone, Refused } from "../outcome.ts"
import { clean } from "../text/clean.ts"

export interface Installed {
  readonly name: string
  readonly version: string
  readonly arch: string
}

const format = "${db:Status-Abbrev}\\t${Package}\\t${Version}\\t${Architecture}\\n"

export const refuseWithoutApt = async (): Promise<void> => {
  if ((await programPath("apt-get")) === undefined || (await programPath("dpkg-query")) === undefined)
    throw new Refused({ why: "This host has no apt: packages are handled on Debian and its kin only." })
}

export const installedPackages = async (signal: AbortSignal): Promise<ReadonlyArray<Installed>> => {
  const ran = await run("dpkg-query", ["--show", `--showformat=${format}`], { signal, maxBytes: 32 * 1024 * 1024 })
  if (ran.code !== 0) throw new NotDone({ why: `dpkg-query could not list the packages: ${clean(ran.stderr, 300)}` })
  return parseInstalled(ran.stdout)
}

/** Second letter `i`: wholly installed; anything else is half of it, or only configuration. */
export const parseInstalled = (text: string): ReadonlyArray<Installed> =>
  text.split("\n").flatMap((line) => {
    const [status = "", name = "", version = "", arch = ""] = line.split("\t")
    return status[1] === "i" ? [{ name, version, arch }] : []
  })

/** By name, and by name:arch. */
export const versionsOf = (installed: ReadonlyArray<Installed>): ReadonlyMap<string, string> =>
  new Map(
    installed.flatMap(({ name, version, arch }) => [[name, version] as const, [`${name}:${arch}`, version] as const])
  )

/** Those of the names that apt has a candidate for. */
export const candidates = async (
  names: ReadonlyArray<string>,
  signal: AbortSignal
): Promise<ReadonlyMap<string, string>> => {
  const ran = await run("apt-cache", ["policy", "--", ...names], { signal })
  return parsePolicy(ran.stdout, names)
}

export const parsePolicy = (text: string, names: ReadonlyArray<string>): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  let at = ""
  for (const line of text.split("\n")) {
    const name = /^(\S+):$/u.exec(line)?.[1]
    if (name !== undefined) at = name
    const candidate = /^ {2}Candidate: (\S+)$/u.exec(line)?.[1]
    // apt leaves the host's own architecture out of the name
    const asked = names.includes(at) ? at : names.find((one) => one.startsWith(`${at}:`))
    if (candidate !== undefined && candidate !== "(none)" && asked !== undefined) found.set(asked, candidate)
  }
  return found
}

export interface Pending {
  readonly name: string
  readonly from: string
  readonly to: string
  readonly source: string
}

/** Of apt-get --simulate: "Inst libc6 [2.36-9] (2.36-10 Debian:12.1/stable [amd64]) []". */
export const parsePending = (text: string): ReadonlyArray<Pending> =>
  text.split("\n").flatMap((line) => {
    const found = /^Inst (\S+) \[([^\]]+)\] \((\S+) ([^)]*)\)/u.exec(line)
    if (found === null) return []
    const [, name = "", from = "", to = "", source = ""] = found
    return [{ name, from, to, source: clean(source.replace(/ \[[^\]]*\]$/u, ""), 200) }]
  })
