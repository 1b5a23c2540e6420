/**
 * The agent's command: `run`, `helper`, `enroll`, `install`, `uninstall`, `restore`, `version`.
 *
 * Owns: subcommands, exit codes, signals. Does not own: what they do; each is loaded when it is asked for.
 * Invariants: one file runs on plain Node from the version below on, and says so where it is older; exit 2 is a wrong call, 3 is revoked.
 */
import * as module from "node:module"
import { dirname, join } from "node:path"
import { fillOlderNode } from "./older-node.ts"
import type { Surroundings } from "./perform/Surroundings.ts"
import { type Places, placesBelow } from "./places.ts"
import { reasonOf, Trouble } from "./trouble.ts"

const usage = `usage: signalbox-agent run | helper | enroll [--replace] | install [--replace] | uninstall | restore ID | version
  run      the connection to the hub, and what needs no rights (systemd: signalbox-agent.service)
  helper   root's part, asked over a unix socket (systemd: signalbox-agent-helper.socket)
  enroll   makes this host an agent: HUB_URL, TOKEN and HUB_FINGERPRINT come from the environment
  install  enrolls when TOKEN is given, and runs the agent as systemd services from then on
  uninstall
  restore  takes back the configuration change ID, when nobody has called that off
  version
`
/** As systemd is told: it does not start a revoked agent again. */
const revokedExit = 3

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  fillOlderNode()
  const places = placesBelow(process.env["SIGNALBOX_AGENT_ROOT"] ?? "")
  const stop = new AbortController()
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop.abort())
  switch (args[0]) {
    case "run": {
      const [{ run }, { performersLazily }] = await Promise.all([import("./run.ts"), import("./perform/lazily.ts")])
      const performers = performersLazily(surroundings(places, places.state))
      return (await run({ places, performers, signal: stop.signal, connected: keepCompiled })) === "revoked"
        ? revokedExit
        : 0
    }
    case "helper": {
      const [{ helper }, { performersLazily }, { afterGuard, recoverChanges, releaseGuard }, { afterInterruption }] =
        await Promise.all([
          import("./helper.ts"),
          import("./perform/lazily.ts"),
          import("./perform/config/back.ts"),
          import("./perform/interrupted.ts")
        ])
      const own = surroundings(places, places.helperState)
      await recoverChanges(own)
      await helper({
        places,
        performers: performersLazily(own),
        aftermath: {
          release: (commandId) => releaseGuard(own, commandId),
          interrupted: (commandId) => afterInterruption(own, commandId),
          since: async (commandId, ended) =>
            ended.outcome === "succeeded" ? { ...ended, ...(await afterGuard(own, commandId)) } : ended
        },
        signal: stop.signal
      })
      return 0
    }
    case "enroll": {
      const { enroll } = await import("./enroll.ts")
      const invite = invitation(args)
      if (invite === undefined)
        throw new Trouble("HUB_URL and TOKEN must be in the environment. signalbox agent invite prints the whole line.")
      const { name, hub } = await enroll({ places, ...invite })
      process.stdout.write(`This host is ${name} at ${hub} now.\n`)
      return 0
    }
    case "install": {
      const { install } = await import("./install.ts")
      const invite = invitation(args)
      const said = await install({
        places,
        ...(invite === undefined ? {} : { enroll: invite }),
        environment: process.env,
        node: process.execPath,
        bundle: process.argv[1] ?? ""
      })
      process.stdout.write(`${said.join("\n")}\n`)
      return 0
    }
    case "uninstall": {
      const { uninstall } = await import("./install.ts")
      process.stdout.write(`${(await uninstall(places)).join("\n")}\n`)
      return 0
    }
    case "restore": {
      const { restoreChange } = await import("./perform/config/back.ts")
      const back = await restoreChange(surroundings(places, places.helperState), args[1] ?? "")
      process.stdout.write(`${JSON.stringify(back)}\n`)
      return 0
    }
    case "version": {
      const { version } = await import("./version.ts")
      process.stdout.write(`${version}\n`)
      return 0
    }
    default:
      process.stderr.write(usage)
      return 2
  }
}

/** Not only at a good end: the next start may come after a power cut. */
const keepCompiled = (): void => {
  if (process.env["NODE_COMPILE_CACHE"] !== undefined) module.flushCompileCache?.() // not in older ones
}

/** From the environment: a command line is seen by everybody on the host. */
const invitation = (args: ReadonlyArray<string>) => {
  const { HUB_URL, TOKEN, HUB_FINGERPRINT } = process.env
  if (HUB_URL === undefined || TOKEN === undefined) return undefined
  return {
    hub: HUB_URL,
    fingerprint: HUB_FINGERPRINT === "" ? undefined : HUB_FINGERPRINT,
    token: TOKEN,
    replace: args.includes("--replace")
  }
}

const surroundings = (places: Places, state: string): Surroundings => ({
  stateDirectory: join(state, "changes"),
  agentCommand: [process.execPath, process.argv[1] ?? ""],
  ownPaths: [dirname(places.config), places.state, places.helperState, process.argv[1] ?? ""]
})

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (cause: unknown) => {
    process.stderr.write(
      `error: ${cause instanceof Trouble ? cause.message : `${reasonOf(cause)}\n${cause instanceof Error ? cause.stack : ""}`}\n`
    )
    process.exit(1)
  }
)
