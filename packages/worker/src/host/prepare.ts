/**
 * Making a host an agent over SSH: the very line that an invite prints, with an invite of its own.
 *
 * Owns: the jobs of `host.prepare`. Does not own: the script (hub), installing (agent), invites (core's `Agents`).
 * Invariants: the invite's token travels in standard input and is in no event, job or command line; how it ended is an event, also when it
 * failed; a host that is enrolled keeps its enrollment unless somebody said otherwise; the invite is that of whoever asked for it.
 */
import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import { Agents } from "@signalbox/core/agent/Agents.ts"
import { installLine } from "@signalbox/core/agent/install.ts"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import type { HostConfig } from "@signalbox/core/host/config.ts"
import { PrepareJob } from "@signalbox/core/host/jobs.ts"
import { hostConfig } from "@signalbox/core/host/view.ts"
import { jobHandler } from "@signalbox/core/queue/Queue.ts"
import { queues } from "@signalbox/core/queue/queues.ts"
import { HostCommands } from "./HostCommands.ts"
import { framed, lastWords } from "./reply.ts"
import { Transport } from "./Transport.ts"

const installMillis = 8 * 60_000
const inviteMillis = 15 * 60_000

export const hostPrepareHandler = jobHandler({
  queue: queues.hostPrepare.name,
  data: PrepareJob,
  run: (job) =>
    Effect.gen(function* () {
      yield* (yield* ReadModels).waitFor(job.position)
      const commands = yield* HostCommands
      const view = yield* commands.load(job.name)
      if (view === undefined || view.removed) return
      yield* (yield* Transport).retryNow(job.name)
      const said = yield* prepare(hostConfig(view), job).pipe(
        Effect.catchTag(["HostUnreachable", "HostRefused", "AgentInvalid", "CommandRejected"], (error) =>
          Effect.succeed({ failed: error.message })
        )
      )
      yield* commands.run(
        job.name,
        "failed" in said
          ? { _tag: "RecordPrepareFailed", reason: said.failed }
          : { _tag: "RecordPrepared", said: said.lines },
        `prepared/${job.position}`
      )
    }),
  onExhausted: ({ name, position }, { reason }) =>
    Effect.flatMap(HostCommands, (commands) =>
      commands.run(name, { _tag: "RecordPrepareFailed", reason: reason.slice(0, 1_000) }, `prepared/${position}`)
    ).pipe(Effect.catch((error) => Effect.logError(`how ${name} was prepared was not recorded: ${error.message}`)))
})

const prepare = Effect.fnUntraced(function* (host: HostConfig, job: typeof PrepareJob.Type) {
  const transport = yield* Transport
  const agents = yield* Agents
  const look = yield* transport.exec(host, "exec /bin/sh -s", { input: lookScript, timeoutMs: 30_000 })
  const found = framed(look.out)
  if (found === undefined)
    return { failed: `${host.name} answers, but runs no shell script for us: ${lastWords(look.err) || "no output"}` }
  const root = found.includes("root")
  if (!root && !found.includes("sudo"))
    return {
      failed: `Installing the agent takes root, and the user on ${host.name} is not root and may not use sudo without a password. Let it, or run the line of signalbox agent invite there.`
    }
  const enrolled = found.includes("enrolled")
  let token: string | undefined
  if (!enrolled || job.replace) {
    const by = () => ({ commandId: randomUUID(), actor: job.actor ?? "worker" })
    if (job.replace) yield* Effect.ignore(agents.revoke(host.name, "its host is enrolled anew", by()))
    token = (yield* agents.invite(
      { name: host.name, tags: host.tags.filter(isTag), allows: [], ttlMillis: inviteMillis },
      by()
    )).token
  }
  const line = installLine({
    url: job.url,
    fingerprint: job.fingerprint,
    script: job.script,
    ...(token === undefined ? {} : { token }),
    ...(job.replace ? { replace: true } : {})
  })
  const script = `export LC_ALL=C\nprintf '\\n@signalbox\\n'\n( ${line} ) 2>&1 || echo "@failed"\necho @end\nexit 0\n`
  const ran = yield* transport.exec(host, root ? "exec /bin/sh -s" : "exec sudo -n /bin/sh -s", {
    input: script,
    timeoutMs: installMillis,
    maxBytes: 1_048_576
  })
  const lines = framed(ran.out)
    ?.map((one) => printable(one))
    .filter((one) => one !== "")
  if (lines === undefined || lines.includes("@failed")) {
    const why = (lines ?? []).filter((one) => one !== "@failed").at(-1) ?? (lastWords(ran.err) || "it said nothing")
    return { failed: `The agent was not installed on ${host.name}: ${why}` }
  }
  return { lines: lines.slice(-20) }
})

/** Who we are there, and whether the host is an agent already. */
const lookScript = `printf '\\n@signalbox\\n'
if [ "$(id -u)" = 0 ]; then echo root; elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then echo sudo; fi
[ -f /etc/signalbox-agent/agent.json ] && echo enrolled
echo @end
exit 0
`

/** Tags of hosts are freer than those of agents. */
const isTag = (tag: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._=:/-]{0,62}$/u.test(tag)

const printable = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Cf}]/gu, "")
    .trim()
    .slice(0, 300)
