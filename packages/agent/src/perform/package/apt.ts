/**
 * package.list, upgradable, install and update.
 *
 * Owns: how apt-get is told, and the proof by dpkg. Does not own: reading what they say (`dpkg.ts`).
 * Invariants: apt-get asks nothing, removes nothing, keeps configuration files that people changed, and waits for another apt no
 * longer than two minutes; success is what dpkg says after it.
 */
import { setTimeout as delay } from "node:timers/promises"
import { type Ran, run } from "../child.ts"
import { CannotTell, NotDone, Refused } from "../outcome.ts"
import type { Performer, Performing } from "../Performer.ts"
import { clean, fitting, listBytes } from "../text/clean.ts"
import { type Pending, candidates, installedPackages, parsePending, refuseWithoutApt, versionsOf } from "./dpkg.ts"

const lockSeconds = 120
/** dpkg is asked to end, and given the time to do so between two packages. */
const graceMs = 30_000
const quiet = {
  DEBIAN_FRONTEND: "noninteractive",
  DEBIAN_PRIORITY: "critical",
  APT_LISTCHANGES_FRONTEND: "none",
  NEEDRESTART_MODE: "l",
  UCF_FORCE_CONFFOLD: "1"
}

export const listPackages: Performer<"package.list"> = async ({ text }, of) => {
  await refuseWithoutApt()
  const all = await installedPackages(of.signal)
  const found = text === undefined ? all : all.filter(({ name }) => name.includes(text))
  const { items, left } = fitting(
    found.map(({ name, version, arch }) => ({ name, version, arch })),
    listBytes
  )
  return {
    outcome: "succeeded",
    summary: `${found.length} ${found.length === 1 ? "package" : "packages"}${text === undefined ? "" : ` with ${text} in the name`}${left > 0 ? `; ${left} did not fit` : ""}.`,
    data: { packages: [...items], left }
  }
}

export const upgradablePackages: Performer<"package.upgradable"> = async (_args, of) => {
  await refuseWithoutApt()
  await refresh(of)
  const pending = await pendingUpgrades(of)
  const { items, left } = fitting(
    pending.map((one) => ({ ...one })),
    listBytes
  )
  return {
    outcome: "succeeded",
    summary:
      pending.length === 0
        ? "Everything is up to date."
        : `${pending.length} ${pending.length === 1 ? "package has" : "packages have"} a newer version.`,
    data: { packages: [...items], left }
  }
}

export const installPackages: Performer<"package.install"> = async ({ names }, of) => {
  await refuseWithoutApt()
  const before = versionsOf(await installedPackages(of.signal))
  if (!(await allKnown(names, of))) {
    await refresh(of)
    await refuseUnknown(names, of)
  }
  const ran = await aptGet(["install", "--", ...names], of)
  const after = versionsOf(await installedPackages(of.signal))
  const packages = names.map((name) => ({ name, before: before.get(name) ?? null, after: after.get(name) ?? null }))
  const missing = packages.filter((one) => one.after === null)
  const proven = missing.length === 0 && ran.code === 0
  return {
    outcome: proven ? "succeeded" : "failed",
    summary: proven
      ? packages
          .map(
            ({ name, before, after }) => `${name} ${after ?? ""} is installed${before === after ? ", as it was" : ""}.`
          )
          .join(" ")
      : `${missing.length === 0 ? "apt-get failed" : `${missing.map((one) => one.name).join(", ")} is not installed`}: ${aptWords(ran)}`,
    data: { packages, exitCode: ran.code },
    proven
  }
}

export const updatePackages: Performer<"package.update"> = async ({ names }, of) => {
  await refuseWithoutApt()
  await refresh(of)
  const wanted = names === undefined || names.length === 0 ? undefined : names
  if (wanted !== undefined) {
    const installed = versionsOf(await installedPackages(of.signal))
    const missing = wanted.filter((name) => !installed.has(name))
    if (missing.length > 0)
      throw new Refused({ why: `${missing.join(", ")} is not installed here. Install it instead.` })
  }
  const concerned = (pending: ReadonlyArray<Pending>) =>
    wanted === undefined
      ? pending
      : pending.filter(({ name }) => wanted.some((one) => one === name || one.startsWith(`${name}:`)))
  const due = concerned(await pendingUpgrades(of))
  if (wanted !== undefined) await refuseKept(wanted, due, of)
  if (due.length === 0)
    return {
      outcome: "succeeded",
      summary: "Everything was up to date; nothing was done.",
      data: { packages: [], left: 0 },
      proven: true
    }
  const ran = await aptGet(
    wanted === undefined
      ? ["upgrade", "--with-new-pkgs"]
      : ["install", "--only-upgrade", "--", ...due.map(({ name }) => name)],
    of
  )
  const after = versionsOf(await installedPackages(of.signal))
  const left = concerned(await pendingUpgrades(of)).filter((one) => due.some(({ name }) => name === one.name))
  const packages = due.map(({ name, from, to }) => ({ name, before: from, wanted: to, after: after.get(name) ?? null }))
  const proven =
    ran.code === 0 && left.length === 0 && packages.every((one) => one.after !== null && one.after !== one.before)
  const { items } = fitting(packages, listBytes)
  return {
    outcome: proven ? "succeeded" : "failed",
    summary: proven
      ? `${due.length} ${due.length === 1 ? "package was" : "packages were"} upgraded.`
      : `${left.length} of ${due.length} packages are not upgraded: ${aptWords(ran)}`,
    data: { packages: [...items], left: left.length, exitCode: ran.code },
    proven
  }
}

const pendingUpgrades = async (of: Performing): Promise<ReadonlyArray<Pending>> => {
  const ran = await run(
    "apt-get",
    ["--simulate", "--quiet", "--option=Debug::NoLocking=true", "upgrade", "--with-new-pkgs"],
    {
      signal: of.signal,
      env: quiet,
      timeoutMs: 120_000,
      maxBytes: 16 * 1024 * 1024
    }
  )
  if (ran.code !== 0) throw new NotDone({ why: `apt-get could not say what is due: ${aptWords(ran)}` })
  return parsePending(ran.stdout)
}

/** @throws Refused for a package that has a newer version which an upgrade would not take: that is not up to date */
const refuseKept = async (
  wanted: ReadonlyArray<string>,
  due: ReadonlyArray<Pending>,
  of: Performing
): Promise<void> => {
  const [installed, newest] = await Promise.all([installedPackages(of.signal), candidates(wanted, of.signal)])
  const versions = versionsOf(installed)
  const kept = wanted.filter((name) => {
    const candidate = newest.get(name)
    const isDue = due.some((one) => name === one.name || name.startsWith(`${one.name}:`))
    return candidate !== undefined && candidate !== versions.get(name) && !isDue
  })
  if (kept.length > 0)
    throw new Refused({
      why: `${kept.join(", ")} has a newer version that apt keeps back (held, or another package would have to go). Nothing was upgraded.`
    })
}

const refresh = async (of: Performing): Promise<void> => {
  const until = performance.now() + lockSeconds * 1_000
  let ran = await aptGet(["update", "--error-on=any"], of)
  // apt waits for the lock of dpkg, and not for the one on its lists
  while (ran.code !== 0 && /Could not get lock/u.test(ran.stderr) && performance.now() < until) {
    await delay(2_000, undefined, { signal: of.signal })
    ran = await aptGet(["update", "--error-on=any"], of)
  }
  if (ran.code !== 0) throw new NotDone({ why: `The lists of packages could not be read anew: ${aptWords(ran)}` })
}

const allKnown = async (names: ReadonlyArray<string>, of: Performing): Promise<boolean> =>
  (await candidates(names, of.signal)).size === new Set(names).size

const refuseUnknown = async (names: ReadonlyArray<string>, of: Performing): Promise<void> => {
  const known = await candidates(names, of.signal)
  const unknown = names.filter((name) => !known.has(name))
  if (unknown.length > 0) throw new Refused({ why: `apt knows no package ${unknown.join(", ")}.` })
}

const aptGet = async (args: ReadonlyArray<string>, of: Performing): Promise<Ran> => {
  const ran = await run(
    "apt-get",
    [
      "--yes",
      "--quiet",
      "--no-remove",
      `--option=DPkg::Lock::Timeout=${lockSeconds}`,
      "--option=Dpkg::Options::=--force-confdef",
      "--option=Dpkg::Options::=--force-confold",
      "--option=Dpkg::Use-Pty=0",
      ...args
    ],
    { signal: of.signal, env: quiet, graceMs, timeoutMs: 30 * 60_000 }
  )
  if (ran.ended !== "by itself")
    throw new CannotTell({ why: "The time for apt-get was over before it was done. Look at dpkg --audit on the host." })
  return ran
}

/** apt's own lines of error, which begin with E:. */
const aptWords = (ran: Ran): string =>
  clean(
    ran.stderr
      .split("\n")
      .filter((line) => /^[EW]:/u.test(line))
      .join(" ") || ran.stderr,
    700
  ) || `apt-get ended with code ${ran.code}`
