/**
 * The agent's command: `run`, `helper`, `enroll`, `restore`, `version`.
 *
 * Owns: subcommands, exit codes, signals. Does not own: what they do; each is loaded when it is asked for.
 * Invariants: one file runs on plain Node from the version below on, and says so where it is older; exit 2 is a wrong call, 3 is revoked.
 */
import { fillOlderNode } from "./older-node.ts"
import { placesBelow } from "./places.ts"
import { reasonOf, Trouble } from "./trouble.ts"

const usage = `usage: signalbox-agent run | helper | enroll [--replace] | restore ID | version
  run      the connection to the hub, and what needs no rights (systemd: signalbox-agent.service)
  helper   root's part, asked over a unix socket (systemd: signalbox-agent-helper.socket)
  enroll   makes this host an agent: HUB_URL, TOKEN and HUB_FINGERPRINT come from the environment
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
      const [{ run }, { performers }] = await Promise.all([import("./run.ts"), import("./perform/performers.ts")])
      return (await run({ places, performers, signal: stop.signal })) === "revoked" ? revokedExit : 0
    }
    case "helper": {
      const [{ helper }, { performers }] = await Promise.all([import("./helper.ts"), import("./perform/performers.ts")])
      await helper({ places, performers, signal: stop.signal })
      return 0
    }
    case "enroll": {
      const { enroll } = await import("./enroll.ts")
      const { HUB_URL, TOKEN, HUB_FINGERPRINT } = process.env
      if (HUB_URL === undefined || TOKEN === undefined)
        throw new Trouble("HUB_URL and TOKEN must be in the environment. signalbox agent invite prints the whole line.")
      const { name, hub } = await enroll({
        places,
        hub: HUB_URL,
        fingerprint: HUB_FINGERPRINT === "" ? undefined : HUB_FINGERPRINT,
        token: TOKEN,
        replace: args.includes("--replace")
      })
      process.stdout.write(`This host is ${name} at ${hub} now.\n`)
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

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (cause: unknown) => {
    process.stderr.write(
      `error: ${cause instanceof Trouble ? cause.message : `${reasonOf(cause)}\n${cause instanceof Error ? cause.stack : ""}`}\n`
    )
    process.exit(1)
  }
)
